"""Reads past events: by subject to decide again, by position to publish again.

Read-only. Each query is short and needs no transaction around all of them, because events
never change: those up to the last position at the start stay as they are. Synchronous, on a
connection of the caller.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, TypeVar
from uuid import UUID

import psycopg
from psycopg.rows import args_row

from inbound.store.connections import raises_store_errors
from inbound.store.log.positions import last_position
from inbound.store.log.rows import RecordedEvent
from inbound.store.statements import statements

EARLIEST: Final = datetime(1970, 1, 1, tzinfo=UTC)
LATEST: Final = datetime(9999, 1, 1, tzinfo=UTC)

# Times follow positions, apart from changes of the database's clock.
_CLOCK_STEP: Final = timedelta(minutes=5)
ID_BYTES: Final = 16
_FETCHED_AT_ONCE: Final = 1000

_SQL: Final = statements(__package__, "replay_inputs")
_FIND_RECORDED_AT = _SQL["find_recorded_at"]
_LIST_SUBJECTS = _SQL["list_subjects_between"]
_LIST_SUBJECTS_WITH = _SQL["list_subjects_with"]
_READ_STREAMS = _SQL["read_streams"]
_READ_EVENTS_BETWEEN = _SQL["read_events_between"]


EventT = TypeVar("EventT")


@dataclass(frozen=True, slots=True)
class LogSpan:
    """Events recorded at `since` or later and before `until`, at positions above `after`.

    `upto` is the last position that counts: events appended later are left out.
    """

    since: datetime
    until: datetime
    after: int
    upto: int


@raises_store_errors
def find_span(conn: psycopg.Connection, since: datetime, until: datetime) -> LogSpan:
    """Return the part of the log that was recorded in a time. About 50 look-ups by key."""
    # Positions appear in commit order, so all up to here is whole and stays as it is.
    last = last_position(conn)
    after = _first_at(conn, _moved(since, -_CLOCK_STEP), last) - 1
    upto = _first_at(conn, _moved(until, _CLOCK_STEP), last) - 1
    return LogSpan(since, until, after, upto)


@raises_store_errors
def list_subjects(conn: psycopg.Connection, span: LogSpan) -> bytes:
    """Return the ids of all subjects with events in a span, in order, 16 bytes each.

    Memory grows with the subjects: 16 MB for a million.
    """
    packed = bytearray()
    parameters = {"after": span.after, "upto": span.upto}
    with conn.cursor() as cursor:
        for row in cursor.stream(_LIST_SUBJECTS, parameters, size=_FETCHED_AT_ONCE):
            packed += row[0].bytes
    return bytes(packed)


@raises_store_errors
def list_subjects_with(conn: psycopg.Connection, span: LogSpan, type_: str) -> list[UUID]:
    """Return the subjects that have an event of this type recorded within a span, in order."""
    parameters = {
        "after": span.after,
        "upto": span.upto,
        "since": span.since,
        "until": span.until,
        "type": type_,
    }
    return [row[0] for row in conn.execute(_LIST_SUBJECTS_WITH, parameters)]


def unpack_subjects(packed: bytes, at_once: int) -> Iterator[list[UUID]]:
    """Yield the ids that `list_subjects` packed, in chunks."""
    for start in range(0, len(packed), at_once * ID_BYTES):
        chunk = packed[start : start + at_once * ID_BYTES]
        yield [UUID(bytes=chunk[at : at + ID_BYTES]) for at in range(0, len(chunk), ID_BYTES)]


@raises_store_errors
def read_streams(
    conn: psycopg.Connection,
    subject_ids: Sequence[UUID],
    span: LogSpan,
    make: Callable[[int, str, int, str, bool], EventT],
) -> list[tuple[str, list[EventT]]]:
    """Return the streams of these subjects from their first events on, up to the span's end.

    `make` gets version, type, schema version and JSON of an event, and whether it was
    recorded within the span.
    """
    parameters = {
        "subject_ids": list(subject_ids),
        "since": span.since,
        "until": span.until,
        "upto": span.upto,
    }
    streams: list[tuple[str, list[EventT]]] = []
    events: list[EventT] = []
    current = None
    for subject, *event in conn.execute(_READ_STREAMS, parameters):
        if subject != current:
            current, events = subject, []
            streams.append((subject, events))
        events.append(make(*event))
    return streams


@raises_store_errors
def read_events_between(
    conn: psycopg.Connection,
    span: LogSpan,
    limit: int,
    types: Sequence[str] | None = None,
) -> list[RecordedEvent]:
    """Return the first events of a span, in order of position; of these types, or of all."""
    with conn.cursor(row_factory=args_row(RecordedEvent)) as cursor:
        parameters = {
            "after": span.after,
            "upto": span.upto,
            "since": span.since,
            "until": span.until,
            "types": None if types is None else list(types),
            "limit": limit,
        }
        return cursor.execute(_READ_EVENTS_BETWEEN, parameters).fetchall()


def _moved(moment: datetime, by: timedelta) -> datetime:
    return min(max(moment, EARLIEST + abs(by)), LATEST - abs(by)) + by


def _first_at(conn: psycopg.Connection, moment: datetime, last: int) -> int:
    """Return the first position whose event was recorded at `moment` or later, by halving."""
    low, high = 1, last + 1
    while low < high:
        middle = (low + high) // 2
        row = conn.execute(_FIND_RECORDED_AT, {"position": middle}).fetchone()
        if row is not None and row[0] < moment:
            low = middle + 1
        else:
            high = middle
    return low
