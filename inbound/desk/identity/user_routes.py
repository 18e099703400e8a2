"""Routes of the people who sign in at the desk.

A password is shown in one answer, and never again.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Final
from uuid import uuid4

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from inbound.desk.access import Desk, DeskDep, see_other
from inbound.desk.identity import users
from inbound.desk.identity.passwords import hash_password
from inbound.desk.identity.users import (
    AuditStamp,
    LastAdministratorError,
    LoginTakenError,
    NameTakenError,
    new_password,
)
from inbound.desk.navigation import MenuEntry
from inbound.desk.problems import ErrorPage, SentForm
from inbound.desk.provider.binding import assign
from inbound.desk.provider.claims import normal_login
from inbound.desk.roles import Right, Role
from inbound.desk.visitors import Action, Does, Sees, Visitor
from inbound.errors import SetupError
from inbound.store.access.desk_users import ListedUser, list_users
from inbound.stored_texts import lower_ascii

PATH: Final = "/users"
PLACE: Final = MenuEntry(PATH, "Users", "people", Right.USERS)
_DONE: Final = {
    "roles": "The roles were changed. They count from the user's next page on.",
    "same": "Nothing was changed: it was like that already.",
    "disabled": "The user may not sign in any more. Their sessions have ended.",
    "enabled": "The user may sign in again, with the password that they had.",
    "factor": "The second factor was removed. The user signs in with the password alone.",
    "ended": "The sessions of the user have ended.",
    "provider": "It was set. The sessions of the user have ended.",
}
_MEANINGS: Final = {
    Role.VIEWER: "Sees everything but whole numbers, and changes nothing.",
    Role.SUPPORT: "Answers clients: whole numbers, notifications, messages to one person.",
    Role.EDITOR: "Prepares messages and broadcasts.",
    Role.APPROVER: "Releases what others have prepared.",
    Role.OPERATOR: "Keeps the service running.",
    Role.ADMINISTRATOR: "May do everything.",
}
_NO_ROLE: Final = "Choose at least one role."
_LAST: Final = (
    "This is the last administrator with a password of the desk. Give another user that role first."
)
_TAKEN: Final = "Another user is this person at the provider already."
_ROLES_THERE: Final = "This user's roles come from the provider, at each sign-in."
_SIGNS_IN_THERE: Final = "This user signs in at the provider alone."

router = APIRouter()
MaySee = Annotated[Visitor, Depends(Sees(Right.USERS))]
MayChange = Annotated[Action, Depends(Does(Right.USERS_CHANGE))]


@dataclass(frozen=True, slots=True)
class UserNotice:
    """The result of an action. `password` is shown in this answer alone."""

    done: str = ""
    problem: str = ""
    password: str = field(default="", repr=False)
    typed: Mapping[str, str] = field(default_factory=dict)


@router.get(PATH)
async def user_list(request: Request, desk: DeskDep, _: MaySee) -> Response:
    """Show all users."""
    return await _list(request, desk, UserNotice())


@router.post(PATH)
async def create(request: Request, desk: DeskDep, action: MayChange) -> Response:
    """Create a user, and show the first password once."""
    name, roles = lower_ascii(action.form["name"].strip()), _roles(action.form)
    problem = ""
    if not users.NAME.fullmatch(name):
        problem = (
            "A name has up to 64 small Latin letters, digits, dots and dashes, begins with a "
            "letter, and is no phone number."
        )
    elif not roles:
        problem = _NO_ROLE
    else:
        password, login = new_password(), _login(desk, action.form)
        hashed = await asyncio.to_thread(hash_password, password)
        try:
            await desk.sources.pool.run(
                users.create,
                _change(desk, action),
                user_id=uuid4(),
                name=name,
                roles=roles,
                password_hash=hashed,
                login=login,
            )
        except NameTakenError:
            problem = "Another user has this name, perhaps a disabled one. Choose another name."
        except LoginTakenError:
            problem = _TAKEN
        else:
            done = "The user was created."
            shown = "" if login else password  # somebody who comes from the provider needs none
            return await _one(request, desk, name, UserNotice(done=done, password=shown))
    return await _list(request, desk, UserNotice(problem=problem, typed=action.form.fields), 422)


@router.get(f"{PATH}/{{name}}")
async def user(request: Request, desk: DeskDep, _: MaySee, name: str, done: str = "") -> Response:
    """Show a user."""
    return await _one(request, desk, name, UserNotice(done=_DONE.get(done, "")))


@router.post(f"{PATH}/{{name}}/roles")
async def change_roles(request: Request, desk: DeskDep, action: MayChange, name: str) -> Response:
    """Give a user other roles."""
    known = await _known(desk, name)
    roles = _roles(action.form)
    if known.is_of_provider and desk.provider and desk.provider.gives_roles:
        return await _one(request, desk, name, UserNotice(problem=_ROLES_THERE), 422)
    if not roles:
        return await _one(request, desk, name, UserNotice(problem=_NO_ROLE), 422)
    try:
        is_changed = await desk.sources.pool.run(
            users.change_roles, _change(desk, action), name, roles
        )
    except LastAdministratorError:
        return await _one(request, desk, name, UserNotice(problem=_LAST), 422)
    return see_other(f"{PATH}/{name}?done={'roles' if is_changed else 'same'}")


@router.post(f"{PATH}/{{name}}/password")
async def give_password(request: Request, desk: DeskDep, action: MayChange, name: str) -> Response:
    """Give a user a new password, show it once, and end their sessions."""
    known = await _known(desk, name)
    if known.is_of_provider and not desk.sign_in.passwords_of_all:
        return await _one(request, desk, name, UserNotice(problem=_SIGNS_IN_THERE), 422)
    if name == action.visitor.name:  # their session would end, and nobody would see the password
        problem = "Change your own password on the page of your account."
        return await _one(request, desk, name, UserNotice(problem=problem), 422)
    password = new_password()
    hashed = await asyncio.to_thread(hash_password, password)
    await desk.sources.pool.run(
        users.reset_password, _change(desk, action), name, hashed, desk.sign_in.throttle.key
    )
    done = "The user has a new password. Their sessions have ended."
    return await _one(request, desk, name, UserNotice(done=done, password=password))


@router.post(f"{PATH}/{{name}}/provider")
async def set_provider(request: Request, desk: DeskDep, action: MayChange, name: str) -> Response:
    """Set who a user is at the OpenID provider; if nobody, they sign in with a password."""
    await _known(desk, name)
    login, subject = _login(desk, action.form), action.form["subject"].strip() or None
    if desk.provider is None and (login or subject):
        raise ErrorPage(404, "This desk has no OpenID provider.", "An operator sets one up.")
    issuer = desk.provider.issuer if desk.provider and subject else None
    try:
        is_changed = await desk.sources.pool.run(
            assign, _change(desk, action), name, login=login, issuer=issuer, subject=subject
        )
    except LoginTakenError:
        return await _one(request, desk, name, UserNotice(problem=_TAKEN), 422)
    except LastAdministratorError:
        return await _one(request, desk, name, UserNotice(problem=_LAST), 422)
    return see_other(f"{PATH}/{name}?done={'provider' if is_changed else 'same'}")


@router.post(f"{PATH}/{{name}}/second-factor/reset")
async def reset_factor(desk: DeskDep, action: MayChange, name: str) -> Response:
    """Remove the second factor of a user who has lost it."""
    await _known(desk, name)
    is_gone = await desk.sources.pool.run(users.reset_factor, _change(desk, action), name)
    return see_other(f"{PATH}/{name}?done={'factor' if is_gone else 'same'}")


@router.post(f"{PATH}/{{name}}/disable")
async def disable(request: Request, desk: DeskDep, action: MayChange, name: str) -> Response:
    """Disable a user, who then can't sign in."""
    await _known(desk, name)
    try:
        await desk.sources.pool.run(users.disable, _change(desk, action), name)
    except LastAdministratorError:
        return await _one(request, desk, name, UserNotice(problem=_LAST), 422)
    except SetupError:  # disabled already
        return see_other(f"{PATH}/{name}?done=same")
    return see_other(f"{PATH}/{name}?done=disabled")


