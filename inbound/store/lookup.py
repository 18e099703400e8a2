"""Reads what is known of one person's texts, requests and orders.

Each function is one bounded, read-only statement on a connection of the caller. This module
finds rows; `inbound.timeline` explains them.
"""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final, NamedTuple
from uuid import UUID

import psycopg
from psycopg.rows import args_row
from pydantic_core import from_json

from inbound.store.connections import raises_store_errors
from inbound.store.log.rows import RecordedEvent
from inbound.store.mo.rows import MoReading, RejectedMo, RejectedMoKey
from inbound.store.statements import statements
from schemas.orders import OrderState

MAX_REQUESTS: Final = 20
"""The most requests that one id leads to; usually one."""

EARLIEST: Final = datetime(1970, 1, 1, tzinfo=UTC)
COUNT_LIMIT: Final = 10_000

_SQL: Final = statements(__package__, "lookup")
_PERSON_BY_HASH = _SQL["person_by_hash"]
_PERSON_BY_SUBJECT = _SQL["person_by_subject"]
_NEWEST_ENTRIES = _SQL["newest_entries"]
_EVENTS_OF = _SQL["events_of"]
_EVENTS_OF_ORDERS = _SQL["events_of_orders"]
_EVENTS_OF_STRANGERS_ORDERS = _SQL["events_of_strangers_orders"]
_LAST_STOPS = _SQL["last_stops"]
_WAITING_ORDERS = _SQL["waiting_orders"]
_SWITCHES_OF = _SQL["switches_of"]
_EXCLUSIONS_OF = _SQL["exclusions_of"]
_LOCATE_BY_REQUEST = _SQL["locate_by_request"]
_LOCATE_BY_MESSAGE = _SQL["locate_by_message"]
_LOCATE_BY_ORDER = _SQL["locate_by_order"]
_LOCATE_ORDERS_BY_TRACE = _SQL["locate_orders_by_trace"]
_LOCATE_BY_ORDER_MESSAGE = _SQL["locate_by_order_message"]
_LOCATE_ORDERS_BY_CENTRE_ID = _SQL["locate_orders_by_centre_id"]
_LOCATE_BY_TRACE = _SQL["locate_by_trace"]
_LOCATE_BY_CENTRE_ID = _SQL["locate_by_centre_id"]
_REJECTED_MOS_OF = _SQL["rejected_mos_of"]
_UNRECORDED_MOS = _SQL["unrecorded_mos"]
_WAITING_PARTS = _SQL["waiting_parts"]
_CLAIMS_OF = _SQL["claims_of"]
_SENT_PART_STATUSES = _SQL["sent_part_statuses"]


@dataclass(frozen=True, slots=True)
class SubjectRow:
    """The row that links a number to a subject; gone once the person is erased."""

    subject_id: UUID
    number_hash: bytes
    number_sealed: bytes = field(repr=False)


class RequestLocation(NamedTuple):
    """The subject of a request, and a time not later than its arrival."""

    subject_id: UUID
    request_id: UUID
    not_before: datetime

    @property
    def id(self) -> UUID:
        """The request."""
        return self.request_id


class OrderLocation(NamedTuple):
    """The subject of an order and a time not later than its decision.

    Without a subject its events have a stream of their own, with the order's id.
    """

    subject_id: UUID | None
    order_id: UUID
    not_before: datetime

    @property
    def id(self) -> UUID:
        """The order."""
        return self.order_id


class Entry(NamedTuple):
    """A request or an order of a subject, by the version of the event that decided it.

    `requests` and `orders` are how many there are within the time that was asked for.
    """

    version: int
    id: UUID
    is_order: bool
    requests: int
    orders: int


class StoredOrder(NamedTuple):
    """The row of an order as far as a timeline needs it."""

    order_id: UUID
    state: OrderState
    changed_at: datetime
    due_at: datetime | None
    broadcast: str | None
    currency: str | None


