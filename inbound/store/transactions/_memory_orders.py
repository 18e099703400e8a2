"""Orders of the in-memory store: their rows, and their price and limits."""

from dataclasses import replace
from datetime import datetime
from typing import Final

from inbound.handlers.order_progress import OrderChange
from inbound.store.orders.orders import RecentKey
from inbound.store.orders.rows import OrderRow, OrderWrites, RecentOrders, RecentQuery, usage_keys
from inbound.store.transactions.memory_tables import Tables, add_new
from schemas.orders import OrderState

_RECEIPTED: Final = frozenset({OrderState.DELIVERED, OrderState.UNDELIVERED})
_SETTLED: Final = _RECEIPTED | {OrderState.REFUSED}


def write_orders(tables: Tables, writes: OrderWrites) -> None:
    """Add orders and texts, count them, and apply what happened to others."""
    add_new(tables.orders, ((order.order_id, order) for order in writes.orders))
    add_new(tables.contents, ((one.order_id, one) for one in writes.contents))
    for key, used in writes.usage.items():
        tables.usage[key] = tables.usage.get(key, 0) + used
    for name, amount in writes.charges.items():
        account = tables.accounts[name]
        if account.balance is not None:
            tables.accounts[name] = replace(account, balance=account.balance - amount)
    for name, free_at in writes.free_at.items():
        tables.accounts[name] = replace(tables.accounts[name], free_at=free_at)
    tables.smpp_messages.extend(writes.smpp.messages)
    for change in writes.changes.values():
        if change.order_id in tables.orders:
            change_order(tables, change)


def change_order(tables: Tables, change: OrderChange) -> None:
    """Apply what happened to an order."""
    _refund(tables, change)
    tables.orders[change.order_id] = _changed(tables.orders[change.order_id], change)


def _refund(tables: Tables, change: OrderChange) -> None:
    """Give back what an unsent order took, or take it again."""
    order = tables.orders[change.order_id]
    if change.unsent is None or order.refunded is change.unsent or order.state in _SETTLED:
        return
    sign = 1 if change.unsent else -1
    account = tables.accounts[order.account]
    if order.price is not None and account.balance is not None:
        balance = account.balance + sign * order.price
        tables.accounts[order.account] = replace(account, balance=balance)
    for key in usage_keys(account, order.created_at):
        tables.usage[key] = max(tables.usage.get(key, 0) - sign, 0)
    tables.orders[change.order_id] = replace(order, refunded=change.unsent)


def due(tables: Tables, now: datetime, *, is_bulk: bool) -> list[OrderRow]:
    """Return the orders that are due, the longest overdue first."""
    orders = tables.orders.values()
    found = [one for one in orders if one.is_bulk is is_bulk and one.due_at and one.due_at <= now]
    return sorted(found, key=lambda one: one.due_at or now)


def recent(tables: Tables, query: RecentQuery) -> tuple[RecentKey, RecentOrders]:
    """Return when an account last ordered for a person."""
    found = [
        order
        for order in tables.orders.values()
        if (order.account, order.subject_id) == (query.account, query.subject_id)
        and order.was_accepted
        and order.state is not OrderState.REFUSED
        and not order.refunded
        and order.created_at > query.since
    ]
    same = [one.created_at for one in found if one.text_digest == query.text_digest]
    recent = RecentOrders(
        max((one.created_at for one in found), default=None), max(same, default=None)
    )
    return (query.account, query.subject_id, query.text_digest), recent


def _changed(order: OrderRow, change: OrderChange) -> OrderRow:
    if order.state in _RECEIPTED and change.state not in _RECEIPTED:
        return order
    return replace(
        order,
        state=change.state,
        changed_at=change.at,
        reason=change.reason or order.reason,
        dispatch=change.dispatch or order.dispatch,
        due_at=change.due_at,
        not_after=change.not_after or order.not_after,
    )
