"""Whether this gateway can send messages, and whether another one can instead.

A gateway can send while any of its sending binds is up. It counts as unable once all of them have
been down for `UNABLE_AFTER_S`, and another gateway has then reported one that is up for as long.
If no gateway has a bind that is up, none gives work up: that would only add rebalances.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Final

from inbound.errors import RetryableError
from inbound.gateway.sending_binds import SendingBinds

log = logging.getLogger(__name__)

CHECK_EVERY_S: Final = 0.5
UNABLE_AFTER_S: Final = 3.0
FIRST_HOLD_S: Final = 2.0
LONGEST_HOLD_S: Final = 60.0
"""A bind that goes up and down must not cause a rebalance each time: the wait doubles."""

STEADY_S: Final = 300.0
"""After this long as a member, the next loss counts as the first one."""


class SendingAbility:
    """Fills `streams.outbox.membership.AbilityPort`.

    `another_can` asks whether another gateway has reported a sending bind that is up.
    """

    def __init__(
        self,
        binds: SendingBinds,
        another_can: Callable[[], Awaitable[bool]],
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._binds = binds
        self._another_can = another_can
        self._clock = clock
        self._sleep = sleep
        self._hold_s = 0.0
        self._gained_at = clock()

    async def gained(self) -> None:
        """Wait until a bind is up; after a loss until one has been up for a while."""
        up_since: float | None = None
        while True:
            now = self._clock()
            if self._binds.are_down(0):
                up_since = None
            else:
                up_since = now if up_since is None else up_since
                if now - up_since >= self._hold_s:
                    self._gained_at = now
                    return
            await self._sleep(CHECK_EVERY_S)

    async def lost(self) -> None:
        """Wait until all binds are down and another gateway has one that is up, for a while."""
        since: float | None = None
        while True:
            await self._sleep(CHECK_EVERY_S)
            now = self._clock()
            if not self._binds.are_down(UNABLE_AFTER_S) or not await self._another_sends():
                since = None
                continue
            since = now if since is None else since
            if now - since >= UNABLE_AFTER_S:
                self._lengthen_hold(now)
                return

    def _lengthen_hold(self, now: float) -> None:
        if now - self._gained_at >= STEADY_S:
            self._hold_s = 0.0
        self._hold_s = min(LONGEST_HOLD_S, 2 * self._hold_s or FIRST_HOLD_S)

    async def _another_sends(self) -> bool:
        try:
            return await self._another_can()
        except RetryableError as error:
            log.info("whether another gateway can send is not known: %s", error)
            return False