class ExcludedRow(NamedTuple):
    """A row with a number in the audience of a broadcast that has begun without it."""

    broadcast_id: UUID
    broadcast: str
    account: str
    reason: str
    row: int
    loaded_at: datetime
    began_at: datetime


class OperatorSwitch(NamedTuple):
    """An operator switched notifications for a person."""

    at: datetime
    notifications_on: bool
    by: str
    reason: str


class TimeWindow(NamedTuple):
    """From `since` to before `until`; None leaves an end open."""

    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class UnrecordedMos:
    """Counts MOs of all numbers that were not recorded as rejected, because there were too many."""

    count: int
    first_at: datetime | None
    last_at: datetime | None


class WaitingText(NamedTuple):
    """A concatenated MO with parts missing; `sequences` of the others in order of arrival."""

    total: int
    sequences: list[int]
    first_at: datetime
    last_at: datetime


class ClaimRecord(NamedTuple):
    """A stored claim of a message."""

    message_id: UUID
    attempt: int
    gateway: str
    claimed_at: datetime


class SentPartStatus(NamedTuple):
    """The receipt status of one part of an MT; `state` is None while there is no receipt."""

    message_id: UUID
    part: int
    parts: int
    state: str | None
    final: bool
    error: str | None
    done_at: datetime | None


@raises_store_errors
def person_by_hash(conn: psycopg.Connection, number_hash: bytes) -> SubjectRow | None:
    """Return the subject of a number; None for one who never sent a command, or was erased."""
    return _person(conn, _PERSON_BY_HASH, {"number_hash": number_hash})


@raises_store_errors
def person_by_subject(conn: psycopg.Connection, subject_id: UUID) -> SubjectRow | None:
    """Return the row of a subject; None for one who was erased."""
    return _person(conn, _PERSON_BY_SUBJECT, {"subject_id": subject_id})


@raises_store_errors
def locate_by_request(conn: psycopg.Connection, request_id: UUID) -> list[RequestLocation]:
    """Locate the request with this id."""
    return _locations(conn, _LOCATE_BY_REQUEST, {"request_id": request_id})


@raises_store_errors
def locate_by_message(conn: psycopg.Connection, message_id: UUID) -> list[RequestLocation]:
    """Locate the request that this MT answers."""
    return _locations(conn, _LOCATE_BY_MESSAGE, {"message_id": message_id})


@raises_store_errors
def locate_by_trace(conn: psycopg.Connection, trace_id: UUID) -> list[RequestLocation]:
    """Locate the requests of a trace; its 32 hex digits are those of a UUID."""
    return _locations(conn, _LOCATE_BY_TRACE, {"trace_id": trace_id, "limit": MAX_REQUESTS})


@raises_store_errors
def locate_by_centre_id(conn: psycopg.Connection, ids: Collection[str]) -> list[RequestLocation]:
    """Locate requests with an MT to which an SMS centre gave one of these ids.

    Pass all spellings of the id (`inbound.smpp.message_ids.candidate_ids`). Finds messages of
    the last days only. Reads a whole table.
    """
    return _locations(conn, _LOCATE_BY_CENTRE_ID, {"ids": list(ids), "limit": MAX_REQUESTS})


@raises_store_errors
def locate_by_order(conn: psycopg.Connection, order_id: UUID) -> list[OrderLocation]:
    """Locate the order with this id."""
    return _order_locations(conn, _LOCATE_BY_ORDER, {"order_id": order_id})


@raises_store_errors
def locate_orders_by_trace(conn: psycopg.Connection, trace_id: UUID) -> list[OrderLocation]:
    """Locate the orders of a trace, but for those of broadcasts."""
    parameters = {"trace_id": trace_id, "limit": MAX_REQUESTS}
    return _order_locations(conn, _LOCATE_ORDERS_BY_TRACE, parameters)


@raises_store_errors
def locate_by_order_message(conn: psycopg.Connection, message_id: UUID) -> list[OrderLocation]:
    """Locate the order that this submitted MT fulfils, while its receipt can arrive.

    Reads a whole table.
    """
    return _order_locations(conn, _LOCATE_BY_ORDER_MESSAGE, {"message_id": message_id})


