"""Reads and writes orders within a transaction."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import psycopg

from inbound.handlers.order_progress import OrderChange
from inbound.store.orders.rows import (
    OrderContent,
    OrderRow,
    RecentOrders,
    RecentQuery,
)
from inbound.store.sealing import Sealer
from inbound.store.statements import Query, statements
from schemas.channels import Channel
from schemas.orders import OrderKind, OrderState
from schemas.sending_hours import SendingHours

_SQL: Final = statements(__package__, "orders")
_FIND_ORDERS: Final = _SQL["find_orders"]
_LOCK_ORDERS: Final = _SQL["lock_orders"]
_FIND_DUE_ORDERS: Final = _SQL["find_due_orders"]
_FIND_LOST_ORDERS: Final = _SQL["find_lost_orders"]
_FIND_CLAIMED: Final = _SQL["find_claimed"]
_FIND_RECENT_ORDERS: Final = _SQL["find_recent_orders"]
_CHANGE_ORDERS: Final = _SQL["change_orders"]
_REFUND_ORDERS: Final = _SQL["refund_orders"]
COPY_ORDERS: Final = _SQL["copy_orders"]
# In binary COPY json travels as its text, so bytes pass through the dumper of bytea unchanged.
ORDER_TYPES: Final = (
    *("uuid", "text", "uuid", "text", "text", "text", "text", "int4", "text", "text", "int2"),
    *("numeric", "bytea", "bytea", "timestamptz", "timestamptz", "timestamptz", "timestamptz"),
    *("timestamptz", "bytea", "int2", "bool", "uuid", "bool", "text", "bool"),
    *("bytea", "bool", "text"),
)
COPY_CONTENTS: Final = _SQL["copy_contents"]
CONTENT_TYPES: Final = ("uuid", "uuid", "bytea", "timestamptz", "bytea")

RecentKey = tuple[str, UUID, bytes]
"""Account, subject and digest of the text."""


async def find_orders(
    conn: psycopg.AsyncConnection, order_ids: Collection[UUID], *, lock: bool = False
) -> dict[UUID, OrderRow]:
    """Return the orders that exist; `lock` keeps others from changing them until commit."""
    query = _LOCK_ORDERS if lock else _FIND_ORDERS
    cursor = await conn.execute(query, {"order_ids": list(order_ids)})
    return {row[0]: order_of(row) async for row in cursor}


async def find_due_orders(
    conn: psycopg.AsyncConnection, now: datetime, limit: int
) -> list[OrderRow]:
    """Return orders that are due and lock them until commit; skip those that are locked already."""
    cursor = await conn.execute(_FIND_DUE_ORDERS, {"now": now, "limit": limit})
    return [order_of(row) async for row in cursor]


async def find_lost_orders(
    conn: psycopg.AsyncConnection, before: datetime, limit: int
) -> list[OrderRow]:
    """Return orders that are queued since before a time and lock them, as `find_due_orders`."""
    cursor = await conn.execute(_FIND_LOST_ORDERS, {"before": before, "limit": limit})
    return [order_of(row) async for row in cursor]


async def find_recent_orders(
    conn: psycopg.AsyncConnection, queries: Sequence[RecentQuery]
) -> dict[RecentKey, RecentOrders]:
    """Return when accounts last ordered for people."""
    cursor = await conn.execute(
        _FIND_RECENT_ORDERS,
        {
            "accounts": [query.account for query in queries],
            "subject_ids": [query.subject_id for query in queries],
            "text_digests": [query.text_digest for query in queries],
            "since": [query.since for query in queries],
        },
    )
    return {(row[0], row[1], row[2]): RecentOrders(row[3], row[4]) async for row in cursor}


def order_row(order: OrderRow) -> tuple[object, ...]:
    """Return an order as a row for `COPY_ORDERS`."""
    return (
        order.order_id,
        order.account,
        order.subject_id,
        order.kind.value,
        order.state.value,
        order.reason,
        order.template,
        order.template_version,
        order.language,
        order.sender,
        order.parts,
        order.price,
        order.content_digest,
        order.text_digest,
        order.created_at,
        order.changed_at,
        order.due_at,
        order.not_after,
        order.last_at,
        order.hours and order.hours.to_json(),
        order.dispatch,
        order.resend_unknown,
        order.broadcast_id,
        order.callback,
        order.traceparent,
        order.was_scheduled,
        order.stranger_hash,
        order.is_bulk,
        order.channel and order.channel.value,
    )


def content_row(content: OrderContent, sealer: Sealer) -> tuple[object, ...]:
    """Seal a text; return it as a row for `COPY_CONTENTS`."""
    sealed = sealer.order_text(content.text, content.order_id)
    address = content.address and sealer.order_address(content.address, content.order_id)
    return content.order_id, content.subject_id, sealed, content.delete_at, address


def change(changes: Sequence[OrderChange]) -> Query:
    """Return the query that stores what happened to orders."""
    return _CHANGE_ORDERS, {
        "order_ids": [one.order_id for one in changes],
        "states": [one.state.value for one in changes],
        "at": [one.at for one in changes],
        "reasons": [one.reason for one in changes],
        "dispatches": [one.dispatch for one in changes],
        "due": [one.due_at for one in changes],
        "not_after": [one.not_after for one in changes],
        "errors": [one.error for one in changes],
        "receipts": [one.receipt and one.receipt.value for one in changes],
    }


async def find_claimed(conn: psycopg.AsyncConnection, message_ids: Collection[UUID]) -> set[UUID]:
    """Return which of these messages were claimed."""
    cursor = await conn.execute(_FIND_CLAIMED, {"message_ids": list(message_ids)})
    return {row[0] async for row in cursor}


def refunding(changes: Sequence[OrderChange]) -> Query | None:
    """Return the query that settles accounts after changes of orders; it goes before `change`."""
    settled = {one.order_id: one.unsent for one in changes if one.unsent is not None}
    return _settling(settled) if settled else None


def refunding_all(order_ids: Collection[UUID]) -> Query:
    """Return the query that refunds orders that end unsent now."""
    return _settling(dict.fromkeys(order_ids, True))


def _settling(unsent: Mapping[UUID, bool]) -> Query:
    return _REFUND_ORDERS, {"order_ids": list(unsent), "unsent": list(unsent.values())}


def order_of(row: tuple[Any, ...]) -> OrderRow:
    """Return the order in a row, which has the columns of `find_orders`."""
    values = list(row)
    values[3], values[4] = OrderKind(values[3]), OrderState(values[4])
    values[19] = values[19] and SendingHours.model_validate_json(values[19])
    values[-1] = values[-1] and Channel(values[-1])
    return OrderRow(*values)
