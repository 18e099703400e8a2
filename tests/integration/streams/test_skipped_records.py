"""A worker never commits behind records that Faust drops, on a real Kafka with a real Faust app.

Faust drops fetched records when a rebalance comes in between. Here it drops them without one.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from secrets import token_hex
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from faust.transport.consumer import Consumer
from faust.types import TP

from inbound.deadletter.isolation import BatchProcessor, FailedRecord
from inbound.errors import RetryableError
from inbound.gateway.process import new_producer
from inbound.kafka import admin
from inbound.kafka.connection import KafkaConnection
from inbound.kafka.decoding import TopicRecord
from inbound.settings import Settings
from schemas.topics import TopicNames
from streams.app import WorkerApp
from streams.continuity import SkippedRecordsError
from streams.groups import WORKER_GROUP
from streams.progress import PartitionProgress
from tests.fix_servers import SharedKafka
from tests.patience import PATIENCE_S

PARTITION = 2
RECORDS = 30


@pytest.fixture
async def producer(kafka_server: SharedKafka) -> AsyncIterator[AIOKafkaProducer]:
    made = new_producer(KafkaConnection(kafka_server.bootstrap))
    await made.start()
    yield made
    await made.stop()


class Worker:
    """The consumers of a worker that keeps what it gets."""

    def __init__(self, settings: Settings, fails_at: int | None = None) -> None:
        self.got: list[int] = []
        self._fails_at = fails_at
        self.has_all, self.has_some = asyncio.Event(), asyncio.Event()
        self.may_go_on = asyncio.Event()
        self.may_go_on.set()
        self.processor = processor = BatchProcessor(self._process, self._set_aside)
        self.app = WorkerApp(
            settings, processor, processor, processor, PartitionProgress(lambda: 0.0)
        )

    async def _process(self, records: Iterable[TopicRecord]) -> None:
        offsets = [record.offset for record in records]
        if self._fails_at in offsets:
            raise RetryableError("the database is away")
        self.got += offsets
        self.has_some.set()
        await self.may_go_on.wait()
        if self.got[-1] == RECORDS - 1:
            self.has_all.set()

    async def _set_aside(self, failed: Iterable[FailedRecord]) -> None:
        pytest.fail(f"set aside {failed}")


async def committed(settings: Settings, topic: str) -> int:
    consumer = AIOKafkaConsumer(
        bootstrap_servers=settings.kafka_bootstrap_servers,
        group_id=settings.topic_prefix + WORKER_GROUP,
    )
    await consumer.start()
    try:
        return await consumer.committed(TopicPartition(topic, PARTITION)) or 0
    finally:
        await consumer.stop()


@pytest.mark.parametrize("dropped", [range(1), range(10, 11), range(10, 20)], ids=str)
async def test_dropped_records_end_the_worker_and_the_next_one_gets_them(
    kafka_server: SharedKafka,
    producer: AIOKafkaProducer,
    monkeypatch: pytest.MonkeyPatch,
    dropped: range,
) -> None:
    names = TopicNames.prefixed(prefix := f"skipped-{token_hex(4)}.")
    settings = Settings(kafka_bootstrap_servers=kafka_server.bootstrap, topic_prefix=prefix)
    broker = KafkaConnection(kafka_server.bootstrap)
    await asyncio.to_thread(admin.apply, broker, names.specs(), replication_factor=1)
    for _ in range(RECORDS):
        await producer.send_and_wait(names.mo, b"a text", key=b"k", partition=PARTITION)
    getmany = Consumer.getmany

    async def dropping(self: Any, timeout: float) -> AsyncIterator[Any]:  # noqa: ASYNC109
        async for place, message in getmany(self, timeout):
            if message.offset not in dropped:
                yield place, message

    first, second = Worker(settings), Worker(settings)
    async with asyncio.timeout(PATIENCE_S):
        with monkeypatch.context() as patched:
            patched.setattr(Consumer, "getmany", dropping)
            await first.app.start()
            with pytest.raises(SkippedRecordsError, match=rf"\[{PARTITION}\]: the records "):
                await first.app.run_until_stopped()
            await first.app.stop()
        assert all(offset < dropped.start for offset in first.got)
        assert await committed(settings, names.mo) <= dropped.start
        await second.app.start()
        await second.has_all.wait()
        await second.app.stop()
    assert sorted({*first.got, *second.got}) == list(range(RECORDS))


@pytest.mark.parametrize("fails_at", [2, 12])
async def test_nothing_behind_a_failed_batch_is_committed(
    kafka_server: SharedKafka,
    producer: AIOKafkaProducer,
    monkeypatch: pytest.MonkeyPatch,
    fails_at: int,
) -> None:
    """Faust acks what is left in the buffer of an agent that has failed, and commits at its end."""
    monkeypatch.setattr("inbound.deadletter.isolation.GIVE_UP_AFTER_S", 0.1, raising=False)
    names = TopicNames.prefixed(prefix := f"failed-{token_hex(4)}.")
    settings = Settings(
        kafka_bootstrap_servers=kafka_server.bootstrap, topic_prefix=prefix, batch_size=5
    )
    broker = KafkaConnection(kafka_server.bootstrap)
    await asyncio.to_thread(admin.apply, broker, names.specs(), replication_factor=1)
    for _ in range(RECORDS):
        await producer.send_and_wait(names.mo, b"a text", key=b"k", partition=PARTITION)
    first, second = Worker(settings, fails_at=fails_at), Worker(settings)
    async with asyncio.timeout(PATIENCE_S):
        await first.app.start()
        with pytest.raises(RetryableError):
            await first.app.run_until_stopped()
        await first.app.stop()
        assert await committed(settings, names.mo) <= fails_at
        await second.app.start()
        await second.has_all.wait()
        await second.app.stop()
    assert sorted({*first.got, *second.got}) == list(range(RECORDS))


async def test_an_ack_that_is_not_an_agents_commits_nothing(
    kafka_server: SharedKafka, producer: AIOKafkaProducer
) -> None:
    """Faust acks what it skips in a rebalance; here it acks what nobody has processed yet."""
    names = TopicNames.prefixed(prefix := f"acks-{token_hex(4)}.")
    settings = Settings(kafka_bootstrap_servers=kafka_server.bootstrap, topic_prefix=prefix)
    broker = KafkaConnection(kafka_server.bootstrap)
    await asyncio.to_thread(admin.apply, broker, names.specs(), replication_factor=1)
    worker = Worker(settings)
    worker.may_go_on.clear()
    async with asyncio.timeout(PATIENCE_S):
        await worker.app.start()
        await producer.send_and_wait(names.mo, b"a text", key=b"k", partition=PARTITION)
        await worker.has_some.wait()
        consumer: Any = worker.app._app.consumer
        unprocessed = list(consumer.unacked)
        assert unprocessed
        for message in unprocessed:
            consumer.ack(message)
        await consumer.commit()
        assert await committed(settings, names.mo) == 0
        worker.may_go_on.set()
        await worker.app.stop()


async def test_what_the_compiled_stream_acks_commits_nothing(
    kafka_server: SharedKafka, producer: AIOKafkaProducer
) -> None:
    """It acks without the consumer's call, once the agent that took the records has failed."""
    names = TopicNames.prefixed(prefix := f"compiled-{token_hex(4)}.")
    settings = Settings(
        kafka_bootstrap_servers=kafka_server.bootstrap, topic_prefix=prefix, batch_size=5
    )
    broker = KafkaConnection(kafka_server.bootstrap)
    await asyncio.to_thread(admin.apply, broker, names.specs(), replication_factor=1)
    for _ in range(RECORDS):
        await producer.send_and_wait(names.mo, b"a text", key=b"k", partition=PARTITION)
    worker = Worker(settings)
    process = worker._process
    held: list[int] = []

    async def acking_and_holding(records: Sequence[TopicRecord]) -> None:
        [actor] = worker.app._app.agents[names.mo]._actors
        actor.stream.enable_acks = True  # as Faust does then
        if records[-1].offset >= 10:
            held.append(records[0].offset)
            worker.may_go_on.clear()
        await process(records)

    worker.processor._process = acking_and_holding
    async with asyncio.timeout(PATIENCE_S):
        await worker.app.start()
        consumer: Any = worker.app._app.consumer
        place = TP(names.mo, PARTITION)
        while not held or max(consumer._acked[place], default=-1) < held[0]:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        await consumer.commit()
        assert await committed(settings, names.mo) <= held[0]
        worker.may_go_on.set()
        await worker.app.stop()


