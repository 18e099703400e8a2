"""Runs loops side by side, each until it is told to stop.

A loop that fails because a server is unavailable is restarted after a back-off; the others go on.
Any other error ends the process, whose supervisor restarts it.
"""

import asyncio
import logging
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final, Protocol

from tenacity import AsyncRetrying, RetryCallState, retry_if_exception_type
from tenacity.wait import wait_random_exponential

from inbound.errors import RetryableError
from inbound.ops.health import Health
from inbound.ops.heartbeat import beat
from inbound.reasons import in_words

log = logging.getLogger(__name__)

ROUND_WITHIN_S: Final = 90.0
"""Longer than the time limits of all statements of one round."""
_STOP_WITHIN_S: Final = 5.0
_LONGEST_PAUSE_S: Final = 5.0


class Loop(Protocol):
    """Work that recurs."""

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop` is set; finish what was begun and return.

        Raises RetryableError when a server is unavailable; then it is called again after a while.
        """
        ...


@dataclass(slots=True)
class LoopHealth:
    """Reports one loop to the health port of the process, and an outage to the log."""

    health: Health
    name: str
    _is_waiting: bool = field(default=False, init=False)

    def works(self) -> None:
        """Report that a round is done; call it at least every `ROUND_WITHIN_S`."""
        if self._is_waiting:
            self._is_waiting = False
            log.info("the database can be reached again: %s continue", self.name)
        self.health.set(self.name, ok=True)
        self.health.beat(f"{self.name} loop", ROUND_WITHIN_S)

    def waits(self, reason: str) -> None:
        """Report why the loop does not work at the moment."""
        log.warning("%s wait: %s", self.name, reason)
        self._is_waiting = True
        self.health.set(self.name, ok=False, reason=reason)
        self.health.beat(f"{self.name} loop", ROUND_WITHIN_S)


async def sleep(stop: asyncio.Event, seconds: float) -> None:
    """Wait this long, or until `stop` is set."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await stop.wait()


class Scheduler:
    """Runs its loops until cancelled."""

    def __init__(
        self,
        loops: Mapping[str, Loop],
        health: Health,
        reports: Mapping[str, LoopHealth] | None = None,
    ) -> None:
        """`loops` by the name of their condition in `health`; `reports` those that they got."""
        self._loops = loops
        self._reports = reports or {name: LoopHealth(health, name) for name in loops}
        self._health = health
        self._stop = asyncio.Event()

    async def run(self) -> None:
        """Run until cancelled; then let each loop finish its round, for a few seconds at most.

        Raises the error of a loop that failed.
        """
        running = [asyncio.create_task(self._keep(*named)) for named in self._loops.items()]
        beating = asyncio.create_task(beat(self._health))
        try:
            await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._stop.set()
            done, late = await asyncio.wait(running, timeout=_STOP_WITHIN_S)
            for task in (beating, *late):
                task.cancel()
        for task in done:
            task.result()

    async def _keep(self, name: str, loop: Loop) -> None:
        report = self._reports[name]

        def wait(state: RetryCallState) -> None:
            report.waits(in_words(state.outcome.exception() if state.outcome else None))

        async for attempt in AsyncRetrying(
            retry=retry_if_exception_type(RetryableError),
            wait=wait_random_exponential(multiplier=0.2, max=_LONGEST_PAUSE_S),
            sleep=lambda seconds: sleep(self._stop, seconds),
            before_sleep=wait,
        ):
            with attempt:
                await loop.run(self._stop)