@router.post(f"{PATH}/{{name}}/enable")
async def enable(desk: DeskDep, action: MayChange, name: str) -> Response:
    """Let a disabled user sign in again."""
    await _known(desk, name)
    is_changed = await desk.sources.pool.run(users.enable, _change(desk, action), name)
    return see_other(f"{PATH}/{name}?done={'enabled' if is_changed else 'same'}")


@router.post(f"{PATH}/{{name}}/sessions/end")
async def end_sessions(desk: DeskDep, action: MayChange, name: str) -> Response:
    """End all sessions of a user."""
    await _known(desk, name)
    ended = await desk.sources.pool.run(users.end_all_sessions, _change(desk, action), name)
    return see_other(f"{PATH}/{name}?done={'ended' if ended else 'same'}")


def _change(desk: Desk, action: Action) -> AuditStamp:
    return AuditStamp(action.visitor.session.actor, desk.clock())


def _roles(form: SentForm) -> list[Role]:
    return [role for role in Role if form[f"role-{role.value}"]]


def _login(desk: Desk, form: SentForm) -> str | None:
    claim = desk.provider.user_claim if desk.provider else ""
    return normal_login(form["login"], claim) or None


async def _known(desk: Desk, name: str) -> ListedUser:
    found = [one for one in await desk.sources.pool.run(list_users) if one.name == name]
    if not found:
        raise ErrorPage(404, "No user has this name.", "Choose one from the page of users.")
    return found[0]


async def _list(request: Request, desk: Desk, notice: UserNotice, status: int = 200) -> Response:
    found = await desk.sources.pool.run(list_users)
    return desk.pages.answer(
        request,
        "users.html",
        status,
        users=found,
        notice=notice,
        roles=_MEANINGS,
        provider=desk.provider,
    )


async def _one(
    request: Request, desk: Desk, name: str, notice: UserNotice, status: int = 200
) -> Response:
    user = await _known(desk, name)
    return desk.pages.answer(
        request,
        "user.html",
        status,
        user=user,
        notice=notice,
        roles=_MEANINGS,
        provider=desk.provider,
        has_password=desk.sign_in.passwords_of_all or not user.is_of_provider,
    )
