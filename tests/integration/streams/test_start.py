"""How a worker joins its group, on a real Kafka with a real Faust app."""

import asyncio
import time
from collections.abc import Iterable
from secrets import token_hex

import pytest
from faust.tables.manager import TableManager

from inbound.deadletter.isolation import BatchProcessor, FailedRecord
from inbound.kafka import admin
from inbound.kafka.connection import KafkaConnection
from inbound.kafka.decoding import TopicRecord
from inbound.settings import Settings
from schemas.topics import PARTITIONS, TopicNames
from streams.app import WorkerApp
from streams.progress import PartitionProgress
from tests.fix_servers import SharedKafka
from tests.patience import PATIENCE_S


async def ignore(_: Iterable[TopicRecord] | Iterable[FailedRecord]) -> None:
    """Process nothing."""


async def test_a_worker_joins_without_waiting_for_tables(
    kafka_server: SharedKafka, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    waited: list[float] = []

    async def sleep(_: TableManager, seconds: float) -> None:
        waited.append(seconds)
        await asyncio.sleep(seconds)

    monkeypatch.setattr(TableManager, "sleep", sleep)
    prefix = f"start-{token_hex(4)}."
    broker = KafkaConnection(kafka_server.bootstrap)
    specs = TopicNames.prefixed(prefix).specs()
    await asyncio.to_thread(admin.apply, broker, specs, replication_factor=1)
    processor = BatchProcessor(ignore, ignore)
    settings = Settings(kafka_bootstrap_servers=kafka_server.bootstrap, topic_prefix=prefix)
    app = WorkerApp(settings, processor, processor, processor, PartitionProgress(time.monotonic))
    await app.start()
    try:
        async with asyncio.timeout(PATIENCE_S):
            while len(await app.partition_ends() or ()) < 3 * PARTITIONS:  # noqa: ASYNC110 - no signal
                await asyncio.sleep(0.05)
    finally:
        await app.stop()
    assert waited == []
    assert [one for one in caplog.records if one.name.startswith("streams")] == []
