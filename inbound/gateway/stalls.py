"""Detects process stalls: SIGSTOP, swapping, starvation, a suspended machine.

An MO that arrived during a stall waits in the socket's buffer. The SMS centre has long given up
waiting for its answer and delivered it again through another gateway. Stored now, the copy would
follow what the client texted since, and would be a request of its own: a late `stop` would undo a
`start`. In SMPP an MO has no id by which the copy could be recognised. So MOs are refused with a
temporary error for a moment after a stall: the centre drops what it has delivered elsewhere, and
delivers the rest again.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Final

log = logging.getLogger(__name__)

STALL_S: Final = 3.0
"""Shorter than any centre waits for an answer."""

REFUSE_S: Final = 1.0
"""Long enough to read what waits in the sockets."""


class StallDetector:
    """Watches the monotonic clock. Ask `just_stalled` whenever an MO arrives."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._checked_at = clock()
        self._refuse_until = 0.0

    async def watch(self) -> None:
        """Check the clock until cancelled, so that only a stall leaves a gap."""
        while True:
            self.just_stalled()
            await asyncio.sleep(STALL_S / 6)

    def just_stalled(self) -> bool:
        """Whether the process stalled and may not have read everything that arrived meanwhile."""
        now = self._clock()
        gap = now - self._checked_at
        self._checked_at = now
        if gap > STALL_S:
            self._refuse_until = now + REFUSE_S
            log.warning("the process stalled for %.1f s: MOs that arrived are refused", gap)
        return now < self._refuse_until
