"""The heartbeat of an event loop: it tells of the loop alone, whatever a server that hangs does."""

import asyncio
from typing import Final

from inbound.ops.health import Health

BEAT_EVERY_S: Final = 2.0
HEARTBEAT_S: Final = 15.0


async def beat(health: Health) -> None:
    """Report to the health port that this event loop runs, until cancelled."""
    while True:
        health.beat("heartbeat", HEARTBEAT_S)
        await asyncio.sleep(BEAT_EVERY_S)
