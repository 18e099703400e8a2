"""Routes of the tokens of the HTTP API. A token is shown in one answer, and never again."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from inbound.api.token_records import (
    NAME,
    NoTokenError,
    TokenExistsError,
    UnknownAccountError,
    create_token,
    make_token,
    revoke_by_name,
    state_of,
)
from inbound.api.tokens import Scope
from inbound.desk.access import Desk, DeskDep, see_other
from inbound.desk.problems import SentForm
from inbound.desk.roles import Right
from inbound.desk.visitors import Action, Does, Sees, Visitor
from inbound.store.access.api_tokens import DEFAULT_ACCOUNT, list_tokens
from inbound.store.orders.account_records import list_accounts

PATH: Final = "/tokens"
_DONE: Final = {
    "revoked": "The token was revoked. It is refused from now on.",
    "same": "Nothing was changed: it was like that already.",
}
_SCOPES: Final = {
    Scope.READ: "See people, messages and broadcasts, without numbers.",
    Scope.RESOLVE: "Learn which client a subject is. Each time is recorded.",
    Scope.REVEAL: "See whole numbers, for a reason. Each time is recorded.",
    Scope.SEND: "Have messages and broadcasts sent, in the name of an account.",
}
_STATES: Final = {"valid": ("good", "ok"), "expired": ("soft", "wait"), "revoked": ("bad", "bad")}
_DAYS: Final = (1, 7, 30, 90, 365)
_LONGEST: Final = 90

router = APIRouter()
MaySee = Annotated[Visitor, Depends(Sees(Right.TOKENS))]
MayChange = Annotated[Action, Depends(Does(Right.TOKENS_CHANGE))]


@dataclass(frozen=True, slots=True)
class TokenNotice:
    """The result of an action. `token` is shown in this answer alone."""

    done: str = ""
    problem: str = ""
    name: str = ""
    token: str = field(default="", repr=False)
    typed: Mapping[str, str] = field(default_factory=lambda: {"days": str(_LONGEST)})


@router.get(PATH)
async def tokens(request: Request, desk: DeskDep, _: MaySee, done: str = "") -> Response:
    """Show all tokens, without their secrets."""
    return await _page(request, desk, TokenNotice(done=_DONE.get(done, "")))


@router.post(PATH)
async def create(request: Request, desk: DeskDep, action: MayChange) -> Response:
    """Create a token and show it once."""
    form, problem, now = action.form, "", desk.clock()
    scopes = [scope.value for scope in Scope if form[f"scope-{scope.value}"]]
    if not NAME.fullmatch(form["name"].strip()):
        problem = "A name has up to 64 letters, digits, dots and dashes, and is no phone number."
    elif not scopes:
        problem = "Choose what the token allows."
    else:
        name, account = form["name"].strip(), form["account"] or DEFAULT_ACCOUNT
        token, new = make_token(name, scopes, now, _expiry(form, now), account)
        try:
            await desk.sources.pool.run(create_token, new, actor=action.visitor.session.actor)
        except TokenExistsError:
            problem = "A valid token has this name. Revoke it first, or choose another name."
        except UnknownAccountError:
            problem = "There is no such account any more. Choose another one."
        else:
            done = "The token was created."
            return await _page(request, desk, TokenNotice(done=done, name=name, token=token))
    return await _page(request, desk, TokenNotice(problem=problem, typed=form.fields), 422)


@router.post(f"{PATH}/revoke")
async def revoke(desk: DeskDep, action: MayChange) -> Response:
    """Revoke a token at once."""
    try:
        await desk.sources.pool.run(
            revoke_by_name, action.form["name"], desk.clock(), actor=action.visitor.session.actor
        )
    except NoTokenError:
        return see_other(f"{PATH}?done=same")
    return see_other(f"{PATH}?done=revoked")


def _expiry(form: SentForm, now: datetime) -> datetime | None:
    days = form.choice("days", ("never", *map(str, _DAYS)))
    return None if days == "never" else now + timedelta(days=int(days))


async def _page(request: Request, desk: Desk, notice: TokenNotice, status: int = 200) -> Response:
    now = desk.clock()
    found = await desk.sources.pool.run(list_tokens)
    accounts = await desk.sources.pool.run(list_accounts)
    return desk.pages.answer(
        request,
        "tokens.html",
        status,
        tokens=[(token, state_of(token, now)) for token in found],
        accounts=[one.account for one in accounts],
        scopes=_SCOPES,
        states=_STATES,
        days=_DAYS,
        notice=notice,
    )
