"""The audit: which actor looked up or changed what about whom, and why.

Insert-only: the database refuses to change or delete a row. An entry never holds a number
or a secret; a reason that quotes a number is refused, because entries are permanent.
Record first and show afterwards, so that nothing is shown without its entry.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

import psycopg
from psycopg.rows import args_row

from inbound.printing import printable
from inbound.store.connections import raises_store_errors
from inbound.store.fetching import fetch_rows
from inbound.store.statements import Query, statements
from schemas.texts import HIDDEN

MAX_LENGTH: Final = 300

_SQL: Final = statements(__package__, "audit")
_ADD_AUDIT = _SQL["add_audit"]
_LIST_AUDIT = _SQL["list_audit"]
_ADD_ENTRIES = _SQL["add_entries"]
_LIST_BROADCAST_AUDIT = _SQL["list_broadcast_audit"]
# Ten digits are a national number; separators between digits are ignored. A date with a time is
# none, nor is the id of a ticket: ten digits at most, with a zero in front and letters before it.
LIKE_A_NUMBER: Final = re.compile(
    r"(?:^|(?<=[^0-9]))"
    r"(?!(?:[0-9]{4}-[0-9]{2}-[0-9]{2}|[0-9]{2}\.[0-9]{2}\.[0-9]{4}) [0-9]{2}:[0-9]{2})"
    r"(?!(?<=[A-Za-z]{2})0[0-9]{9}(?![0-9]))"
    r"(?:[0-9][\s().\-\u00a0\u2010-\u2015]*){10}"
)

_HIDDEN: Final = re.compile(f"[{HIDDEN}]")


@dataclass(frozen=True, slots=True)
class NewAuditEntry:
    """An entry that a transaction of the store writes; `reason` is checked."""

    actor: str
    action: str
    reason: str
    subject_id: UUID | None = None
    request_id: UUID | None = None


class ReasonError(ValueError):
    """A reason that can't be recorded; str() says why without repeating it."""


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One entry. `actor` is an OS user or the name of a token; `action` is like `reveal`."""

    id: int
    at: datetime
    actor: str
    action: str
    subject_id: UUID | None
    request_id: UUID | None
    broadcast_id: UUID | None
    reason: str


def check_reason(reason: str, *, max_length: int = MAX_LENGTH) -> str:
    """Return the reason on one line, without blanks around it, or raise ReasonError."""
    reason = " ".join(reason.split())
    if not reason:
        raise ReasonError("a reason is needed: it is recorded")
    if len(reason) > max_length:
        raise ReasonError(f"a reason has at most {max_length} characters")
    if _HIDDEN.search(reason):
        raise ReasonError("a reason must not contain control or other invisible characters")
    if LIKE_A_NUMBER.search(reason):
        raise ReasonError("a reason must not contain a phone number: it is kept forever")
    return reason


def record(
    conn: psycopg.Connection,
    *,
    actor: str,
    action: str,
    reason: str,
    subject_id: UUID | None = None,
    request_id: UUID | None = None,
) -> AuditEntry:
    """Write one entry; durable on return, unless the caller has an open transaction.

    Blocks on the database. Raises ReasonError, and errors of the store. Not safe to repeat:
    each call is an entry.
    """
    parameters: dict[str, object] = {
        "actor": actor,
        "action": action,
        "reason": check_reason(reason),
        "subject_id": subject_id,
        "request_id": request_id,
    }
    return _insert(conn, parameters)


def insertion(new: Sequence[NewAuditEntry]) -> Query:
    """Return the query that adds these entries to a transaction."""
    return _ADD_ENTRIES, {
        "actors": [one.actor for one in new],
        "actions": [one.action for one in new],
        "subject_ids": [one.subject_id for one in new],
        "request_ids": [one.request_id for one in new],
        "reasons": [one.reason for one in new],
    }


@raises_store_errors
def record_all(conn: psycopg.Connection, new: Sequence[NewAuditEntry]) -> None:
    """Write entries; durable on return. Their reasons are checked."""
    conn.execute(*insertion(new))


def record_change(conn: psycopg.Connection, actor: str, action: str, what: str) -> None:
    """Write what somebody changed, in the transaction that changes it; long names are cut."""
    record_all(conn, [NewAuditEntry(actor, action, printable(what, MAX_LENGTH))])


@raises_store_errors
def entries(
    conn: psycopg.Connection,
    *,
    limit: int,
    before: int | None = None,
    since: datetime | None = None,
    subject_id: UUID | None = None,
) -> list[AuditEntry]:
    """Return up to `limit` entries, the newest first; `before` is the last id of a page."""
    parameters = {"limit": limit, "before": before, "since": since, "subject_id": subject_id}
    return fetch_rows(conn, AuditEntry, _LIST_AUDIT, parameters)


@raises_store_errors
def broadcast_entries(conn: psycopg.Connection, broadcast_id: UUID) -> list[AuditEntry]:
    """Return what was done with a broadcast, in order: its first thousand actions."""
    parameters = {"broadcast_id": broadcast_id, "limit": 1000}
    with conn.cursor(row_factory=args_row(AuditEntry)) as cursor:
        return cursor.execute(_LIST_BROADCAST_AUDIT, parameters).fetchall()


@raises_store_errors
def _insert(conn: psycopg.Connection, parameters: dict[str, object]) -> AuditEntry:
    with conn.cursor(row_factory=args_row(AuditEntry)) as cursor:
        entry = cursor.execute(_ADD_AUDIT, parameters).fetchone()
    if entry is None:
        raise RuntimeError("INSERT ... RETURNING returned no row")
    return entry
