"""When a worker that starts says that it has its partitions."""

import asyncio
import time
from collections.abc import Mapping

import pytest

from inbound.ops.health import Health
from streams import partition_watch
from streams.partition_watch import PartitionWatch
from streams.progress import Partition, PartitionProgress
from tests.service.waiting import eventually


class _Joining:
    """An app that has partitions from the third look on."""

    looks = 0

    def has_partitions(self) -> bool:
        return self.looks > 2

    async def partition_ends(self) -> Mapping[Partition, int | None]:
        self.looks += 1
        return {("texts", 0): 0} if self.looks > 2 else {}

    async def positions(self, _: object) -> Mapping[Partition, int]:
        return {("texts", 0): 0}


class _Fetching(_Joining):
    """An app with partitions whose first fetch Kafka has not answered yet."""

    def has_partitions(self) -> bool:
        return True

    async def partition_ends(self) -> Mapping[Partition, int | None]:
        self.looks += 1
        never: asyncio.Future[Mapping[Partition, int | None]] = asyncio.Future()
        return await never


async def test_a_worker_with_partitions_is_ready_before_kafka_tells_where_they_end() -> None:
    app, health = _Fetching(), Health()
    health.set("partitions", ok=False, reason="starting")
    watch = PartitionWatch(app, PartitionProgress(time.monotonic), health, lambda: False)  # type: ignore[arg-type]
    watching = asyncio.create_task(watch.run())
    try:
        await eventually(lambda: app.looks > 0, lambda: "it does not look")
        assert health.passes("partitions")
    finally:
        watching.cancel()


async def test_a_worker_is_ready_soon_after_it_has_joined(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(partition_watch, "CHECK_EVERY_S", 3600.0)
    health = Health()
    health.set("partitions", ok=False, reason="starting")
    watch = PartitionWatch(_Joining(), PartitionProgress(time.monotonic), health, lambda: False)  # type: ignore[arg-type]
    watching = asyncio.create_task(watch.run())
    try:
        await eventually(lambda: health.passes("partitions"), lambda: "the worker is not ready")
    finally:
        watching.cancel()


async def test_a_worker_without_partitions_looks_seldom(monkeypatch: pytest.MonkeyPatch) -> None:
    waited: list[float] = []

    async def sleep(seconds: float) -> None:
        waited.append(seconds)
        if len(waited) == 2:
            raise asyncio.CancelledError

    monkeypatch.setattr(partition_watch, "JOIN_WITHIN_S", 0.0)
    monkeypatch.setattr("streams.partition_watch.asyncio.sleep", sleep)
    watch = PartitionWatch(_Joining(), PartitionProgress(time.monotonic), Health(), lambda: False)  # type: ignore[arg-type]
    with pytest.raises(asyncio.CancelledError):
        await watch.run()
    assert waited == [partition_watch.CHECK_EVERY_S] * 2
