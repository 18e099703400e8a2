"""Remembers how many numbers the directory has, because counting them may take a while."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from inbound.directory.port import Directory

FRESH_FOR: Final = timedelta(minutes=1)


class DirectorySize:
    """The size of the directory, at most a minute old by `clock`."""

    def __init__(self, directory: Directory, clock: Callable[[], datetime]) -> None:
        self._directory = directory
        self._clock = clock
        self._size = 0
        self._counted_at: datetime | None = None

    async def get(self) -> int:
        """Return the number. Blocks on the directory and raises as it does, once a minute."""
        now = self._clock()
        if self._counted_at is None or not timedelta() <= now - self._counted_at < FRESH_FOR:
            self._size = await self._directory.size()
            self._counted_at = now
        return self._size
