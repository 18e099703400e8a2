"""The end of a gateway doesn't wait for the group of the lanes."""

import asyncio
from typing import Any

from inbound.ops.health import Health
from streams.outbox.lanes import Lanes
from tests.patience import PATIENCE_S


class Rebalancing:
    """A consumer without partitions, in a group whose broker answers nobody."""

    def assignment(self) -> set[Any]:
        return set()

    async def stop(self) -> None:
        await asyncio.Event().wait()


async def test_it_ends_while_kafka_reassigns_partitions() -> None:
    nothing: Any = None
    lanes = Lanes(Rebalancing(), nothing, nothing, (), Health(), nothing)
    async with asyncio.timeout(PATIENCE_S):
        await lanes.stop(leave_within_s=0.01)