@raises_store_errors
def locate_orders_by_centre_id(
    conn: psycopg.Connection, ids: Collection[str]
) -> list[OrderLocation]:
    """Locate orders as `locate_by_centre_id` does requests."""
    parameters = {"ids": list(ids), "limit": MAX_REQUESTS}
    return _order_locations(conn, _LOCATE_ORDERS_BY_CENTRE_ID, parameters)


@raises_store_errors
def newest_entries(
    conn: psycopg.Connection, subject_id: UUID, window: TimeWindow, limit: int
) -> list[Entry]:
    """Return a subject's requests that arrived and orders that were decided in a time.

    Newest first. Of the window's last `COUNT_LIMIT` entries: earlier ones are neither returned
    nor counted.
    """
    parameters = {
        "subject_id": subject_id,
        "limit": limit,
        "most": COUNT_LIMIT,
        **window._asdict(),
    }
    with conn.cursor(row_factory=args_row(Entry)) as cursor:
        return cursor.execute(_NEWEST_ENTRIES, parameters).fetchall()


@raises_store_errors
def events_of(
    conn: psycopg.Connection,
    stream_id: UUID,
    ids: Collection[UUID],
    *,
    limit: int,
    from_version: int = 1,
    since: datetime = EARLIEST,
) -> list[RecordedEvent]:
    """Return the first events of some requests and orders of a stream, in their order.

    None of them has a version below `from_version` or was recorded before `since`. Events
    about the limit of commands and the erasure are included.
    """
    parameters = {
        "stream_id": stream_id,
        "ids": [str(id_) for id_ in ids],
        "from_version": from_version,
        "since": since,
        "limit": limit,
    }
    with conn.cursor(row_factory=args_row(RecordedEvent)) as cursor:
        return cursor.execute(_EVENTS_OF, parameters).fetchall()


@raises_store_errors
def events_of_orders(
    conn: psycopg.Connection,
    limit: int,
    *,
    order_id: UUID | None = None,
    account: str | None = None,
    broadcast_id: UUID | None = None,
) -> list[RecordedEvent]:
    """Return the events of the newest orders, at most `limit`, that match all that is given.

    In the order of the log. Orders are found until the retention sweep deletes their rows.
    """
    parameters = {"order_id": order_id, "account": account, "broadcast_id": broadcast_id}
    with conn.cursor(row_factory=args_row(RecordedEvent)) as cursor:
        return cursor.execute(_EVENTS_OF_ORDERS, {**parameters, "limit": limit}).fetchall()


@raises_store_errors
def events_of_strangers_orders(
    conn: psycopg.Connection, number_hash: bytes, window: TimeWindow, limit: int
) -> list[RecordedEvent]:
    """Return the events of refused orders to a number that had no subject, in their order."""
    parameters = {"number_hash": number_hash, "limit": limit, **window._asdict()}
    with conn.cursor(row_factory=args_row(RecordedEvent)) as cursor:
        return cursor.execute(_EVENTS_OF_STRANGERS_ORDERS, parameters).fetchall()


@raises_store_errors
def last_stops(
    conn: psycopg.Connection, subject_id: UUID, versions: Collection[int]
) -> dict[int, datetime]:
    """Return when notifications had been switched off before each of these versions."""
    parameters = {"subject_id": subject_id, "versions": list(versions)}
    return dict(conn.execute(_LAST_STOPS, parameters).fetchall())


@raises_store_errors
def waiting_orders(conn: psycopg.Connection, order_ids: Collection[UUID]) -> list[StoredOrder]:
    """Return the rows of these orders, as far as they are kept."""
    rows = conn.execute(_WAITING_ORDERS, {"order_ids": list(order_ids)}).fetchall()
    return [StoredOrder(row[0], OrderState(row[1]), *row[2:]) for row in rows]


