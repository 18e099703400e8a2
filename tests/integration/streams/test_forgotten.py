"""A partition that Faust has forgotten ends the worker, on a real Kafka with a real Faust app.

Faust stops fetching a partition while its buffer is full, and goes on when the buffer has room. A
partition whose sign to go on never comes is forgotten: heartbeats go on, and others move.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Iterable
from secrets import token_hex

import pytest
from aiokafka import AIOKafkaProducer
from faust.types import TP

from inbound.deadletter.isolation import BatchProcessor, FailedRecord
from inbound.gateway.process import new_producer
from inbound.kafka import admin
from inbound.kafka.connection import KafkaConnection
from inbound.kafka.decoding import TopicRecord
from inbound.ops.health import Health
from inbound.settings import Settings
from schemas.topics import PARTITIONS, TopicNames
from streams import partition_watch
from streams import progress as progress_module
from streams.app import WorkerApp
from streams.partition_watch import ForgottenPartitionError, PartitionWatch
from streams.progress import PartitionProgress
from tests.fix_servers import SharedKafka
from tests.patience import PATIENCE_S

FORGOTTEN, MOVING = 3, 4


@pytest.fixture
async def producer(kafka_server: SharedKafka) -> AsyncIterator[AIOKafkaProducer]:
    made = new_producer(KafkaConnection(kafka_server.bootstrap))
    await made.start()
    yield made
    await made.stop()


@pytest.fixture
def quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress_module, "STUCK_AFTER_S", 0.5)
    monkeypatch.setattr(partition_watch, "CHECK_EVERY_S", 0.1)


@pytest.mark.parametrize("has_moved", [True, False])
@pytest.mark.usefixtures("quickly")
async def test_a_forgotten_partition_ends_the_worker(
    kafka_server: SharedKafka, producer: AIOKafkaProducer, *, has_moved: bool
) -> None:
    names = TopicNames.prefixed(prefix := f"forgotten-{token_hex(4)}.")
    broker = KafkaConnection(kafka_server.bootstrap)
    await asyncio.to_thread(admin.apply, broker, names.specs(), replication_factor=1)
    got: asyncio.Queue[TopicRecord] = asyncio.Queue()

    async def process(records: Iterable[TopicRecord]) -> None:
        for record in records:
            got.put_nowait(record)

    async def set_aside(failed: Iterable[FailedRecord]) -> None:
        pytest.fail(f"set aside {failed}")

    async def send(partition: int) -> None:
        await producer.send_and_wait(names.mo, b"a text", key=b"k", partition=partition)

    processor, progress = BatchProcessor(process, set_aside), PartitionProgress(time.monotonic)
    settings = Settings(kafka_bootstrap_servers=kafka_server.bootstrap, topic_prefix=prefix)
    app = WorkerApp(settings, processor, processor, processor, progress)
    await app.start()
    try:
        async with asyncio.timeout(PATIENCE_S):
            while len(await app.partition_ends() or ()) < 3 * PARTITIONS:  # noqa: ASYNC110 — no signal
                await asyncio.sleep(0.05)
            if has_moved:
                await send(FORGOTTEN)
                assert (await got.get()).partition == FORGOTTEN
            app._app.consumer.on_buffer_full(TP(names.mo, FORGOTTEN))
            await send(FORGOTTEN)
            watch = PartitionWatch(app, progress, Health(), lambda: False)
            checking = asyncio.create_task(watch.run())
            while not checking.done():
                await send(MOVING)
                assert (await got.get()).partition == MOVING
            with pytest.raises(ForgottenPartitionError, match=rf"mo.v1\[{FORGOTTEN}\] is stuck"):
                await checking
    finally:
        await app.stop()
