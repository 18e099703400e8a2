"""Routes of the user's own account: sessions, password and second factor."""

from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from starlette.responses import HTMLResponse, Response

from inbound.desk.access import Desk, DeskDep, see_other
from inbound.desk.identity.one_time_codes import address_of, qr_code
from inbound.desk.identity.passwords import PasswordError
from inbound.desk.identity.sign_in import WrongPasswordError
from inbound.desk.identity.throttle import ThrottledError
from inbound.desk.roles import Right
from inbound.desk.visitors import Action, Does, Sees, Visitor

PATH: Final = "/account"
_DONE: Final = {
    "password": "The password was changed. Your sessions in other browsers have ended.",
    "session": "The session was ended.",
    "others": "All other sessions were ended.",
    "factor": "The second factor was removed. Your password alone is asked for.",
    "same": "Nothing was changed: it was like that already.",
}


router = APIRouter()
MaySee = Annotated[Visitor, Depends(Sees(Right.ACCOUNT))]
MayChange = Annotated[Action, Depends(Does(Right.ACCOUNT))]


@router.get(PATH)
async def account(request: Request, desk: DeskDep, visitor: MaySee, done: str = "") -> Response:
    """Show the user's roles, sessions and the form for a new password."""
    return await _page(request, desk, visitor, done=_DONE.get(done, ""))


@router.post(f"{PATH}/password")
async def change_password(request: Request, desk: DeskDep, action: MayChange) -> Response:
    """Change the user's own password and end their other sessions."""
    form = action.form
    if form["new"] != form["again"]:
        return await _refuse(request, desk, action, "The two new passwords differ.")
    address = desk.addresses.client(request.scope)
    try:
        await desk.sign_in.change_password(
            action.visitor.session, form["current"], form["new"], address
        )
    except PasswordError as error:
        return await _refuse(request, desk, action, str(error))
    except WrongPasswordError:
        return await _refuse(request, desk, action, "The current password is wrong.")
    except ThrottledError:
        problem = "Too many failed attempts. Try again in a quarter of an hour."
        return await _refuse(request, desk, action, problem)
    return see_other(f"{PATH}?done=password")


@router.post(f"{PATH}/sessions/end")
async def end_session(desk: DeskDep, action: MayChange) -> Response:
    """End one of the user's other sessions."""
    try:
        session_id = UUID(action.form["session"])
    except ValueError:
        return see_other(PATH)
    await desk.sign_in.sessions.end(action.visitor.session, session_id)
    return see_other(f"{PATH}?done=session")


@router.post(f"{PATH}/sessions/end-others")
async def end_other_sessions(desk: DeskDep, action: MayChange) -> Response:
    """End all of the user's sessions but this one."""
    await desk.sign_in.sessions.end_others(action.visitor.session)
    return see_other(f"{PATH}?done=others")


@router.post(f"{PATH}/second-factor")
async def begin_factor(request: Request, desk: DeskDep, action: MayChange) -> Response:
    """Show a new secret as a QR code, and ask for the first code."""
    if problem := await _unconfirmed(desk, request, action):
        return await _refuse(request, desk, action, problem)
    if action.visitor.session.has_factor:
        return see_other(f"{PATH}?done=same")
    secret, sealed = desk.sign_in.second_factors.begin(action.visitor.session)
    return _enrolment(request, desk, action, secret, sealed)


@router.post(f"{PATH}/second-factor/confirm")
async def confirm_factor(request: Request, desk: DeskDep, action: MayChange) -> Response:
    """Set the second factor up if the first code is right; show recovery codes once."""
    factors, session, sealed = (
        desk.sign_in.second_factors,
        action.visitor.session,
        action.form["sealed"],
    )
    secret = factors.opened(session, sealed)
    if secret is None:
        problem = "That took too long. Begin again: the QR code is a new one."
        return await _refuse(request, desk, action, problem)
    codes = await factors.set_up(session, secret, action.form["code"])
    if codes is None:
        problem = (
            "The code is wrong. Type the one that the app shows now; is the phone's clock right?"
        )
        return _enrolment(request, desk, action, secret, sealed, problem)
    if not codes:
        return see_other(f"{PATH}?done=same")
    done = "The second factor is set up. Your sessions in other browsers have ended."
    return _codes(request, desk, codes, done)


@router.post(f"{PATH}/second-factor/codes")
async def new_codes(request: Request, desk: DeskDep, action: MayChange) -> Response:
    """Replace the recovery codes, and show the new ones once."""
    if problem := await _unconfirmed(desk, request, action):
        return await _refuse(request, desk, action, problem)
    codes = await desk.sign_in.second_factors.give_codes(action.visitor.session)
    if not codes:
        return see_other(f"{PATH}?done=same")
    done = "There are new recovery codes. The old ones don't count any more."
    return _codes(request, desk, codes, done)


@router.post(f"{PATH}/second-factor/remove")
async def remove_factor(request: Request, desk: DeskDep, action: MayChange) -> Response:
    """Remove the second factor, unless a role of the user needs it."""
    session = action.visitor.session
    if desk.sign_in.sessions.needs_factor(session):
        problem = "Your role needs a second factor. An administrator can reset it."
        return await _refuse(request, desk, action, problem)
    if problem := await _unconfirmed(desk, request, action):
        return await _refuse(request, desk, action, problem)
    is_gone = await desk.sign_in.second_factors.remove(session)
    return see_other(f"{PATH}?done={'factor' if is_gone else 'same'}")


async def _unconfirmed(desk: Desk, request: Request, action: Action) -> str:
    """Return why the user's password was not confirmed, "" if it was."""
    problem = ""
    address = desk.addresses.client(request.scope)
    try:
        await desk.sign_in.confirm_password(action.visitor.session, action.form["current"], address)
    except WrongPasswordError:
        problem = "The current password is wrong."
    except ThrottledError:
        problem = "Too many failed attempts. Try again in a quarter of an hour."
    return problem


def _enrolment(
    request: Request, desk: Desk, action: Action, secret: str, sealed: str, problem: str = ""
) -> HTMLResponse:
    width, dark = qr_code(address_of(secret, action.visitor.name))
    return desk.pages.answer(
        request,
        "second_factor.html",
        422 if problem else 200,
        secret=secret,
        sealed=sealed,
        width=width,
        dark=dark,
        problem=problem,
    )


def _codes(request: Request, desk: Desk, codes: list[str], done: str) -> HTMLResponse:
    return desk.pages.answer(request, "recovery_codes.html", codes=codes, done=done)


async def _refuse(request: Request, desk: Desk, action: Action, problem: str) -> HTMLResponse:
    return await _page(request, desk, action.visitor, 422, problem=problem)


async def _page(
    request: Request,
    desk: Desk,
    visitor: Visitor,
    status: int = 200,
    *,
    done: str = "",
    problem: str = "",
) -> HTMLResponse:
    sessions = await desk.sign_in.sessions.of(visitor.session.user_id)
    factor = await desk.sign_in.second_factors.find(visitor.session.user_id)
    return desk.pages.answer(
        request,
        "account.html",
        status,
        done=done,
        problem=problem,
        sessions=sessions,
        factor=factor,
        provider=desk.provider.title if desk.provider else "OpenID",
        needs_factor=desk.sign_in.sessions.needs_factor(visitor.session),
    )
