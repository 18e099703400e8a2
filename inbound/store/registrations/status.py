"""The switch and the held requests, for operators and metrics. On a connection of the caller."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

import psycopg
from psycopg.rows import args_row

from inbound.store.access import audit
from inbound.store.connections import raises_store_errors
from inbound.store.fetching import fetch_rows
from inbound.store.registrations.rows import HeldRegistration, RegistrationsUsed
from inbound.store.statements import statements

_SQL: Final = statements(__package__, "registrations")
_FIND_STATUS: Final = _SQL["find_status"]
_FIND_USED: Final = _SQL["find_used"]
_LIST_HELD: Final = _SQL["list_held"]
_SET_SWITCH: Final = _SQL["set_switch"]
_SWEEP_COUNTS: Final = _SQL["sweep_counts"]


@dataclass(frozen=True, slots=True)
class RegistrationStatus:
    """The switch with its last change, how many are held, and the numbers in the directory."""

    off: bool
    changed_at: datetime | None
    changed_by: str | None
    reason: str | None
    held: int
    first_expires_at: datetime | None
    held_in_hour: int
    clients: int


@raises_store_errors
def find_status(conn: psycopg.Connection) -> RegistrationStatus:
    """Return the state of registrations now."""
    with conn.cursor(row_factory=args_row(RegistrationStatus)) as cursor:
        found = cursor.execute(_FIND_STATUS).fetchone()
    if found is None:
        raise RuntimeError("the table registration_switch has lost its row")
    return found


@raises_store_errors
def find_used(conn: psycopg.Connection) -> RegistrationsUsed:
    """Return how many registrations were sent within the last minute and hour."""
    return RegistrationsUsed.of_rows(conn.execute(_FIND_USED).fetchall())


@raises_store_errors
def list_held(conn: psycopg.Connection, limit: int) -> list[HeldRegistration]:
    """Return held requests, the oldest first."""
    return fetch_rows(conn, HeldRegistration, _LIST_HELD, {"limit": limit})


@raises_store_errors
def set_switch(conn: psycopg.Connection, *, off: bool, actor: str, reason: str) -> bool:
    """Switch registrations off or on, with an audit entry; return False if they already were.

    Durable on return. Raises ReasonError.
    """
    checked = audit.check_reason(reason)
    with conn.transaction():
        parameters = {"off": off, "actor": actor, "reason": checked}
        if not conn.execute(_SET_SWITCH, parameters).rowcount:
            return False
        action = "registrations off" if off else "registrations on"
        audit.record(conn, actor=actor, action=action, reason=checked)
    return True


@raises_store_errors
def sweep_counts(conn: psycopg.Connection) -> int:
    """Delete counts that no ceiling needs any more."""
    return conn.execute(_SWEEP_COUNTS).rowcount
