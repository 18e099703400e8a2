"""Reading what is known of one person's texts and requests, for whoever has to explain it.

Each call is one statement on a connection of the caller, bounded by a limit, and changes
nothing. What a number or an id leads to is found here; what it means is `inbound.timeline`'s.
"""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final, NamedTuple
from uuid import UUID

import psycopg
from psycopg.rows import args_row

from inbound.store.connecting import called
from inbound.store.rows import Missed, MissKey, RecordedEvent
from inbound.store.statements import statements

MOST: Final = 20
"""Requests that one id may lead to at most; one, as a rule."""

ALWAYS: Final = datetime(1970, 1, 1, tzinfo=UTC)
COUNT_LIMIT: Final = 10_000

_SQL: Final = statements(__package__, "lookup")
_PERSON_BY_HASH = _SQL["person_by_hash"]
_PERSON_BY_SUBJECT = _SQL["person_by_subject"]
_NEWEST_REQUESTS = _SQL["newest_requests"]
_EVENTS_OF_REQUESTS = _SQL["events_of_requests"]
_COUNT_REQUESTS = _SQL["count_requests"]
_PLACES_BY_REQUEST = _SQL["places_by_request"]
_PLACES_BY_MESSAGE = _SQL["places_by_message"]
_PLACES_BY_TRACE = _SQL["places_by_trace"]
_PLACES_BY_CENTRE_ID = _SQL["places_by_centre_id"]
_MISSES_OF = _SQL["misses_of"]
_MISSES_LEFT_OUT = _SQL["misses_left_out"]
_WAITING_PARTS = _SQL["waiting_parts"]
_CLAIMS_OF = _SQL["claims_of"]
_PARTS_SENT = _SQL["parts_sent"]


@dataclass(frozen=True, slots=True)
class Person:
    """The row that links a number to a subject; gone once the person is erased."""

    subject_id: UUID
    number_hash: bytes
    number_sealed: bytes = field(repr=False)


class Place(NamedTuple):
    """Where a request is: whose it is, and a moment not after its arrival."""

    subject_id: UUID
    request_id: UUID
    not_before: datetime


class Window(NamedTuple):
    """A time; either end may be open. The end itself is not in it."""

    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Texts of all numbers that were not noted, because there were too many."""

    count: int
    first_at: datetime | None
    last_at: datetime | None


class WaitingText(NamedTuple):
    """A long text that is not whole yet; `sequences` of its parts as they arrived."""

    total: int
    sequences: list[int]
    first_at: datetime
    last_at: datetime


class Claim(NamedTuple):
    """A gateway said that it is about to send a message."""

    message_id: UUID
    attempt: int
    gateway: str
    claimed_at: datetime


class SentState(NamedTuple):
    """What receipts have said of one part of a message; `state` is None while none came."""

    message_id: UUID
    part: int
    parts: int
    state: str | None
    final: bool
    error: str | None
    done_at: datetime | None


@called
def person_by_hash(conn: psycopg.Connection, number_hash: bytes) -> Person | None:
    """Return the person of a number; None for one who never sent a command, or was erased."""
    return _person(conn, _PERSON_BY_HASH, {"number_hash": number_hash})


@called
def person_by_subject(conn: psycopg.Connection, subject_id: UUID) -> Person | None:
    """Return the person of a subject; None for one who was erased."""
    return _person(conn, _PERSON_BY_SUBJECT, {"subject_id": subject_id})


@called
def places_by_request(conn: psycopg.Connection, request_id: UUID) -> list[Place]:
    """Return where the request of this id is."""
    return _places(conn, _PLACES_BY_REQUEST, {"request_id": request_id})


@called
def places_by_message(conn: psycopg.Connection, message_id: UUID) -> list[Place]:
    """Return where the request is that this message of ours answers."""
    return _places(conn, _PLACES_BY_MESSAGE, {"message_id": message_id})


@called
def places_by_trace(conn: psycopg.Connection, trace_id: UUID) -> list[Place]:
    """Return where the requests of a trace are; its 32 hex digits are those of a UUID."""
    return _places(conn, _PLACES_BY_TRACE, {"trace_id": trace_id, "limit": MOST})


@called
def places_by_centre_id(conn: psycopg.Connection, ids: Collection[str]) -> list[Place]:
    """Return requests with a message to which a centre gave one of these ids.

    Give all writings of the id (`inbound.smpp.message_ids.candidate_ids`). Only messages of
    the last days are known by it. Reads a whole table.
    """
    return _places(conn, _PLACES_BY_CENTRE_ID, {"ids": list(ids), "limit": MOST})


@called
def newest_requests(
    conn: psycopg.Connection, subject_id: UUID, window: Window, limit: int
) -> list[tuple[int, UUID]]:
    """Return version and id of a subject's requests that arrived in a time, newest first."""
    parameters = {"subject_id": subject_id, "limit": limit, **window._asdict()}
    return conn.execute(_NEWEST_REQUESTS, parameters).fetchall()


