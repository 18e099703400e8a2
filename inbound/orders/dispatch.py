"""Dispatches scheduled orders that are due, and cancels orders that wait.

A scheduled order may have waited for weeks. When it is due, the rights of its account are checked
again: an order is refused if its account was disabled meanwhile or lost the right, or if its sender
is no longer approved. Bulk orders, which wait for the turn of their account, are dispatched by
shares. All of these lock the orders' rows first. A dispatched order is queued in the transaction
that writes its outbox row, so a killed process neither skips nor repeats one, and two processes may
run.
"""

from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final, TypeVar
from uuid import UUID

from tenacity import AsyncRetrying, retry_if_exception_type, stop_after_attempt
from tenacity.wait import wait_random_exponential

from inbound.handlers.order_progress import OrderChange
from inbound.handlers.order_results import reschedule
from inbound.handlers.orders import dispatched_message_id, next_sending_time
from inbound.keys import SubjectHasher
from inbound.orders.due_checks import refusal_of
from inbound.outbox.order_messages import order_message_row
from inbound.store.access.audit import NewAuditEntry
from inbound.store.errors import Conflict
from inbound.store.orders.rows import OrderRow
from inbound.store.transactions.changes import Changes
from inbound.store.transactions.port import Store, Transaction
from inbound.subjects import StateCache, Subjects
from schemas.order_events import OrderCancelled, OrderExpired, OrderRescheduled
from schemas.orders import WAITING, OrderState
from schemas.topics import TopicNames

Result = TypeVar("Result")

MOST_AT_ONCE: Final = 1000
CANCEL: Final = "order.cancel"
"""The action as the audit names it."""

LANE_RETENTION: Final = timedelta(days=4)
"""A record that was published at most a day after it was queued is gone from its lane."""

_ATTEMPTS: Final = 5


