"""Noticing that this process stood still: stopped, swapped out, starved, a machine asleep.

What the SMS centre sent meanwhile lies in the socket, and the centre has long given up
waiting and delivered it again through another gateway. Stored now, such a text would come
after what the client wrote later, and would be a request of its own: a late `stop` would
undo a `start`. SMPP gives a text no id by which the copy could be known. So for a moment
after a standstill texts are refused with a temporary error: what the centre has delivered
elsewhere it forgets, and anything else comes again.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Final

log = logging.getLogger(__name__)

STILL_S: Final = 3.0
"""Shorter than any centre waits for an answer."""

SHUN_S: Final = 1.0
"""Long enough to read what lies in the sockets."""


class Standstill:
    """Watches the monotonic clock; `recent` is asked whenever something arrives."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._looked_at = clock()
        self._until = 0.0

    async def watch(self) -> None:
        """Look at the clock until cancelled, so that only a standstill leaves a gap."""
        while True:
            self.recent()
            await asyncio.sleep(STILL_S / 6)

    def recent(self) -> bool:
        """Whether the process stood still and may not have read all that lay waiting."""
        now = self._clock()
        gap = now - self._looked_at
        self._looked_at = now
        if gap > STILL_S:
            self._until = now + SHUN_S
            log.warning("stood still for %.1f s: texts that lie here are left to the centre", gap)
        return now < self._until
