"""Routes of the callback URL of an account. Its signing secret is shown once, in one answer."""

from datetime import timedelta
from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from inbound.callbacks.posting import check_url
from inbound.callbacks.signing import new_secret, secret_context
from inbound.desk.access import Desk, DeskDep, see_other
from inbound.desk.accounts.account_pages import PATH, AccountNotice, page
from inbound.desk.problems import ErrorPage
from inbound.desk.roles import Right
from inbound.desk.visitors import Action, Does
from inbound.errors import SetupError
from inbound.store.callbacks import url_changes
from inbound.store.callbacks.callbacks import SCSERV, SMSC, CallbackUrl

_OVERLAP: Final = timedelta(days=1)

router = APIRouter()
MayChange = Annotated[Action, Depends(Does(Right.ACCOUNTS_CHANGE))]


@router.post(f"{PATH}/{{name}}/callback")
async def set_url(request: Request, desk: DeskDep, action: MayChange, name: str) -> Response:
    """Set the URL, and show the new secret once."""
    form = action.form
    is_private, is_smsc = bool(form["private"]), bool(form["smsc"])
    if is_smsc and form["commands"]:
        problem = "SMSC's form has no calls about commands of clients."
        notice = AccountNotice(problems={"url": problem}, typed=form.fields)
        return await page(request, desk, name, notice, 422)
    try:
        url = check_url(form["url"].strip(), private_allowed=is_private)
    except SetupError:
        problem = (
            "This URL can't be called. Write it like https://example.org/sms, without user, "
            "password and fragment. Private addresses and http:// have to be allowed below."
        )
        notice = AccountNotice(problems={"url": problem}, typed=form.fields)
        return await page(request, desk, name, notice, 422)
    secret, sealed = _secret(desk, name)
    new = CallbackUrl(
        *(name, url, sealed, bool(form["commands"]), is_private), SMSC if is_smsc else SCSERV
    )
    try:
        await desk.sources.pool.run(url_changes.set_url, new, actor=action.visitor.session.actor)
    except url_changes.NoAccountError:
        raise _gone() from None
    done = (
        "The URL is set. Calls are signed with the new secret. Those that wait are made in the "
        "chosen form; those that it can't express are given up."
    )
    return await page(request, desk, name, AccountNotice(done=done, secret=secret))


@router.post(f"{PATH}/{{name}}/callback/rotate")
async def rotate(request: Request, desk: DeskDep, action: MayChange, name: str) -> Response:
    """Make a new secret and show it once; for a day calls are signed with the old one, too."""
    secret, sealed = _secret(desk, name)
    until = desk.clock() + _OVERLAP
    actor = action.visitor.session.actor
    try:
        await desk.sources.pool.run(url_changes.rotate_secret, name, sealed, until, actor=actor)
    except url_changes.NoUrlError:
        raise _gone() from None
    done = "There is a new secret. For a day calls are signed with the old one, too."
    return await page(request, desk, name, AccountNotice(done=done, secret=secret))


@router.post(f"{PATH}/{{name}}/callback/remove")
async def remove(desk: DeskDep, action: MayChange, name: str) -> Response:
    """Remove the URL with the calls that wait."""
    try:
        actor = action.visitor.session.actor
        await desk.sources.pool.run(url_changes.remove_url, name, actor=actor)
    except url_changes.NoUrlError:
        raise _gone() from None
    return see_other(f"{PATH}/{name}?done=url#callbacks")


@router.post(f"{PATH}/{{name}}/callback/retry")
async def retry(desk: DeskDep, action: MayChange, name: str) -> Response:
    """Retry dead calls: one, or all."""
    ids: list[UUID] | None = None
    if action.form["id"] != "all":
        try:
            ids = [UUID(action.form["id"])]
        except ValueError:
            raise _gone() from None
    actor = action.visitor.session.actor
    count = await desk.sources.pool.run(
        url_changes.retry_dead, name, desk.clock(), ids, actor=actor
    )
    return see_other(f"{PATH}/{name}?done={'retried' if count else 'same'}#callbacks")


def _secret(desk: Desk, name: str) -> tuple[str, bytes]:
    secret = new_secret()
    return secret, desk.sources.sealer.seal(secret.encode(), secret_context(name))


def _gone() -> ErrorPage:
    return ErrorPage(
        404,
        "The account or its URL is not there any more.",
        "Choose one from the page of accounts.",
    )
