"""The events of requests and orders, and the newest requests and orders of a subject."""

from collections.abc import Collection
from datetime import UTC, datetime
from typing import Final, NamedTuple
from uuid import UUID

import psycopg

from inbound.store.connections import raises_store_errors
from inbound.store.fetching import fetch_rows
from inbound.store.log.rows import RecordedEvent
from inbound.store.lookup.time_window import TimeWindow
from inbound.store.statements import statements

EARLIEST: Final = datetime(1970, 1, 1, tzinfo=UTC)
COUNT_LIMIT: Final = 10_000

_SQL: Final = statements(__package__, "events")
_NEWEST_ENTRIES: Final = _SQL["newest_entries"]
_EVENTS_OF: Final = _SQL["events_of"]
_EVENTS_OF_ORDERS: Final = _SQL["events_of_orders"]
_EVENTS_OF_STRANGERS_ORDERS: Final = _SQL["events_of_strangers_orders"]


class HistoryEntry(NamedTuple):
    """A request or an order of a subject, by the version of the event that decided it.

    `requests` and `orders` are how many there are within the requested time.
    """

    version: int
    id: UUID
    is_order: bool
    requests: int
    orders: int


@raises_store_errors
def newest_entries(
    conn: psycopg.Connection, subject_id: UUID, window: TimeWindow, limit: int
) -> list[HistoryEntry]:
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
    return fetch_rows(conn, HistoryEntry, _NEWEST_ENTRIES, parameters)


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

    Events below `from_version` or recorded before `since` are left out. Events
    about the limit of commands and the erasure are included.
    """
    parameters = {
        "stream_id": stream_id,
        "ids": [str(id_) for id_ in ids],
        "from_version": from_version,
        "since": since,
        "limit": limit,
    }
    return fetch_rows(conn, RecordedEvent, _EVENTS_OF, parameters)


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
    return fetch_rows(conn, RecordedEvent, _EVENTS_OF_ORDERS, {**parameters, "limit": limit})


@raises_store_errors
def events_of_strangers_orders(
    conn: psycopg.Connection, number_hash: bytes, window: TimeWindow, limit: int
) -> list[RecordedEvent]:
    """Return the events of refused orders to a number that had no subject, in their order."""
    parameters = {"number_hash": number_hash, "limit": limit, **window._asdict()}
    return fetch_rows(conn, RecordedEvent, _EVENTS_OF_STRANGERS_ORDERS, parameters)
