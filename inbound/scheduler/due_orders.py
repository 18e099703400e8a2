"""Queues scheduled orders that are due, and ends orders that lost their message."""

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Final

from typing_extensions import override

from inbound.ops import metrics
from inbound.orders.dispatch import MOST_AT_ONCE, Dispatcher
from inbound.scheduler.loops import Loop, LoopHealth, sleep

LOOK_EVERY_S: Final = 1.0
LOST_EVERY_S: Final = 3600.0

log = logging.getLogger(__name__)


class DueOrders(Loop):
    """Looks for due orders once a second, for lost ones hourly. Several processes may run it."""

    def __init__(
        self,
        dispatcher: Dispatcher,
        report: LoopHealth,
        *,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._dispatcher = dispatcher
        self._report = report
        self._monotonic = monotonic

    @override
    async def run(self, stop: asyncio.Event) -> None:
        looked_at: float | None = None
        while not stop.is_set():
            now = self._monotonic()
            if looked_at is None or now - looked_at >= LOST_EVERY_S:
                looked_at = now
                await self._end_lost()
            taken = await self._dispatcher.dispatch_due()
            metrics.ORDERS_DISPATCHED.add(taken)
            self._report.works()
            if taken < MOST_AT_ONCE:
                await sleep(stop, LOOK_EVERY_S)

    async def _end_lost(self) -> None:
        lost = await self._dispatcher.expire_lost()
        if lost:
            log.error("%d queued messages were lost with the records of their lane", lost)
