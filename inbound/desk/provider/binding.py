"""Maps people at the provider to users of the desk; each change has an audit entry.

A user is found by issuer and subject. Before the first sign-in an administrator has written down
their subject or their login, such as a verified e-mail address, which then binds them to the
subject that has it. A user who is bound stays so: another subject with their login is refused.
"""

from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Final

import psycopg

from inbound.desk.identity.users import (
    AuditStamp,
    UnknownUserError,
    keep_one_administrator,
    refuse_taken,
)
from inbound.desk.roles import Role
from inbound.errors import ScservError
from inbound.store.access.audit import record
from inbound.store.access.desk_sessions import end_sessions
from inbound.store.access.desk_users import DeskUser, find_user, lock_holders, set_roles
from inbound.store.access.provider_users import find_by_login, find_by_subject, set_provider
from inbound.store.connections import raises_store_errors

BIND: Final = "desk.provider"


@dataclass(frozen=True, slots=True)
class ProviderIdentity:
    """Somebody whom the provider has recognised. `roles` is None if the desk gives them.

    `no_login` says why there is no login.
    """

    issuer: str
    subject: str
    login: str | None
    roles: Collection[Role] | None = None
    no_login: str = ""


class StrangerError(ScservError):
    """No user of the desk is this person."""

    def __init__(self, person: ProviderIdentity) -> None:
        why = f"; {person.no_login}" if person.no_login else ""
        super().__init__(f"no user is bound to this subject{why}")
        self.person = person


class NotAllowedError(ScservError):
    """The user is disabled, or the provider gives them no role."""


@raises_store_errors
def recognise(conn: psycopg.Connection, person: ProviderIdentity) -> DeskUser:
    """Return the user who this person is, with their roles of today.

    Raises StrangerError and NotAllowedError. Somebody who no longer has a role is signed out.
    """
    with conn.transaction():
        user = find_by_subject(conn, person.issuer, person.subject) or _bound_now(conn, person)
        if user.disabled_at is None and (person.roles is None or person.roles):
            if person.roles is not None:
                _renew_roles(conn, user, person.roles)
            return user
        end_sessions(conn, user.user_id)
        why = "disabled" if user.disabled_at else "no role"
        record(conn, actor=user.actor, action="desk.sign_in_failed", reason=f"provider: {why}")
    raise NotAllowedError(why)


@raises_store_errors
def assign(
    conn: psycopg.Connection,
    change: AuditStamp,
    name: str,
    *,
    login: str | None,
    issuer: str | None = None,
    subject: str | None = None,
) -> bool:
    """Set who a user is at the provider, and end their sessions; False if that is set already.

    A login without a subject is bound at the next sign-in, anew for somebody who was bound. Without
    either they sign in with a password alone. Raises SetupError: another user has this login or
    subject, or no administrator would be left who signs in with a password alone.
    """
    with conn.transaction():
        administrators = lock_holders(conn, Role.ADMINISTRATOR)
        user = find_user(conn, name)
        if user is None:
            raise UnknownUserError("no user has this name; `scserv users list` shows the names")
        before = (user.provider_login, user.provider_issuer, user.provider_subject)
        if (login, issuer, subject) == before:
            return False
        if login is not None or subject is not None:
            keep_one_administrator(administrators, user)
        for other in (
            find_by_login(conn, login) if login else None,
            find_by_subject(conn, issuer, subject) if issuer and subject else None,
        ):
            refuse_taken(other, user)
        set_provider(conn, user.user_id, login, issuer, subject)
        end_sessions(conn, user.user_id)
        said = login or (f"subject {subject}" if subject else "password")
        record(conn, actor=change.actor, action=BIND, reason=f"{name}: {said}")
    return True


def _bound_now(conn: psycopg.Connection, person: ProviderIdentity) -> DeskUser:
    """Bind the user with this person's login, who was never here before. Raises StrangerError."""
    user = find_by_login(conn, person.login) if person.login else None
    if user is None or user.provider_subject is not None:
        raise StrangerError(person)
    set_provider(conn, user.user_id, user.provider_login, person.issuer, person.subject)
    record(conn, actor=user.actor, action=BIND, reason=f"{user.name}: subject {person.subject}")
    return replace(user, provider_issuer=person.issuer, provider_subject=person.subject)


def _renew_roles(conn: psycopg.Connection, user: DeskUser, roles: Collection[Role]) -> None:
    before, granted = sorted(user.roles), sorted(role.value for role in roles)
    if before != granted:
        set_roles(conn, user.user_id, granted)
        reason = f"{user.name}: {', '.join(before)} -> {', '.join(granted)}, by the provider"
        record(conn, actor=user.actor, action="desk.change_roles", reason=reason)
