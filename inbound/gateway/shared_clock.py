"""One clock for all gateways: the database's, extrapolated by the monotonic clock.

It decides which of two MOs arrived first when one was overtaken on its way to Kafka. Wall clocks
can't: those of two machines differ, and each may be stepped. Unlike `inbound.clock.utc_now` it
never shows the machine's clock, which may differ by half a second.
"""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Final

from inbound.clock import OtherClock

EXACT_S: Final = 0.05
"""An error that is small against the differences that matter (`handlers.commands.CLOCK_ERROR`)."""

READINGS: Final = 20
"""How often a gateway that starts on a busy machine asks for an exact reading."""


class SharedClock(OtherClock):
    """Knows the database's time once `sync` has succeeded."""

    async def sync(self, ask: Callable[[], Awaitable[datetime]]) -> None:
        """Read the database's clock; keep whichever reading is more exact.

        Raises what `ask` raises; the last reading stays then.
        """
        asked = self.monotonic()
        read = await ask()
        self.note(read, asked, self.monotonic())

    async def sync_exactly(self, ask: Callable[[], Awaitable[datetime]]) -> None:
        """Read the clock until a reading is exact, `READINGS` times at most.

        Raises what `ask` raises.
        """
        for _ in range(READINGS):
            await self.sync(ask)
            if self.error_s <= EXACT_S:
                return
