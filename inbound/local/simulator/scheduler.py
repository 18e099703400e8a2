"""Runs calls after a delay. `sleep` is injected, so that tests need not wait."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

log = logging.getLogger(__name__)

Sleep = Callable[[float], Awaitable[object]]


class TaskScheduler:
    """Tasks that sleep and then call something. `close` cancels them."""

    def __init__(self, sleep: Sleep = asyncio.sleep) -> None:
        """Take a coroutine function that sleeps for a number of seconds."""
        self.sleep = sleep
        self._tasks: set[asyncio.Task[Any]] = set()

    def after(self, seconds: float, do: Callable[[], None]) -> None:
        """Call `do` after this many seconds. Its errors are logged."""
        self.task(self._sleep_and(seconds, do))

    def task(self, coroutine: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Run a coroutine as a task, which `close` cancels."""
        task = asyncio.get_running_loop().create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def close(self) -> None:
        """Cancel all tasks. Safe to repeat."""
        for task in self._tasks:
            task.cancel()

    async def _sleep_and(self, seconds: float, do: Callable[[], None]) -> None:
        await self.sleep(seconds)
        try:
            do()
        except Exception:
            log.exception("a scheduled call failed")