@raises_store_errors
def exclusions_of(
    conn: psycopg.Connection, number_hash: bytes, window: TimeWindow, limit: int
) -> list[ExcludedRow]:
    """Return rows of a number that were excluded from broadcasts, those of the newest first."""
    parameters = {"number_hash": number_hash, "limit": limit, **window._asdict()}
    with conn.cursor(row_factory=args_row(ExcludedRow)) as cursor:
        return cursor.execute(_EXCLUSIONS_OF, parameters).fetchall()


@raises_store_errors
def switches_of(
    conn: psycopg.Connection, subject_id: UUID, window: TimeWindow, limit: int
) -> list[OperatorSwitch]:
    """Return when operators switched notifications for a subject, the newest first."""
    parameters = {"subject_id": subject_id, "limit": limit, **window._asdict()}
    rows = conn.execute(_SWITCHES_OF, parameters).fetchall()
    return [OperatorSwitch(*row) for row in rows]


@raises_store_errors
def rejected_mos_of(
    conn: psycopg.Connection, number_hash: bytes, window: TimeWindow, limit: int
) -> list[RejectedMo]:
    """Return the rejected MOs of a number, newest first."""
    parameters = {"number_hash": number_hash, "limit": limit, **window._asdict()}
    rows = conn.execute(_REJECTED_MOS_OF, parameters).fetchall()
    return [
        RejectedMo(RejectedMoKey(*row[:3]), row[3], row[4], row[5], _reading(row[6]))
        for row in rows
    ]


def _reading(data: bytes | None) -> MoReading | None:
    return MoReading(**from_json(data)) if data else None


@raises_store_errors
def unrecorded_mos(conn: psycopg.Connection, window: TimeWindow) -> UnrecordedMos:
    """Return how many rejected MOs of all numbers were not recorded in a time."""
    row = conn.execute(_UNRECORDED_MOS, window._asdict()).fetchone()
    return UnrecordedMos(*row) if row else UnrecordedMos(0, None, None)


@raises_store_errors
def waiting_texts(conn: psycopg.Connection, number_hash: bytes, limit: int) -> list[WaitingText]:
    """Return concatenated MOs of a number with parts missing, newest first."""
    with conn.cursor(row_factory=args_row(WaitingText)) as cursor:
        parameters = {"number_hash": number_hash, "limit": limit}
        return cursor.execute(_WAITING_PARTS, parameters).fetchall()


@raises_store_errors
def claims_of(conn: psycopg.Connection, message_ids: Collection[UUID]) -> list[ClaimRecord]:
    """Return the claims of these messages."""
    with conn.cursor(row_factory=args_row(ClaimRecord)) as cursor:
        return cursor.execute(_CLAIMS_OF, {"message_ids": list(message_ids)}).fetchall()


@raises_store_errors
def sent_part_statuses(
    conn: psycopg.Connection, subject_id: UUID, message_ids: Collection[UUID]
) -> list[SentPartStatus]:
    """Return the receipt status of these messages of a subject, part by part."""
    parameters = {"subject_id": subject_id, "message_ids": list(message_ids)}
    with conn.cursor(row_factory=args_row(SentPartStatus)) as cursor:
        return cursor.execute(_SENT_PART_STATUSES, parameters).fetchall()


def _person(
    conn: psycopg.Connection, query: bytes, parameters: dict[str, object]
) -> SubjectRow | None:
    with conn.cursor(row_factory=args_row(SubjectRow)) as cursor:
        return cursor.execute(query, parameters).fetchone()


def _locations(
    conn: psycopg.Connection, query: bytes, parameters: dict[str, object]
) -> list[RequestLocation]:
    with conn.cursor(row_factory=args_row(RequestLocation)) as cursor:
        return cursor.execute(query, parameters).fetchall()


def _order_locations(
    conn: psycopg.Connection, query: bytes, parameters: dict[str, object]
) -> list[OrderLocation]:
    with conn.cursor(row_factory=args_row(OrderLocation)) as cursor:
        return cursor.execute(query, parameters).fetchall()
