"""Reads the orders of one account, or those that people handle: bounded statements, read-only."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final, NamedTuple
from uuid import UUID

import psycopg

from inbound.store.connections import raises_store_errors
from inbound.store.fetching import fetch_rows
from inbound.store.statements import statements
from schemas.domain_event import DomainEvent
from schemas.upcasters import read_event

MOST_EVENTS: Final = 500

_SQL: Final = statements(__package__, "lookup")
_FIND_ORDERS: Final = _SQL["find_orders"]
_FIND_ANSWERS: Final = _SQL["find_answers"]
_SEARCH_ORDERS: Final = _SQL["search_orders"]
_EVENTS_OF_ORDER: Final = _SQL["events_of_order"]
_ORDERS_SENT_BY_PEOPLE: Final = _SQL["orders_sent_by_people"]
_SCHEDULED_ORDERS: Final = _SQL["scheduled_orders"]


@dataclass(frozen=True, slots=True)
class FoundOrder:
    """An order as its account may see it. `last_at` is when it expires.

    `currency` is that of the account at the time, if it has a price. `receipt` is the state in the
    SMS centre's receipt, `error` its own code, if it gave one.
    """

    order_id: UUID
    account: str
    subject_id: UUID | None
    kind: str
    state: str
    reason: str | None
    template: str
    template_version: int | None
    sender: str | None
    parts: int
    price: Decimal | None
    created_at: datetime
    changed_at: datetime
    due_at: datetime | None
    last_at: datetime | None
    broadcast_id: UUID | None
    refunded: bool
    currency: str | None
    receipt: str | None
    error: str | None


class NetworkAnswer(NamedTuple):
    """The network's answer about the number of an order; `answer` is sealed."""

    order_id: UUID
    number_hash: bytes
    answer: bytes


class OrderKey(NamedTuple):
    """The place of an order among those of its account."""

    created_at: datetime
    order_id: UUID


@dataclass(frozen=True, slots=True)
class SentByPerson:
    """An order that a person sent.

    The fields after `actor` are None, except the id, once its row was deleted.
    """

    entry_id: int
    at: datetime
    actor: str
    order_id: UUID
    subject_id: UUID | None
    account: str | None
    kind: str | None
    state: str | None
    template: str | None
    parts: int | None
    due_at: datetime | None


@dataclass(frozen=True, slots=True)
class ScheduledOrder:
    """An order that waits for its time."""

    order_id: UUID
    subject_id: UUID | None
    account: str
    kind: str
    template: str
    parts: int
    created_at: datetime
    due_at: datetime


@dataclass(frozen=True, slots=True)
class OrderQuery:
    """Which orders of an account to find; None matches every one.

    `words` are keyed hashes of words that the comment of a message over SMPP has.
    """

    account: str
    since: datetime
    until: datetime | None = None
    state: str | None = None
    kind: str | None = None
    template: str | None = None
    broadcast_id: UUID | None = None
    words: tuple[bytes, ...] | None = None


@raises_store_errors
def find_order(conn: psycopg.Connection, account: str, order_id: UUID) -> FoundOrder | None:
    """Return an order; None if there is none, or if it is another account's."""
    return find_orders(conn, account, [order_id]).get(order_id)


@raises_store_errors
def find_orders(
    conn: psycopg.Connection, account: str, order_ids: Sequence[UUID]
) -> dict[UUID, FoundOrder]:
    """Return these orders, as far as they exist and belong to this account."""
    parameters = {"account": account, "order_ids": list(order_ids)}
    found = fetch_rows(conn, FoundOrder, _FIND_ORDERS, parameters)
    return {one.order_id: one for one in found}


@raises_store_errors
def find_answers(conn: psycopg.Connection, order_ids: Collection[UUID]) -> list[NetworkAnswer]:
    """Return the network's answers about the numbers of orders that did not come over SMPP."""
    return fetch_rows(conn, NetworkAnswer, _FIND_ANSWERS, {"order_ids": list(order_ids)})


@raises_store_errors
def search_orders(
    conn: psycopg.Connection, query: OrderQuery, after: OrderKey | None, limit: int
) -> list[FoundOrder]:
    """Return matching orders, newest first, from the one that follows `after` on."""
    parameters = {
        "account": query.account,
        "since": query.since,
        "until": query.until,
        "state": query.state,
        "kind": query.kind,
        "template": query.template,
        "broadcast_id": query.broadcast_id,
        "words": None if query.words is None else list(query.words),
        "after_at": after and after.created_at,
        "after_id": after and after.order_id,
        "limit": limit,
    }
    return fetch_rows(conn, FoundOrder, _SEARCH_ORDERS, parameters)


@raises_store_errors
def events_of_order(conn: psycopg.Connection, order: FoundOrder) -> list[DomainEvent]:
    """Return the first `MOST_EVENTS` events of an order, in their order."""
    parameters = {
        "stream_id": order.subject_id or order.order_id,
        "order_id": order.order_id,
        "since": order.created_at,
        "limit": MOST_EVENTS,
    }
    rows = conn.execute(_EVENTS_OF_ORDER, parameters).fetchall()
    return [read_event(*row) for row in rows]


@raises_store_errors
def orders_sent_by_people(
    conn: psycopg.Connection, before: tuple[datetime, int] | None, limit: int
) -> list[SentByPerson]:
    """Return orders that people sent, newest first.

    `before` is the time and the id of the last entry of a page.
    """
    before_at, before_id = before or (None, None)
    parameters = {"before_at": before_at, "before_id": before_id, "limit": limit}
    return fetch_rows(conn, SentByPerson, _ORDERS_SENT_BY_PEOPLE, parameters)


@raises_store_errors
def scheduled_orders(
    conn: psycopg.Connection, after: tuple[datetime, UUID] | None, limit: int
) -> list[ScheduledOrder]:
    """Return scheduled orders of no broadcast, the soonest first.

    `after` is the due time and the id of the last one of a page.
    """
    after_at, after_id = after or (None, None)
    parameters = {"after_at": after_at, "after_id": after_id, "limit": limit}
    return fetch_rows(conn, ScheduledOrder, _SCHEDULED_ORDERS, parameters)
