"""Locates orders, and reads their rows and the exclusions from broadcasts."""

from collections.abc import Collection
from datetime import datetime
from typing import Final, NamedTuple
from uuid import UUID

import psycopg

from inbound.store.connections import raises_store_errors
from inbound.store.fetching import fetch_rows
from inbound.store.lookup.time_window import TimeWindow
from inbound.store.statements import statements
from schemas.orders import OrderState

MAX_ORDERS: Final = 20
"""The most orders that one id leads to; usually one."""

_SQL: Final = statements(__package__, "orders")
_LOCATE_BY_ORDER: Final = _SQL["locate_by_order"]
_LOCATE_ORDERS_BY_TRACE: Final = _SQL["locate_orders_by_trace"]
_LOCATE_BY_ORDER_MESSAGE: Final = _SQL["locate_by_order_message"]
_LOCATE_ORDERS_BY_CENTRE_ID: Final = _SQL["locate_orders_by_centre_id"]
_WAITING_ORDERS: Final = _SQL["waiting_orders"]
_EXCLUSIONS_OF: Final = _SQL["exclusions_of"]


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


class StoredOrder(NamedTuple):
    """The row of an order as far as a timeline needs it."""

    order_id: UUID
    state: OrderState
    changed_at: datetime
    due_at: datetime | None
    broadcast: str | None
    currency: str | None
    is_paused: bool
    text_digest: bytes


class ExclusionRow(NamedTuple):
    """A row with a number in the audience of a broadcast that has begun without it."""

    broadcast_id: UUID
    broadcast: str
    account: str
    reason: str
    row: int
    loaded_at: datetime
    began_at: datetime


@raises_store_errors
def locate_by_order(conn: psycopg.Connection, order_id: UUID) -> list[OrderLocation]:
    """Locate the order with this id."""
    return fetch_rows(conn, OrderLocation, _LOCATE_BY_ORDER, {"order_id": order_id})


@raises_store_errors
def locate_orders_by_trace(conn: psycopg.Connection, trace_id: UUID) -> list[OrderLocation]:
    """Locate the orders of a trace, except those of broadcasts."""
    parameters = {"trace_id": trace_id, "limit": MAX_ORDERS}
    return fetch_rows(conn, OrderLocation, _LOCATE_ORDERS_BY_TRACE, parameters)


@raises_store_errors
def locate_by_order_message(conn: psycopg.Connection, message_id: UUID) -> list[OrderLocation]:
    """Locate the order that this submitted MT fulfils, while its receipt can arrive."""
    return fetch_rows(conn, OrderLocation, _LOCATE_BY_ORDER_MESSAGE, {"message_id": message_id})


@raises_store_errors
def locate_orders_by_centre_id(
    conn: psycopg.Connection, ids: Collection[str]
) -> list[OrderLocation]:
    """Locate orders as `locate_by_centre_id` does requests."""
    parameters = {"ids": list(ids), "limit": MAX_ORDERS}
    return fetch_rows(conn, OrderLocation, _LOCATE_ORDERS_BY_CENTRE_ID, parameters)


@raises_store_errors
def waiting_orders(conn: psycopg.Connection, order_ids: Collection[UUID]) -> list[StoredOrder]:
    """Return the rows of these orders, as far as they are kept."""
    rows = conn.execute(_WAITING_ORDERS, {"order_ids": list(order_ids)}).fetchall()
    return [StoredOrder(row[0], OrderState(row[1]), *row[2:]) for row in rows]


@raises_store_errors
def exclusions_of(
    conn: psycopg.Connection, number_hash: bytes, window: TimeWindow, limit: int
) -> list[ExclusionRow]:
    """Return rows of a number that were excluded from broadcasts, those of the newest first."""
    parameters = {"number_hash": number_hash, "limit": limit, **window._asdict()}
    return fetch_rows(conn, ExclusionRow, _EXCLUSIONS_OF, parameters)
