"""The row of a person, and when operators or stops switched their notifications."""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, NamedTuple
from uuid import UUID

import psycopg

from inbound.store.connections import raises_store_errors
from inbound.store.fetching import fetch_row, fetch_rows
from inbound.store.lookup.time_window import TimeWindow
from inbound.store.statements import statements

_SQL: Final = statements(__package__, "people")
_PERSON_BY_HASH: Final = _SQL["person_by_hash"]
_PERSON_BY_SUBJECT: Final = _SQL["person_by_subject"]
_SWITCHES_OF: Final = _SQL["switches_of"]
_LAST_STOPS: Final = _SQL["last_stops"]


@dataclass(frozen=True, slots=True)
class SubjectRow:
    """The row that links a number to a subject; gone once the person is erased."""

    subject_id: UUID
    number_hash: bytes
    number_sealed: bytes = field(repr=False)


class OperatorSwitch(NamedTuple):
    """An operator switched notifications for a person."""

    at: datetime
    notifications_on: bool
    by: str
    reason: str


@raises_store_errors
def person_by_hash(conn: psycopg.Connection, number_hash: bytes) -> SubjectRow | None:
    """Return the subject of a number; None for one who never sent a command, or was erased."""
    return fetch_row(conn, SubjectRow, _PERSON_BY_HASH, {"number_hash": number_hash})


@raises_store_errors
def person_by_subject(conn: psycopg.Connection, subject_id: UUID) -> SubjectRow | None:
    """Return the row of a subject; None for one who was erased."""
    return fetch_row(conn, SubjectRow, _PERSON_BY_SUBJECT, {"subject_id": subject_id})


@raises_store_errors
def switches_of(
    conn: psycopg.Connection, subject_id: UUID, window: TimeWindow, limit: int
) -> list[OperatorSwitch]:
    """Return when operators switched notifications for a subject, the newest first."""
    parameters = {"subject_id": subject_id, "limit": limit, **window._asdict()}
    return fetch_rows(conn, OperatorSwitch, _SWITCHES_OF, parameters)


@raises_store_errors
def last_stops(
    conn: psycopg.Connection, subject_id: UUID, versions: Collection[int]
) -> dict[int, datetime]:
    """Return when notifications had been switched off before each of these versions."""
    parameters = {"subject_id": subject_id, "versions": list(versions)}
    return dict(conn.execute(_LAST_STOPS, parameters).fetchall())