class Dispatcher:
    """Moves orders that wait. One transaction at a time."""

    def __init__(
        self,
        store: Store,
        hasher: SubjectHasher,
        names: TopicNames,
        *,
        sender: str,
        clock: Callable[[], datetime],
    ) -> None:
        """`sender` is the service's own."""
        self._store = store
        self._hasher = hasher
        self._names = names
        self._sender = sender
        self._clock = clock

    async def dispatch_due(self, limit: int = MOST_AT_ONCE) -> int:
        """Queue orders that are due; return how many rows were taken: call again if `limit`.

        An order that can no longer be sent within its sending hours is scheduled for the next ones,
        or has expired. Blocks on the database. Raises RetryableError.
        """

        async def work(transaction: Transaction) -> int:
            now = self._clock()
            return await self._dispatch(transaction, await transaction.due_orders(now, limit), now)

        return await self._with_conflicts_retried(work)

    async def dispatch_bulk(self, shares: Mapping[str, int]) -> dict[str, int]:
        """Queue bulk orders that are due, up to each account's share, in turns.

        Returns how many of each account were taken. As `dispatch_due` otherwise.
        """

        async def work(transaction: Transaction) -> dict[str, int]:
            now = self._clock()
            due = in_turns(await transaction.due_bulk(now, shares))
            await self._dispatch(transaction, due, now)
            return dict(Counter(one.account for one in due))

        return await self._with_conflicts_retried(work)

    async def expire_lost(self, limit: int = MOST_AT_ONCE) -> int:
        """End orders whose record was deleted from its lane before a gateway sent the message.

        That takes an outage of days. Each gets another message, or has expired. One that was
        claimed waits for its result, since it may have been sent. Returns how many were lost.
        Reads the whole table; blocks and raises as `dispatch_due` does.
        """
        return await self._with_conflicts_retried(lambda tx: self._expire_lost(tx, limit))

    async def cancel(
        self,
        order_ids: Collection[UUID],
        states: Collection[OrderState] = WAITING,
        *,
        actor: str | None = None,
    ) -> dict[UUID, OrderState]:
        """Cancel the orders in one of these states; return the state of each order that exists.

        A queued one is withheld when it is claimed, but one that a gateway has just claimed is
        still sent. The audit gets an entry of the `actor`, if one is named, for each that is
        cancelled. Safe to repeat. Blocks and raises as `dispatch_due` does.
        """
        return await self._with_conflicts_retried(
            lambda tx: self._cancel(tx, order_ids, states, actor)
        )

    async def _with_conflicts_retried(
        self, work: Callable[[Transaction], Awaitable[Result]]
    ) -> Result:
        async for attempt in AsyncRetrying(
            retry=retry_if_exception_type(Conflict),
            wait=wait_random_exponential(multiplier=0.01, max=0.5),
            stop=stop_after_attempt(_ATTEMPTS),
            reraise=True,
        ):
            with attempt:
                async with self._store.transaction() as transaction:
                    return await work(transaction)
        raise AssertionError("tenacity returns or raises")

    async def _dispatch(
        self, transaction: Transaction, due: Sequence[OrderRow], now: datetime
    ) -> int:
        if not due:
            return 0
        numbers = await transaction.numbers_of({one.subject_id for one in due if one.subject_id})
        accounts = await transaction.accounts({one.account for one in due}, lock=False)
        changes = Changes()
        subjects = Subjects(transaction, StateCache())
        refused = {
            one.order_id: refusal_of(one, accounts.get(one.account), self._sender, now)
            for one in due
        }
        moved = [one for one in due if refused[one.order_id] or _is_late(one, now)]
        await subjects.load([order.subject_id for order in moved if order.subject_id])
        for order in due:
            number = numbers.get(order.subject_id) if order.subject_id else None
            refusal = refused[order.order_id]
            if order.subject_id is None or number is None:
                changes.orders.changes[order.order_id] = OrderChange(
                    order.order_id, OrderState.ERASED, now, unsent=True
                )
            elif refusal is not None:
                subjects.append(order.subject_id, [refusal], order.traceparent)
                changes.orders.note([refusal])
            elif _is_late(order, now):
                self._move_on(order, now, subjects, changes)
            else:
                self._queue(order, number, now, changes)
        changes.events, changes.states = subjects.events, subjects.states()
        await transaction.write(changes)
        return len(due)

    async def _expire_lost(self, transaction: Transaction, limit: int) -> int:
        now = self._clock()
        queued = await transaction.lost_orders(now - LANE_RETENTION, limit)
        messages = {
            one.order_id: dispatched_message_id(one.order_id, one.dispatch) for one in queued
        }
        claimed = await transaction.claimed(messages.values())
        lost = [one for one in queued if messages[one.order_id] not in claimed]
        if not lost:
            return 0
        changes = Changes()
        subjects = Subjects(transaction, StateCache())
        await subjects.load(_subject_ids(lost))
        for order in lost:
            self._move_on(order, now, subjects, changes)
        changes.events, changes.states = subjects.events, subjects.states()
        await transaction.write(changes)
        return len(lost)

    def _queue(self, order: OrderRow, number: str, now: datetime, changes: Changes) -> None:
        row = order_message_row(
            order,
            key=self._hasher.hash(number).hex(),
            not_after=order.not_after or now,
            names=self._names,
        )
        changes.outbox.append(row)
        changes.orders.changes[order.order_id] = OrderChange(order.order_id, OrderState.QUEUED, now)

    def _move_on(
        self, order: OrderRow, now: datetime, subjects: Subjects, changes: Changes
    ) -> None:
        """Give a late order its next sending time, or let it expire."""
        if order.subject_id is None:
            return
        time = next_sending_time(now, order.last_at or now, order.hours)
        event: OrderExpired | OrderRescheduled = OrderExpired(order_id=order.order_id, at=now)
        open_order = subjects[order.subject_id].orders.get(order.order_id)
        if time is not None and open_order is not None:
            event = reschedule(order.order_id, open_order, time, now)
        subjects.append(order.subject_id, [event], order.traceparent)
        changes.orders.note([event])

    async def _cancel(
        self,
        transaction: Transaction,
        order_ids: Collection[UUID],
        cancelled: Collection[OrderState],
        actor: str | None,
    ) -> dict[UUID, OrderState]:
        now = self._clock()
        found = await transaction.orders(order_ids, lock=True)
        waiting = [order for order in found.values() if order.state in cancelled]
        states = {order.order_id: order.state for order in found.values()}
        if waiting:
            changes = Changes()
            subjects = Subjects(transaction, StateCache())
            await subjects.load(_subject_ids(waiting))
            for order in waiting:
                event = OrderCancelled(order_id=order.order_id, at=now)
                if order.subject_id is not None:
                    subjects.append(order.subject_id, [event], order.traceparent)
                changes.orders.note([event])
                states[order.order_id] = OrderState.CANCELLED
                if actor is not None:
                    changes.audit.append(_cancelling(actor, order))
            changes.events, changes.states = subjects.events, subjects.states()
            await transaction.write(changes)
        return states


def in_turns(orders: Sequence[OrderRow]) -> list[OrderRow]:
    """Return orders so that accounts take turns, each with its own in their order."""
    turns: Counter[str] = Counter()
    numbered: list[tuple[int, OrderRow]] = []
    for order in orders:
        numbered.append((turns[order.account], order))
        turns[order.account] += 1
    return [order for _, order in sorted(numbered, key=lambda one: one[0])]


def _cancelling(actor: str, order: OrderRow) -> NewAuditEntry:
    reason = f"{order.kind.value} of account {order.account}"
    return NewAuditEntry(actor, CANCEL, reason, order.subject_id, order.order_id)


def _is_late(order: OrderRow, now: datetime) -> bool:
    return order.not_after is None or order.not_after <= now


def _subject_ids(orders: Sequence[OrderRow]) -> list[UUID]:
    return [order.subject_id for order in orders if order.subject_id is not None]
