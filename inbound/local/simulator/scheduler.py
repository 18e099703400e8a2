"""What has to happen after a while. The clock's sleep is passed in, so tests need not wait."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

log = logging.getLogger(__name__)

Sleep = Callable[[float], Awaitable[object]]


class Scheduler:
    """Tasks that sleep and then do something; `close` forgets them."""

    def __init__(self, sleep: Sleep = asyncio.sleep) -> None:
        """Take a coroutine function that sleeps for so many seconds."""
        self.sleep = sleep
        self._tasks: set[asyncio.Task[Any]] = set()

    def after(self, seconds: float, do: Callable[[], None]) -> None:
        """Call `do` after so many seconds; an error in it is logged."""
        self.task(self._sleep_and(seconds, do))

    def task(self, coroutine: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Run a coroutine that ends with `close` at the latest."""
        task = asyncio.get_running_loop().create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def close(self) -> None:
        """Forget everything that was still to happen. Safe to repeat."""
        for task in self._tasks:
            task.cancel()

    async def _sleep_and(self, seconds: float, do: Callable[[], None]) -> None:
        await self.sleep(seconds)
        try:
            do()
        except Exception:
            log.exception("what was put off failed")
