"""The row of a person, and when their notifications were switched on or off."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, NamedTuple
from uuid import UUID

import psycopg

from inbound.store.connections import raises_store_errors
from inbound.store.fetching import fetch_row, fetch_rows
from inbound.store.statements import statements

_SQL: Final = statements(__package__, "people")
_PERSON_BY_HASH: Final = _SQL["person_by_hash"]
_PERSON_BY_SUBJECT: Final = _SQL["person_by_subject"]
_SWITCHES_OF: Final = _SQL["switches_of"]


@dataclass(frozen=True, slots=True)
class SubjectRow:
    """The row that links a number to a subject; gone once the person is erased."""

    subject_id: UUID
    number_hash: bytes
    number_sealed: bytes = field(repr=False)


class StoredSwitch(NamedTuple):
    """Notifications were switched on or off for a person: by their text if `by` is None."""

    version: int
    at: datetime
    notifications_on: bool
    by: str | None
    reason: str | None
    is_undo: bool


@raises_store_errors
def person_by_hash(conn: psycopg.Connection, number_hash: bytes) -> SubjectRow | None:
    """Return the subject of a number; None for one who never sent a command, or was erased."""
    return fetch_row(conn, SubjectRow, _PERSON_BY_HASH, {"number_hash": number_hash})


@raises_store_errors
def person_by_subject(conn: psycopg.Connection, subject_id: UUID) -> SubjectRow | None:
    """Return the row of a subject; None for one who was erased."""
    return fetch_row(conn, SubjectRow, _PERSON_BY_SUBJECT, {"subject_id": subject_id})


@raises_store_errors
def switches_of(conn: psycopg.Connection, subject_id: UUID, limit: int) -> list[StoredSwitch]:
    """Return when notifications were switched on or off for a subject, the newest first."""
    parameters = {"subject_id": subject_id, "limit": limit}
    return fetch_rows(conn, StoredSwitch, _SWITCHES_OF, parameters)
