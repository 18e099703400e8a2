"""Sends bulk: moves each broadcast along its recipients, and queues bulk orders of programs.

One process pumps at a time, by a session lock; another one is a standby. A batch of recipients is
placed by the intake like all orders, and the cursor moves in the same transaction, so after a crash
nobody is left out and nobody is written to twice. The pump stays some seconds ahead of the SMS
centres, and broadcasts and accounts share that: messages that are not placed yet need no
withholding, and nobody waits for the bulk of others.
"""

import asyncio
import logging
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import psycopg
from typing_extensions import override

from inbound.broadcasts.batches import Batches
from inbound.errors import RetryableError, ScservError
from inbound.handlers.broadcasts import BroadcastState, has_missed_start, opening
from inbound.handlers.bulk_shares import LEAST_AHEAD, Distance, shares
from inbound.handlers.pacing import Bucket, pace_at
from inbound.ops import metrics, telemetry
from inbound.orders.bulk_queue import SMALLEST_PART, queue_bulk
from inbound.orders.dispatch import Dispatcher
from inbound.orders.intake import MOST_IN_BATCH, Intake
from inbound.orders.ports import Companion, Placed
from inbound.store.broadcasts import broadcasts as stored
from inbound.store.broadcasts.rows import Broadcast, Counts, CursorMove
from inbound.store.orders.bulk import BulkAccount, find_bulk_accounts
from inbound.store.transactions.changes import Changes
from inbound.store.transactions.port import Transaction

log = logging.getLogger(__name__)

SUM_UP_ROWS: Final = 500
_SECONDS_AHEAD: Final = 10
"""With a rate the pump is ahead by so many seconds' worth: after an outage of the SMS centre all
of that goes at once."""


class CursorMovedError(ScservError):
    """The broadcast has changed since the batch was read: nothing was placed."""


class AccountDisabledError(ScservError):
    """Every recipient would be refused, so the broadcast has to wait."""


@dataclass(frozen=True, slots=True)
class PumpSettings:
    """`ahead` is messages placed and not submitted, of all bulk together, at most.

    Within that the pump is as far ahead as the SMS centres take in some seconds, and not less than
    `least_ahead`. A start that is missed by `late_after` has to be confirmed.
    """

    ahead: int = 4_000
    late_after: timedelta = timedelta(hours=1)
    least_ahead: int = LEAST_AHEAD


class MovingCursor(Companion):
    """Moves the cursor of a broadcast in the transaction that places its next recipients."""

    def __init__(self, broadcast: Broadcast, until: int, recipients: int) -> None:
        self._broadcast = broadcast
        self._until = until
        self._recipients = recipients

    @override
    async def begin(self, transaction: Transaction) -> None:
        found = await transaction.broadcast_cursor(self._broadcast.broadcast_id, self._until)
        expected = (BroadcastState.RUNNING, self._broadcast.cursor_no, self._recipients)
        if found != expected:
            raise CursorMovedError("the broadcast or its audience has changed")

    @override
    def finish(self, changes: Changes, placed: Sequence[Placed]) -> None:
        move = CursorMove(self._broadcast.broadcast_id, self._until)
        changes.orders.cursors.append(move)


