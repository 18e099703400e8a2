"""Watches the partitions of a worker: reports health, and ends the process of a forgotten one."""

import asyncio
import time
from collections.abc import Callable, Mapping
from typing import Final

from inbound.ops.health import Health
from streams.app import WorkerApp
from streams.progress import STUCK_AFTER_S, Partition, PartitionProgress

CHECK_EVERY_S: Final = 2.0
JOIN_WITHIN_S: Final = 10.0
LOOK_FOR_FIRST_EVERY_S: Final = 0.1
"""While the worker joins its group, for so long at most: a start waits for it."""

SUSPENDED_S: Final = 10.0
"""After a longer pause between two checks nothing could have been processed in it."""

HEARTBEAT_S: Final = 15.0


class ForgottenPartitionError(Exception):
    """A partition is not processed although others are: the process has to start again."""


class PartitionWatch:
    """Checks the assigned partitions. `is_waiting` says that a processor waits for an outage."""

    def __init__(
        self,
        app: WorkerApp,
        progress: PartitionProgress,
        health: Health,
        is_waiting: Callable[[], bool],
    ) -> None:
        self._app = app
        self._progress = progress
        self._health = health
        self._is_waiting = is_waiting

    async def run(self) -> None:
        """Report health until cancelled.

        Raises ForgottenPartitionError when Faust has forgotten a partition. That was seen after a
        worker had been suspended and joined the group again. Nobody reads such a partition until
        the next rebalance, but a new process does.
        """
        began = checked_at = answered_at = time.monotonic()
        joins = True
        while True:
            if joins and self._app.has_partitions():
                # Kafka tells where they end once it has answered a fetch, which waits for 1.5 s.
                self._health.set("partitions", ok=True)
            ends = await self._app.partition_ends()
            now = time.monotonic()
            if ends is None or self._is_waiting() or now - checked_at > SUSPENDED_S:
                self._progress.start_again()
            checked_at = now
            if ends is not None:
                answered_at, reason = now, await self._check(ends)
            elif now - answered_at > STUCK_AFTER_S:
                reason = f"Kafka has not told where the partitions end for {STUCK_AFTER_S:g} s"
            else:
                reason = None
            self._health.set("partitions", ok=reason is None, reason=reason or "")
            self._health.beat("heartbeat", HEARTBEAT_S)
            joins = not ends and now - began < JOIN_WITHIN_S
            await asyncio.sleep(LOOK_FOR_FIRST_EVERY_S if joins else CHECK_EVERY_S)

    async def _check(self, ends: Mapping[Partition, int | None]) -> str | None:
        if unseen := self._progress.unseen(ends):
            self._progress.begin(await self._app.positions(unseen))
        reason = self._progress.check(ends)
        if reason and self._progress.is_forgotten:
            raise ForgottenPartitionError(f"{reason}, although others are processed")
        if not ends:
            reason = "no partitions assigned: another worker has them, or Kafka is away"
        return reason
