"""Watches whether Kafka stores the submit results of this gateway, and reports it in its health.

Waiting results make the gateway unready, whatever the reason: no fulfilment follows and no offset
is committed. The gateway stops being live only if a restart may help: Kafka can be reached, and yet
it says nothing about the results. While Kafka is down or declines records, waiting is right.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Final, Protocol

from inbound.kafka import availability
from inbound.ops.health import Health

CHECK: Final = "results"
HEARTBEAT: Final = "publishing results"
EVERY_S: Final = 1.0
UNREADY_AFTER_S: Final = 8.0
STUCK_AFTER_S: Final = 48.0
HEARTBEAT_S: Final = 10.0
"""Without a heartbeat for this long the process is not live: within a minute in all."""


class WaitingResults(Protocol):
    """The results that Kafka does not have yet."""

    def oldest_s(self) -> float:
        """For how many seconds the oldest one has waited; 0 without one."""

    def silent_s(self) -> float:
        """For how many seconds Kafka has said nothing about the oldest one."""


class ResultWatch:
    """Reports on results; `run` until cancelled."""

    def __init__(
        self,
        results: WaitingResults,
        health: Health,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._results = results
        self._health = health
        self._clock = clock
        self._sleep = sleep
        self._reachable_since = clock()

    async def run(self) -> None:
        """Report once a second."""
        while True:
            self.report()
            await self._sleep(EVERY_S)

    def report(self) -> None:
        """Set the condition, and beat unless the results are stuck."""
        waiting_s = self._results.oldest_s()
        self._health.set(
            CHECK,
            ok=waiting_s < UNREADY_AFTER_S,
            reason=f"a submit result has waited for Kafka for {waiting_s:.0f} s",
        )
        if not self._health.passes(availability.CHECK):
            self._reachable_since = self._clock()
        reachable_s = self._clock() - self._reachable_since
        if min(self._results.silent_s(), reachable_s) < STUCK_AFTER_S:
            self._health.beat(HEARTBEAT, HEARTBEAT_S)
