"""Lets transactions of one process that decide about the same people take turns.

They run at once and are checked at the end: of two that changed the same person the later one is
refused (`Conflict`) and decides again. A large batch would lose to small ones for ever, so one that
has lost runs alone. Other processes change the same people rarely, and in short transactions.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Turns:
    """Of one process and one event loop."""

    def __init__(self) -> None:
        """Nobody runs yet."""
        self._together = 0
        self._alone = 0
        """How many run alone (at most one) or wait for it."""
        self._is_taken = False
        self._changed = asyncio.Condition()

    @asynccontextmanager
    async def together(self) -> AsyncIterator[None]:
        """Run beside others; wait while one runs alone, or waits to."""
        async with self._changed:
            await self._changed.wait_for(lambda: not self._alone)
            self._together += 1
        try:
            yield
        finally:
            async with self._changed:
                self._together -= 1
                self._changed.notify_all()

    @asynccontextmanager
    async def alone(self) -> AsyncIterator[None]:
        """Run without others: wait for those that run, and have the next ones wait."""
        async with self._changed:
            self._alone += 1
            try:
                await self._changed.wait_for(lambda: not self._together and not self._is_taken)
                self._is_taken = True
            except BaseException:
                self._alone -= 1
                self._changed.notify_all()
                raise
        try:
            yield
        finally:
            async with self._changed:
                self._alone -= 1
                self._is_taken = False
                self._changed.notify_all()
