"""Queues scheduled orders when they are due."""

import asyncio
from typing import Final

from typing_extensions import override

from inbound.ops import metrics
from inbound.orders.dispatch import MOST_AT_ONCE, Dispatcher
from inbound.scheduler.loops import Loop, LoopHealth, sleep

LOOK_EVERY_S: Final = 0.5


class DueOrders(Loop):
    """Looks for due orders twice a second. Several processes may run it at once."""

    def __init__(self, dispatcher: Dispatcher, report: LoopHealth) -> None:
        self._dispatcher = dispatcher
        self._report = report

    @override
    async def run(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            taken = await self._dispatcher.dispatch_due()
            metrics.ORDERS_DISPATCHED.add(taken)
            self._report.works()
            if taken < MOST_AT_ONCE:
                await sleep(stop, LOOK_EVERY_S)
