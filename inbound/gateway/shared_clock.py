"""One clock for all gateways: the database's, extrapolated by the monotonic clock.

It decides which of two MOs arrived first when one was overtaken on its way to Kafka. Wall clocks
can't: those of two machines differ, and each may be stepped. The monotonic clock is never
stepped, and all gateways read the same database.
"""

import time
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Final

DRIFT: Final = 1e-3
"""How far the two clocks may drift apart within a second: ten times what hardware does."""

EXACT_S: Final = 0.05
"""An error that is small beside the differences that matter (`handlers.commands.CLOCK_ERROR`)."""

READINGS: Final = 20
"""How often a gateway that starts on a busy machine asks for an exact reading."""


class SharedClock:
    """Knows the database's time once `sync` has succeeded."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._read: datetime | None = None
        self._at = 0.0
        self._error_s = 0.0

    async def sync(self, ask: Callable[[], Awaitable[datetime]]) -> None:
        """Read the database's clock; keep the reading that is the more exact one.

        On a busy machine the answer may take seconds, and nobody knows when within them the
        database read its clock. Such a reading replaces an older one only if the older one is no
        longer more exact, or if the two contradict each other: then the database's clock was set,
        or it is another database. Raises what `ask` raises; the last reading stays then.
        """
        asked = self._monotonic()
        read = await ask()
        error_s = (self._monotonic() - asked) / 2
        at = asked + error_s
        known_error_s = self._error_s + DRIFT * (at - self._at)
        if self._read is not None:
            known = self._read + timedelta(seconds=at - self._at)
            agree = abs((read - known).total_seconds()) <= error_s + known_error_s
            if agree and error_s > known_error_s:
                return
        self._read, self._at, self._error_s = read, at, error_s

    async def sync_exactly(self, ask: Callable[[], Awaitable[datetime]]) -> None:
        """Read the clock until a reading is exact, `READINGS` times at most.

        Raises what `ask` raises.
        """
        for _ in range(READINGS):
            await self.sync(ask)
            if self._error_s <= EXACT_S:
                return

    def now(self) -> datetime | None:
        """Return the database's time, None before the first reading."""
        if self._read is None:
            return None
        return self._read + timedelta(seconds=self._monotonic() - self._at)
