"""Runs the pump of broadcasts in one of the schedulers; the others are standbys."""

import asyncio
from collections.abc import Callable
from typing import Final

import psycopg
from typing_extensions import override

from inbound.broadcasts.pump import Pump
from inbound.scheduler.loops import Loop, LoopHealth, sleep
from inbound.store.access.approval_rules import ApprovalRules, publish_rules
from inbound.store.broadcasts.broadcasts import try_lock_pump
from inbound.store.connections import require_writable

IDLE_S: Final = 0.5
STANDBY_S: Final = 1.0


class BroadcastLoop(Loop):
    """Pumps while its connection holds the lock."""

    def __init__(
        self,
        connect: Callable[[], psycopg.Connection],
        pump: Pump,
        report: LoopHealth,
        rules: ApprovalRules,
    ) -> None:
        """`connect` opens a connection in autocommit mode; it blocks. `rules` are published."""
        self._connect = connect
        self._pump = pump
        self._report = report
        self._rules = rules

    @override
    async def run(self, stop: asyncio.Event) -> None:
        conn = await asyncio.to_thread(self._connect)
        try:
            while not stop.is_set() and not await asyncio.to_thread(try_lock_pump, conn):
                require_writable(conn)
                self._report.works()
                await sleep(stop, STANDBY_S)
            await asyncio.to_thread(publish_rules, conn, self._rules)
            while not stop.is_set():
                placed = await self._pump.round(conn)
                require_writable(conn)
                self._report.works()
                if not placed:
                    await sleep(stop, IDLE_S)
        finally:
            await asyncio.to_thread(conn.close)
