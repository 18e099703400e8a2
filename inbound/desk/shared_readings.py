"""Readings that are shared by everybody who looks at the same moment.

Pages poll, each open tab for itself. However many there are, a process reads the same thing once a
second at most. Pages that a user opens, and actions, are never answered from here.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Hashable
from typing import Final, Generic, TypeVar

SHARED_S: Final = 1.0
_MOST: Final = 1000

Found = TypeVar("Found")


class SharedReadings(Generic[Found]):
    """The newest readings by their keys. Call it from one event loop only."""

    def __init__(
        self, shared_s: float = SHARED_S, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        """`shared_s`: how old a reading may be that is shared, from its beginning."""
        self._shared_s = shared_s
        self._monotonic = monotonic
        self._readings: dict[Hashable, tuple[float, asyncio.Task[Found]]] = {}

    async def get(self, key: Hashable, read: Callable[[], Awaitable[Found]]) -> Found:
        """Return what is or was just read for `key`. Raises what `read` raises, to all who wait."""
        now = self._monotonic()
        begun_at, reading = self._readings.get(key, (0.0, None))
        if reading is not None and reading.done() and now - begun_at >= self._shared_s:
            reading = None
        if reading is None:
            self._forget(now)
            reading = asyncio.ensure_future(_awaited(read))
            reading.add_done_callback(_retrieve)
            self._readings[key] = now, reading
        # If one of them goes away, the others still get the answer.
        return await asyncio.shield(reading)

    def _forget(self, now: float) -> None:
        if len(self._readings) >= _MOST:
            old = [
                key
                for key, (begun_at, reading) in self._readings.items()
                if reading.done() and now - begun_at >= self._shared_s
            ]
            for key in old:
                del self._readings[key]


async def _awaited(read: Callable[[], Awaitable[Found]]) -> Found:
    return await read()


def _retrieve(reading: "asyncio.Task[Found]") -> None:
    """Retrieve what a reading raised: all who asked may be gone."""
    if not reading.cancelled():
        reading.exception()