class Pump:
    """Does the next step of every broadcast. Call `round` until stopped."""

    def __init__(
        self,
        intake: Intake,
        dispatcher: Dispatcher,
        batches: Batches,
        settings: PumpSettings,
        *,
        clock: Callable[[], datetime],
    ) -> None:
        self._intake = intake
        self._dispatcher = dispatcher
        self._batches = batches
        self._settings = settings
        self._clock = clock
        self._buckets: dict[UUID, Bucket] = {}
        self._distance: Distance[UUID | str] = Distance(settings.least_ahead, settings.ahead)

    async def round(self, conn: psycopg.Connection) -> int:
        """Do one step of all bulk; return how many messages were placed or queued.

        Waits for the database, for a batch of each broadcast at most. Raises RetryableError.
        """
        accounts, at_work, counts = await asyncio.to_thread(self._look, conn)
        running = [one for one in at_work if one.state is BroadcastState.RUNNING]
        self._buckets = {
            one.broadcast_id: self._buckets.get(one.broadcast_id, Bucket()) for one in running
        }
        metrics.BROADCASTS_RUNNING.set(len(running))
        unconfirmed = sum(one.lifecycle.needs_confirmation for one in at_work)
        metrics.BROADCASTS_UNCONFIRMED.set(unconfirmed)
        self._distance.measure(
            self._clock(),
            {one.account: one.queued for one in accounts}
            | {one.broadcast_id: counts[one.broadcast_id].open for one in at_work},
        )
        share = shares(
            self._distance.ahead,
            {one.account: one.queued + one.due for one in accounts}
            | {one.broadcast_id: self._wanted(one, counts[one.broadcast_id]) for one in running},
        )
        placed = await self._queue_bulk(accounts, share)
        for one in at_work:
            count = counts[one.broadcast_id]
            if count.rows > SUM_UP_ROWS:
                await asyncio.to_thread(stored.sum_up_progress, conn, one.broadcast_id)
            ahead = share.get(one.broadcast_id, 0)
            new = await self._step(conn, one, count, ahead)
            self._distance.place(one.broadcast_id, new)
            placed += new
        return placed

    def _look(
        self, conn: psycopg.Connection
    ) -> tuple[Sequence[BulkAccount], Sequence[Broadcast], Mapping[UUID, Counts]]:
        """Return the active bulk: accounts, broadcasts, and their counts."""
        accounts = find_bulk_accounts(conn, self._clock(), self._settings.ahead)
        at_work = stored.find_broadcasts_at_work(conn)
        ids = [one.broadcast_id for one in at_work]
        return accounts, at_work, stored.find_counts(conn, ids) if ids else {}

    async def _queue_bulk(
        self, accounts: Sequence[BulkAccount], share: Mapping[UUID | str, int]
    ) -> int:
        of_accounts = {one.account: share[one.account] for one in accounts}
        queued = await queue_bulk(self._dispatcher, accounts, of_accounts)
        for account, orders in queued.items():
            self._distance.place(account, orders)
        return sum(queued.values())

    def _wanted(self, broadcast: Broadcast, counts: Counts) -> int:
        """Return how many messages a broadcast would like to have on their way."""
        wanted = counts.open + max(broadcast.lifecycle.recipients - counts.placed, 0)
        if broadcast.rate is None:
            return wanted
        return min(wanted, counts.open + math.ceil(broadcast.rate * _SECONDS_AHEAD))

    async def _step(
        self, conn: psycopg.Connection, broadcast: Broadcast, counts: Counts, ahead: int
    ) -> int:
        match broadcast.state:
            case BroadcastState.SCHEDULED:
                await self._begin_if_due(conn, broadcast)
            case BroadcastState.RUNNING:
                return await self._advance(conn, broadcast, counts, ahead)
            case BroadcastState.CANCELLED:
                await self._wind_up(conn, broadcast, counts)
            case _:
                pass
        return 0

    async def _begin_if_due(self, conn: psycopg.Connection, broadcast: Broadcast) -> None:
        now, lifecycle = self._clock(), broadcast.lifecycle
        opens = opening(lifecycle.starts_at or now, lifecycle.hours)
        if lifecycle.needs_confirmation or opens > now:
            return
        if has_missed_start(lifecycle, now, self._settings.late_after):
            log.warning(
                "broadcast %s has missed its start: it has to be confirmed", broadcast.broadcast_id
            )
            changed = replace(lifecycle, needs_confirmation=True)
        else:
            changed = replace(lifecycle, state=BroadcastState.RUNNING, began_at=now)
        await self._change(conn, broadcast, broadcast.after(changed))

    async def _advance(
        self, conn: psycopg.Connection, broadcast: Broadcast, counts: Counts, ahead: int
    ) -> int:
        if not broadcast.account_enabled:
            disabled = AccountDisabledError(f"the account {broadcast.account} is disabled")
            await self._give_up(conn, broadcast, disabled)
            return 0
        if counts.held:
            await asyncio.to_thread(stored.release_held_orders, conn, broadcast.broadcast_id)
        waiting = max(broadcast.lifecycle.recipients - counts.placed, 0)
        if not waiting and not counts.open and not counts.held:
            ended = replace(broadcast.lifecycle, state=BroadcastState.DONE)
            after = replace(broadcast.after(ended), ended_at=self._clock())
            await self._change(conn, broadcast, after)
            return 0
        room = ahead - counts.open
        if broadcast.rate is None and room * SMALLEST_PART < ahead:
            return 0
        allowed = self._allowed(broadcast, waiting, counts.open, min(room, MOST_IN_BATCH))
        return await self._place(conn, broadcast, allowed) if allowed > 0 else 0

    def _allowed(self, broadcast: Broadcast, waiting: int, ahead: int, most: int) -> int:
        now, bucket = self._clock(), self._buckets[broadcast.broadcast_id]
        pace = pace_at(
            now,
            hours=broadcast.hours,
            rate=broadcast.rate,
            is_spread=broadcast.is_spread,
            waiting=waiting - bucket.level,
        )
        if pace.per_s is not None:
            most = min(most, math.ceil(pace.per_s * _SECONDS_AHEAD) - ahead)
        if pace.opens > now or not waiting or most <= 0:
            return 0
        return most if pace.per_s is None else bucket.take(now, pace.per_s, most)

    async def _place(self, conn: psycopg.Connection, broadcast: Broadcast, most: int) -> int:
        """Place orders for the next recipients; return how many there were."""
        try:
            return await self._place_batch(conn, broadcast, most)
        except CursorMovedError:
            return 0  # the next round sees what has changed
        except RetryableError:
            raise
        except (ScservError, ValueError) as error:
            await self._give_up(conn, broadcast, error)
            return 0

    async def _place_batch(self, conn: psycopg.Connection, broadcast: Broadcast, most: int) -> int:
        began_at = self._clock()
        recipients = await asyncio.to_thread(
            stored.find_recipients, conn, broadcast.broadcast_id, broadcast.cursor_no, most
        )
        if not recipients:
            return 0
        traceparent = telemetry.span("broadcast batch", None, began_at, self._clock())
        orders = self._batches.orders(broadcast, recipients, traceparent)
        cursor = MovingCursor(broadcast, recipients[-1].no, len(recipients))
        placed = await self._intake.place(orders, cursor)
        metrics.BROADCAST_RECIPIENTS.add(len(placed))
        return len(placed)

    async def _wind_up(
        self, conn: psycopg.Connection, broadcast: Broadcast, counts: Counts
    ) -> None:
        """Cancel scheduled orders; the rest is withheld when it is claimed."""
        waiting = await asyncio.to_thread(
            stored.find_scheduled_orders, conn, broadcast.broadcast_id, MOST_IN_BATCH
        )
        if waiting:
            await self._dispatcher.cancel(waiting)
        elif not counts.open and not counts.held:
            await self._change(conn, broadcast, replace(broadcast, ended_at=self._clock()))

    async def _give_up(
        self, conn: psycopg.Connection, broadcast: Broadcast, error: Exception
    ) -> None:
        """Pause a broadcast that can't go on, so that it doesn't hold up the others."""
        is_known = isinstance(error, ScservError)
        problem = str(error) if is_known else "a defect; its log says which"
        trace = None if is_known else error
        log.error("broadcast %s is paused: %s", broadcast.broadcast_id, problem, exc_info=trace)
        paused = replace(broadcast.lifecycle, state=BroadcastState.PAUSED)
        after = replace(broadcast.after(paused), problem=problem)
        await self._change(conn, broadcast, after)

    async def _change(self, conn: psycopg.Connection, before: Broadcast, after: Broadcast) -> None:
        await asyncio.to_thread(_store_change, conn, before, after)


def _store_change(conn: psycopg.Connection, before: Broadcast, after: Broadcast) -> None:
    """Store a change, unless a person has changed the broadcast meanwhile."""
    with conn.transaction():
        found = stored.find_broadcast(conn, before.broadcast_id, lock=True)
        if found is not None and found.lifecycle == before.lifecycle:
            stored.change_broadcast(conn, after)
