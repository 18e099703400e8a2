"""Routes of the senders of an account: asked for by one person, approved by another."""

from typing import Annotated, Final

from fastapi import APIRouter, Depends, Request
from pydantic import TypeAdapter, ValidationError
from starlette.responses import Response

from inbound.desk.access import DeskDep, see_other
from inbound.desk.accounts.account_pages import PATH, missing, refuse
from inbound.desk.roles import Right
from inbound.desk.visitors import Action, Does
from inbound.store.access.audit import ReasonError, check_reason
from inbound.store.orders import account_senders
from inbound.store.orders.rows import AccountMissingError
from schemas.orders import SenderName

_BAD_REASON: Final = (
    "Give a reason in up to 300 characters, without a phone number: it is kept for ever."
)
_SENDER: Final[TypeAdapter[str]] = TypeAdapter(SenderName)

router = APIRouter()
MayChange = Annotated[Action, Depends(Does(Right.ACCOUNTS_CHANGE))]
MayApprove = Annotated[Action, Depends(Does(Right.SENDERS))]


@router.post(f"{PATH}/{{name}}/senders")
async def ask_for_sender(request: Request, desk: DeskDep, action: MayChange, name: str) -> Response:
    """Ask for a sender."""
    sender = action.form["sender"].strip()
    if not _is_sender(sender):
        problem = (
            "Phones can't show this sender. Use up to 11 Latin letters, digits and signs, or up to "
            "15 digits."
        )
        return await refuse(request, desk, name, action, "sender", problem)
    actor = action.visitor.session.actor
    try:
        is_new = await desk.sources.pool.run(account_senders.add_sender, name, sender, actor=actor)
    except AccountMissingError:
        raise missing() from None
    return see_other(f"{PATH}/{name}?done={'asked' if is_new else 'same'}#senders")


@router.post(f"{PATH}/{{name}}/senders/approve")
async def approve_sender(
    request: Request, desk: DeskDep, action: MayApprove, name: str
) -> Response:
    """Approve a sender that somebody else has asked for."""
    try:
        is_new = await desk.sources.pool.run(
            account_senders.approve_sender,
            name,
            action.form["sender"],
            actor=action.visitor.session.actor,
            reason=_reason(action),
        )
    except AccountMissingError:
        raise missing() from None
    except account_senders.SenderMissingError:
        problem = "The sender is not asked for any more."
    except account_senders.SelfApprovalError:
        problem = "You have asked for this sender yourself. Somebody else has to approve it."
    except ReasonError:
        problem = _BAD_REASON
    else:
        return see_other(f"{PATH}/{name}?done={'approved' if is_new else 'same'}#senders")
    return await refuse(request, desk, name, action, "senders", problem)


@router.post(f"{PATH}/{{name}}/senders/remove")
async def remove_sender(request: Request, desk: DeskDep, action: MayApprove, name: str) -> Response:
    """Take a sender from the account, or turn its request down."""
    try:
        is_gone = await desk.sources.pool.run(
            account_senders.remove_sender,
            name,
            action.form["sender"],
            actor=action.visitor.session.actor,
            reason=_reason(action),
        )
    except ReasonError:
        problem = _BAD_REASON
        return await refuse(request, desk, name, action, "senders", problem)
    return see_other(f"{PATH}/{name}?done={'removed' if is_gone else 'same'}#senders")


def _reason(action: Action) -> str:
    given = action.form["reason"].strip()
    return check_reason(given) if given else ""


def _is_sender(sender: str) -> bool:
    try:
        return bool(_SENDER.validate_python(sender))
    except ValidationError:
        return False
