"""Which user of the desk a person at an OpenID provider is.

Finding a user locks them until commit, so that two sign-ins can't bind one user to two subjects.
"""

from typing import Final
from uuid import UUID

import psycopg
from psycopg.rows import args_row

from inbound.store.access.desk_users import DeskUser
from inbound.store.connections import raises_store_errors
from inbound.store.statements import statements

_SQL: Final = statements(__package__, "provider_users")
_FIND_BY_SUBJECT: Final = _SQL["find_by_subject"]
_FIND_BY_LOGIN: Final = _SQL["find_by_login"]
_SET_PROVIDER: Final = _SQL["set_provider"]


@raises_store_errors
def find_by_subject(conn: psycopg.Connection, issuer: str, subject: str) -> DeskUser | None:
    """Return the user who is bound to this subject, and lock them."""
    with conn.cursor(row_factory=args_row(DeskUser)) as cursor:
        parameters = {"issuer": issuer, "subject": subject}
        return cursor.execute(_FIND_BY_SUBJECT, parameters).fetchone()


@raises_store_errors
def find_by_login(conn: psycopg.Connection, login: str) -> DeskUser | None:
    """Return the user with this login at the provider, bound or not, and lock them."""
    with conn.cursor(row_factory=args_row(DeskUser)) as cursor:
        return cursor.execute(_FIND_BY_LOGIN, {"login": login}).fetchone()


@raises_store_errors
def set_provider(
    conn: psycopg.Connection,
    user_id: UUID,
    login: str | None,
    issuer: str | None,
    subject: str | None,
) -> None:
    """Replace what finds a user at the provider; all None: they sign in with a password."""
    parameters = {"user_id": user_id, "login": login, "issuer": issuer, "subject": subject}
    conn.execute(_SET_PROVIDER, parameters)
