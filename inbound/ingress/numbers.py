"""Numbers for messages in dialects whose ids are numbers; no two messages get the same one."""

import asyncio
from collections.abc import Awaitable, Callable


class MessageNumbers:
    """Gives out numbers. `take` fetches the next ones from the database, for one event loop."""

    def __init__(self, take: Callable[[], Awaitable[range]]) -> None:
        self._take = take
        self._left: list[int] = []
        self._taking = asyncio.Lock()

    async def next(self) -> int:
        """Return a new number. Blocks on the database now and then; raises RetryableError."""
        while not self._left:
            async with self._taking:
                if not self._left:
                    self._left = list(reversed(await self._take()))
        return self._left.pop()