async def test_the_first_record_of_a_partition_that_a_rebalance_drops_is_read_again(
    kafka_server: SharedKafka, producer: AIOKafkaProducer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is committed to go back to. Until it is read again it counts as unprocessed."""
    names = TopicNames.prefixed(prefix := f"first-{token_hex(4)}.")
    settings = Settings(kafka_bootstrap_servers=kafka_server.bootstrap, topic_prefix=prefix)
    broker = KafkaConnection(kafka_server.bootstrap)
    await asyncio.to_thread(admin.apply, broker, names.specs(), replication_factor=1)
    getmany, is_dropped = Consumer.getmany, asyncio.Event()

    async def dropping_one(self: Any, timeout: float) -> AsyncIterator[Any]:  # noqa: ASYNC109
        async for place, message in getmany(self, timeout):
            if is_dropped.is_set():
                yield place, message
            is_dropped.set()

    monkeypatch.setattr(Consumer, "getmany", dropping_one)
    worker = Worker(settings)
    async with asyncio.timeout(PATIENCE_S):
        await worker.app.start()
        await producer.send_and_wait(names.mo, b"a text", key=b"k", partition=PARTITION)
        await is_dropped.wait()
        partition = (names.mo, PARTITION)
        assert await worker.app.positions([partition]) == {partition: 0}
        await worker.app._app.consumer.perform_seek()  # as after each rebalance
        await worker.has_some.wait()
        await worker.app.stop()
    assert worker.got == [0]
