"""A group that was told that there is no such topic looks again soon, on a real Kafka.

A broker says so for a moment after it has come up; here the topics are late.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable
from secrets import token_hex

import pytest
from aiokafka import AIOKafkaProducer, ConsumerRebalanceListener, TopicPartition

from inbound.deadletter.isolation import BatchProcessor, FailedRecord
from inbound.gateway.process import new_producer
from inbound.kafka import admin
from inbound.kafka.connection import KafkaConnection
from inbound.kafka.decoding import TopicRecord
from inbound.settings import Settings
from schemas.topics import PARTITIONS, TopicNames
from streams.app import WorkerApp
from streams.outbox.lanes import new_consumer
from streams.progress import PartitionProgress
from tests.fix_servers import SharedKafka


class Told(ConsumerRebalanceListener):  # type: ignore[misc]  # aiokafka has no types
    """Keeps what a group assigned, one assignment after the other."""

    def __init__(self) -> None:
        self.assigned: asyncio.Queue[set[TopicPartition]] = asyncio.Queue()

    async def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        """Let them go."""

    async def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        self.assigned.put_nowait(set(assigned))


@pytest.fixture
async def producer(kafka_server: SharedKafka) -> AsyncIterator[AIOKafkaProducer]:
    made = new_producer(KafkaConnection(kafka_server.bootstrap))
    await made.start()
    yield made
    await made.stop()


async def make_topics(kafka_server: SharedKafka, names: TopicNames) -> None:
    await asyncio.to_thread(
        admin.apply, KafkaConnection(kafka_server.bootstrap), names.specs(), replication_factor=1
    )


async def test_the_gateway_gets_partitions_once_the_topics_are_there(
    kafka_server: SharedKafka,
) -> None:
    names = TopicNames.prefixed(prefix := f"groups-{token_hex(4)}.")
    consumer, told = new_consumer(KafkaConnection(kafka_server.bootstrap), prefix), Told()
    await consumer.start()
    consumer.subscribe(names.lanes, listener=told)
    assert await told.assigned.get() == set()
    await make_topics(kafka_server, names)
    found: set[TopicPartition] = set()
    while len(found) < len(names.lanes) * PARTITIONS:
        found = await told.assigned.get()
    await consumer.stop()


async def test_the_worker_gets_partitions_once_the_topics_are_there(
    kafka_server: SharedKafka,
    producer: AIOKafkaProducer,
    caplog: pytest.LogCaptureFixture,
) -> None:
    names = TopicNames.prefixed(prefix := f"groups-{token_hex(4)}.")
    settings = Settings(kafka_bootstrap_servers=kafka_server.bootstrap, topic_prefix=prefix)
    got: asyncio.Queue[bytes] = asyncio.Queue()

    async def process(records: Iterable[TopicRecord]) -> None:
        for record in records:
            got.put_nowait(record.value)

    async def set_aside(failed: Iterable[FailedRecord]) -> None:
        pytest.fail(f"set aside {failed}")

    processor = BatchProcessor(process, set_aside)
    app = WorkerApp(settings, processor, processor, processor, PartitionProgress(lambda: 0.0))
    await app.start()
    while "Ignoring missing topic" not in caplog.text:  # noqa: ASYNC110 — it gives no signal
        await asyncio.sleep(0.05)
    await make_topics(kafka_server, names)
    # They may be found one after the other, and what is read before a rebalance is dropped.
    while len(await app.partition_ends() or ()) < 3 * PARTITIONS:  # noqa: ASYNC110 — nor does this
        await asyncio.sleep(0.05)
    await producer.send_and_wait(names.mo, b"a text", key=b"k")
    assert await got.get() == b"a text"
    await app.stop()
