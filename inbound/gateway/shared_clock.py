"""One clock for all gateways: the database's, extrapolated by the monotonic clock.

It decides which of two MOs arrived first when one was overtaken on its way to Kafka. Wall clocks
can't: those of two machines differ, and each may be stepped. The monotonic clock is never
stepped, and all gateways read the same database.
"""

import time
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Final

OLD_S: Final = 60.0
"""A reading older than this is replaced even by a less exact one."""


class SharedClock:
    """Knows the database's time once `sync` has succeeded."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._read: datetime | None = None
        self._at = 0.0
        self._error_s = 0.0

    async def sync(self, ask: Callable[[], Awaitable[datetime]]) -> None:
        """Read the database's clock; keep the reading if it is the more exact one.

        Raises what `ask` raises; the last reading stays then.
        """
        asked = self._monotonic()
        read = await ask()
        answered = self._monotonic()
        error_s = (answered - asked) / 2
        if self._read is None or error_s <= self._error_s or answered - self._at > OLD_S:
            self._read, self._at, self._error_s = read, asked + error_s, error_s

    def now(self) -> datetime | None:
        """Return the database's time, None before the first reading."""
        if self._read is None:
            return None
        return self._read + timedelta(seconds=self._monotonic() - self._at)
