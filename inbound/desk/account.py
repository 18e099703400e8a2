"""Routes of one's own account: sessions and password."""

from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from starlette.responses import HTMLResponse, Response

from inbound.desk.access import Desk, DeskDep, see_other
from inbound.desk.passwords import PasswordError
from inbound.desk.roles import Right
from inbound.desk.sign_in import ThrottledError, WrongPasswordError
from inbound.desk.visitors import Action, Does, Sees, Visitor

PATH: Final = "/account"
_DONE: Final = {
    "password": "The password was changed. Your sessions in other browsers have ended.",
    "session": "The session was ended.",
    "others": "All other sessions were ended.",
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
    await desk.sign_in.end(action.visitor.session, session_id)
    return see_other(f"{PATH}?done=session")


@router.post(f"{PATH}/sessions/end-others")
async def end_other_sessions(desk: DeskDep, action: MayChange) -> Response:
    """End all of the user's sessions but this one."""
    await desk.sign_in.end_others(action.visitor.session)
    return see_other(f"{PATH}?done=others")


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
    sessions = await desk.sign_in.sessions(visitor.session.user_id)
    return desk.pages.answer(
        request, "account.html", status, done=done, problem=problem, sessions=sessions
    )
