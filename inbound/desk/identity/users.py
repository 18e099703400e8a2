"""Changes that administrators make to users of the desk, each with an audit entry.

Synchronous, on the caller's connection. A right that a user loses ends with their next request,
because a session is checked together with its user.
"""

import re
import secrets
import string
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

import psycopg

from inbound.desk.identity.failures import account_key
from inbound.desk.roles import Role
from inbound.errors import SetupError
from inbound.store.access.audit import record
from inbound.store.access.desk_sessions import end_sessions, forget_failures, lock_user
from inbound.store.access.desk_users import (
    DeskUser,
    add_user,
    disable_user,
    enable_user,
    find_user,
    lock_holders,
    set_password,
    set_roles,
)
from inbound.store.access.provider_users import find_by_login
from inbound.store.access.second_factors import remove_factor
from inbound.store.connections import raises_store_errors

# Names are kept for ever in logs and in the audit, so they must not contain a phone number.
NAME: Final = re.compile(r"(?!.*[0-9]{7})[a-z][a-z0-9._-]{0,63}")
NAME_RULE: Final = (
    "use up to 64 small Latin letters, digits, dots and dashes, a letter first, and no phone number"
)
_CHARACTERS: Final = string.ascii_letters + string.digits
_GENERATED: Final = 20


@dataclass(frozen=True, slots=True)
class AuditStamp:
    """Who changes a user, and when."""

    actor: str
    now: datetime


class NameTakenError(SetupError):
    """Another user has this name, perhaps a disabled one."""


class UnknownUserError(SetupError):
    """No user has this name."""


class LoginTakenError(SetupError):
    """Another user is this person at the OpenID provider already."""


class LastAdministratorError(SetupError):
    """Nobody would be left to manage users."""


def new_password() -> str:
    """Return a random password of 119 bits."""
    return "".join(secrets.choice(_CHARACTERS) for _ in range(_GENERATED))


def check_name(name: str) -> str:
    """Return a name that a user can have. Raises SetupError."""
    if not NAME.fullmatch(name):
        raise SetupError(f"NAME: {NAME_RULE}")
    return name


@raises_store_errors
def create(
    conn: psycopg.Connection,
    change: AuditStamp,
    *,
    user_id: UUID,
    name: str,
    roles: Sequence[Role],
    password_hash: str,
    actor: str = "",
    login: str | None = None,
) -> None:
    """Create a user; `actor` is their name in the audit, by default `user NAME`.

    `login` is who they are at the OpenID provider. Raises NameTakenError and LoginTakenError.
    """
    granted = sorted({role.value for role in roles})
    user = DeskUser(
        user_id,
        name,
        actor or f"user {name}",
        password_hash,
        granted,
        change.now,
        change.now,
        provider_login=login,
    )
    with conn.transaction():
        refuse_taken(find_by_login(conn, login) if login else None, user)
        if not add_user(conn, user):
            raise NameTakenError(
                f"a user {name!r} exists: choose another name, or give them a new password with "
                f"`scserv users password {name}`"
            )
        reason = f"{name}: {', '.join(granted)}"
        record(conn, actor=change.actor, action="desk.create_user", reason=reason)


@raises_store_errors
def reset_password(
    conn: psycopg.Connection, change: AuditStamp, name: str, password_hash: str, key: bytes
) -> int:
    """Replace a user's password and end their sessions; return how many. Raises SetupError.

    Their failures to sign in are forgotten; `key` is that of `inbound.desk.identity.failures`.
    """
    with conn.transaction():
        user = _known(conn, name)
        set_password(conn, user.user_id, password_hash, change.now)
        forget_failures(conn, [account_key(name, key)])
        ended = end_sessions(conn, user.user_id)
        record(conn, actor=change.actor, action="desk.reset_password", reason=name)
    return ended


@raises_store_errors
def disable(conn: psycopg.Connection, change: AuditStamp, name: str) -> int:
    """Disable a user and end their sessions; return how many. Raises SetupError.

    The last user who is an administrator can't be disabled.
    """
    with conn.transaction():
        administrators = lock_holders(conn, Role.ADMINISTRATOR)
        user = _known(conn, name)
        if user.disabled_at is not None:
            raise SetupError(f"{name} is disabled already")
        keep_one_administrator(administrators, user)
        disable_user(conn, user.user_id, change.now)
        ended = end_sessions(conn, user.user_id)
        record(conn, actor=change.actor, action="desk.disable_user", reason=name)
    return ended


@raises_store_errors
def enable(conn: psycopg.Connection, change: AuditStamp, name: str) -> bool:
    """Let a disabled user sign in again; False if they may already. Raises SetupError."""
    with conn.transaction():
        user = _known(conn, name)
        is_changed = enable_user(conn, user.user_id)
        if is_changed:
            record(conn, actor=change.actor, action="desk.enable_user", reason=name)
    return is_changed


@raises_store_errors
def change_roles(
    conn: psycopg.Connection, change: AuditStamp, name: str, roles: Sequence[Role]
) -> bool:
    """Give a user these roles instead of theirs; False if they have just these.

    Raises SetupError, for the last user who is an administrator too.
    """
    granted = sorted({role.value for role in roles})
    with conn.transaction():
        administrators = lock_holders(conn, Role.ADMINISTRATOR)
        user = _known(conn, name)
        before = sorted(user.roles)
        if before == granted:
            return False
        if Role.ADMINISTRATOR not in granted:
            keep_one_administrator(administrators, user)
        set_roles(conn, user.user_id, granted)
        reason = f"{name}: {', '.join(before)} -> {', '.join(granted)}"
        record(conn, actor=change.actor, action="desk.change_roles", reason=reason)
    return True


@raises_store_errors
def end_all_sessions(conn: psycopg.Connection, change: AuditStamp, name: str) -> int:
    """End the sessions of a user and return how many. Raises SetupError."""
    with conn.transaction():
        ended = end_sessions(conn, _known(conn, name).user_id)
        if ended:
            reason = f"of {name}: {ended}"
            record(conn, actor=change.actor, action="desk.end_session", reason=reason)
    return ended


@raises_store_errors
def reset_factor(conn: psycopg.Connection, change: AuditStamp, name: str) -> bool:
    """Remove a user's second factor, and end their sessions; False without one.

    Raises UnknownUserError.
    """
    with conn.transaction():
        user = _known(conn, name)
        lock_user(conn, user.user_id)
        is_gone = remove_factor(conn, user.user_id)
        if is_gone:
            end_sessions(conn, user.user_id)
            record(conn, actor=change.actor, action="desk.second_factor", reason=f"{name}: reset")
    return is_gone


def keep_one_administrator(administrators: Sequence[UUID], user: DeskUser) -> None:
    """Raise LastAdministratorError for the only user of these, who `lock_holders` has returned.

    They have a password, so they can sign in while the OpenID provider is down.
    """
    if list(administrators) == [user.user_id]:
        raise LastAdministratorError(
            f"{user.name} is the last administrator with a password: give another user that role "
            "first"
        )


def refuse_taken(other: DeskUser | None, user: DeskUser) -> None:
    """Raise LoginTakenError if another user is a person at the provider already."""
    if other is not None and other.user_id != user.user_id:
        raise LoginTakenError(f"{other.name} signs in as this person already")


def _known(conn: psycopg.Connection, name: str) -> DeskUser:
    user = find_user(conn, name)
    if user is None:
        # Does not repeat the argument, which may be a password.
        raise UnknownUserError("no user has this name; `scserv users list` shows the names")
    return user