@called
def count_requests(conn: psycopg.Connection, subject_id: UUID, window: Window) -> int:
    """Return how many requests of a subject arrived in a time, `COUNT_LIMIT` at most."""
    parameters = {"subject_id": subject_id, "limit": COUNT_LIMIT, **window._asdict()}
    row = conn.execute(_COUNT_REQUESTS, parameters).fetchone()
    return int(row[0]) if row else 0


@called
def events_of_requests(
    conn: psycopg.Connection,
    subject_id: UUID,
    request_ids: Collection[UUID],
    *,
    limit: int,
    from_version: int = 1,
    since: datetime = ALWAYS,
) -> list[RecordedEvent]:
    """Return the first events of some requests of a subject, in their order.

    None of them may stand before `from_version`, or have been recorded before `since`.
    Events that tell that the limit of commands was reached come with them.
    """
    parameters = {
        "subject_id": subject_id,
        "request_ids": [str(request_id) for request_id in request_ids],
        "from_version": from_version,
        "since": since,
        "limit": limit,
    }
    with conn.cursor(row_factory=args_row(RecordedEvent)) as cursor:
        return cursor.execute(_EVENTS_OF_REQUESTS, parameters).fetchall()


@called
def misses_of(
    conn: psycopg.Connection, number_hash: bytes, window: Window, limit: int
) -> list[Missed]:
    """Return what is noted of a number's texts that made no request, newest first."""
    parameters = {"number_hash": number_hash, "limit": limit, **window._asdict()}
    rows = conn.execute(_MISSES_OF, parameters).fetchall()
    return [Missed(MissKey(*row[:3]), *row[3:]) for row in rows]


@called
def misses_left_out(conn: psycopg.Connection, window: Window) -> LeftOut:
    """Return how many texts of all numbers were not noted in a time."""
    row = conn.execute(_MISSES_LEFT_OUT, window._asdict()).fetchone()
    return LeftOut(*row) if row else LeftOut(0, None, None)


@called
def waiting_texts(conn: psycopg.Connection, number_hash: bytes, limit: int) -> list[WaitingText]:
    """Return long texts of a number that wait for their other parts, newest first."""
    with conn.cursor(row_factory=args_row(WaitingText)) as cursor:
        parameters = {"number_hash": number_hash, "limit": limit}
        return cursor.execute(_WAITING_PARTS, parameters).fetchall()


@called
def claims_of(conn: psycopg.Connection, message_ids: Collection[UUID]) -> list[Claim]:
    """Return which of these messages a gateway has taken to send."""
    with conn.cursor(row_factory=args_row(Claim)) as cursor:
        return cursor.execute(_CLAIMS_OF, {"message_ids": list(message_ids)}).fetchall()


@called
def parts_sent(
    conn: psycopg.Connection, subject_id: UUID, message_ids: Collection[UUID]
) -> list[SentState]:
    """Return what receipts said so far of these messages of a subject, part by part."""
    parameters = {"subject_id": subject_id, "message_ids": list(message_ids)}
    with conn.cursor(row_factory=args_row(SentState)) as cursor:
        return cursor.execute(_PARTS_SENT, parameters).fetchall()


def _person(conn: psycopg.Connection, query: bytes, parameters: dict[str, object]) -> Person | None:
    with conn.cursor(row_factory=args_row(Person)) as cursor:
        return cursor.execute(query, parameters).fetchone()


def _places(conn: psycopg.Connection, query: bytes, parameters: dict[str, object]) -> list[Place]:
    with conn.cursor(row_factory=args_row(Place)) as cursor:
        return cursor.execute(query, parameters).fetchall()
