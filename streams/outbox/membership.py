"""Takes part in the lanes' consumer group for as long as this gateway can send.

A gateway without a bind would keep its partitions' messages waiting while another gateway could
send them. So it joins the group once it can send, and leaves it when another gateway can send and
it can't. Who can send is known through a port, which the gateway fills.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable
from typing import Protocol

from inbound.ops.health import Health
from streams.outbox.lanes import Lanes

log = logging.getLogger(__name__)


class AbilityPort(Protocol):
    """Whether this gateway can send, and whether another one can instead."""

    async def gained(self) -> None:
        """Wait until this gateway can send."""

    async def lost(self) -> None:
        """Wait until another gateway can send and this one can't."""


class LaneMembership:
    """Runs new `Lanes` for each time as a member. `run` until cancelled, then `stop`."""

    def __init__(
        self, new_lanes: Callable[[], Lanes], ability: AbilityPort, health: Health
    ) -> None:
        self._new_lanes = new_lanes
        self._ability = ability
        self._health = health
        self._lanes: Lanes | None = None

    async def run(self) -> None:
        """Join and leave the group until cancelled. Raises what `Lanes.run` raises."""
        while True:
            await self._ability.gained()
            lanes = self._lanes = self._new_lanes()
            await lanes.start()
            await self._run_until_lost(lanes)
            log.warning("leaves the lanes to other gateways: no bind is up here")
            await self.stop()

    async def stop(self, leave_within_s: float | None = None) -> None:
        """Give all partitions up and leave the group, as `Lanes.stop`. Safe to repeat."""
        lanes, self._lanes = self._lanes, None
        if lanes is not None:
            await lanes.stop(leave_within_s)
            self._health.forget("lanes")
            self._health.forget("sending")

    async def _run_until_lost(self, lanes: Lanes) -> None:
        running = asyncio.create_task(lanes.run())
        lost = asyncio.create_task(self._ability.lost())
        try:
            await asyncio.wait((running, lost), return_when=asyncio.FIRST_COMPLETED)
            if running.done():
                running.result()
            lost.result()
        finally:
            for task in (running, lost):
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await task
