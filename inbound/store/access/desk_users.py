"""People who sign in at the desk. A password is stored as its argon2id hash only."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from uuid import UUID

import psycopg
from psycopg.rows import args_row

from inbound.store.connections import raises_store_errors
from inbound.store.statements import statements

_SQL: Final = statements(__package__, "desk_users")
_ADD_USER: Final = _SQL["add_user"]
_FIND_USER: Final = _SQL["find_user"]
_HOLD_USER: Final = _SQL["hold_user"]
_LIST_USERS: Final = _SQL["list_users"]
_SET_PASSWORD: Final = _SQL["set_password"]
_UPGRADE_HASH: Final = _SQL["upgrade_hash"]
_DISABLE_USER: Final = _SQL["disable_user"]
_ENABLE_USER: Final = _SQL["enable_user"]
_SET_ROLES: Final = _SQL["set_roles"]
_LOCK_HOLDERS: Final = _SQL["lock_holders"]


@dataclass(frozen=True, slots=True)
class DeskUser:
    """A person who may sign in, unless disabled. `actor` is their name in the audit."""

    user_id: UUID
    name: str
    actor: str
    password_hash: str = field(repr=False)
    roles: Sequence[str]
    created_at: datetime
    password_set_at: datetime
    disabled_at: datetime | None = None
    provider_login: str | None = None
    provider_issuer: str | None = None
    provider_subject: str | None = None

    @property
    def is_of_provider(self) -> bool:
        """Whether they sign in at the OpenID provider."""
        return self.provider_login is not None or self.provider_subject is not None


@dataclass(frozen=True, slots=True)
class ListedUser(DeskUser):
    """A user with their sessions: how many, and when one was last used.

    `has_factor`: they have a second factor.
    """

    seen_at: datetime | None = None
    sessions: int = 0
    has_factor: bool = False


@raises_store_errors
def add_user(conn: psycopg.Connection, user: DeskUser) -> bool:
    """Store a user; False if the name is taken, by a disabled one too.

    Their provider login must not be another user's (`find_by_login`).
    """
    added = conn.execute(
        _ADD_USER,
        {
            "user_id": user.user_id,
            "name": user.name,
            "actor": user.actor,
            "password_hash": user.password_hash,
            "roles": list(user.roles),
            "now": user.created_at,
            "login": user.provider_login,
        },
    )
    return added.rowcount == 1


@raises_store_errors
def find_user(conn: psycopg.Connection, name: str) -> DeskUser | None:
    """Return the user of this name, a disabled one too."""
    with conn.cursor(row_factory=args_row(DeskUser)) as cursor:
        return cursor.execute(_FIND_USER, {"name": name}).fetchone()


@raises_store_errors
def hold_user(conn: psycopg.Connection, user_id: UUID) -> DeskUser | None:
    """Return a user as they are now, a disabled one too; nobody changes them until commit.

    Waits for a change that is under way. Several may hold one user.
    """
    with conn.cursor(row_factory=args_row(DeskUser)) as cursor:
        return cursor.execute(_HOLD_USER, {"user_id": user_id}).fetchone()


@raises_store_errors
def list_users(conn: psycopg.Connection) -> list[ListedUser]:
    """Return all users by name, disabled ones last."""
    with conn.cursor(row_factory=args_row(ListedUser)) as cursor:
        return cursor.execute(_LIST_USERS).fetchall()


@raises_store_errors
def set_password(
    conn: psycopg.Connection, user_id: UUID, password_hash: str, now: datetime
) -> None:
    """Replace a password. The caller ends the sessions."""
    parameters = {"user_id": user_id, "password_hash": password_hash, "now": now}
    conn.execute(_SET_PASSWORD, parameters)


@raises_store_errors
def upgrade_hash(conn: psycopg.Connection, user: DeskUser, password_hash: str) -> None:
    """Store the same password hashed with newer parameters."""
    parameters = {
        "user_id": user.user_id,
        "password_hash": password_hash,
        "before": user.password_hash,
    }
    conn.execute(_UPGRADE_HASH, parameters)


@raises_store_errors
def disable_user(conn: psycopg.Connection, user_id: UUID, now: datetime) -> None:
    """Let a user sign in no more. The caller ends the sessions."""
    conn.execute(_DISABLE_USER, {"user_id": user_id, "now": now})


@raises_store_errors
def enable_user(conn: psycopg.Connection, user_id: UUID) -> bool:
    """Let a disabled user sign in again; False if they may already."""
    return conn.execute(_ENABLE_USER, {"user_id": user_id}).rowcount == 1


@raises_store_errors
def set_roles(conn: psycopg.Connection, user_id: UUID, roles: Sequence[str]) -> None:
    """Replace the roles of a user. They count from the user's next request on."""
    conn.execute(_SET_ROLES, {"user_id": user_id, "roles": list(roles)})


@raises_store_errors
def lock_holders(conn: psycopg.Connection, role: str) -> list[UUID]:
    """Return who has a role, a password of the desk alone, and is not disabled.

    Until commit nobody else takes it from them.
    """
    return [user_id for (user_id,) in conn.execute(_LOCK_HOLDERS, {"role": role})]
