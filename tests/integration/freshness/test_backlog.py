"""What waits for the workers, asked of a real Kafka; and what is said while it is away."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import timedelta

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from inbound.clock import utc_now
from inbound.freshness.backlog import BacklogReader
from inbound.freshness.model import PendingWork
from inbound.kafka.connection import KafkaConnection
from schemas.topics import TopicNames
from tests.patience import PATIENCE_S

pytestmark = pytest.mark.usefixtures("patient")

TEXTS, RESULTS = PendingWork.TEXTS, PendingWork.RESULTS


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("inbound.freshness.backlog.ANSWER_WITHIN_S", PATIENCE_S)


@pytest.fixture
async def reader(kafka_bootstrap: str, topics: TopicNames) -> AsyncIterator[BacklogReader]:
    work = {TEXTS: topics.mo, RESULTS: topics.receipts}
    made = BacklogReader(KafkaConnection(kafka_bootstrap), f"{topics.mo}-workers", work, utc_now)
    yield made
    await made.close()


async def test_what_is_not_committed_waits_since_it_was_stored(
    kafka_bootstrap: str, topics: TopicNames, reader: BacklogReader
) -> None:
    async with AsyncExitStack() as stack:
        producer = AIOKafkaProducer(bootstrap_servers=kafka_bootstrap)
        worker = AIOKafkaConsumer(
            bootstrap_servers=kafka_bootstrap, group_id=f"{topics.mo}-workers",
            enable_auto_commit=False,
        )  # fmt: skip
        for client in (producer, worker):
            await client.start()
            stack.push_async_callback(client.stop)
        assert (await reader.ask()).oldest == {}
        stored = [await producer.send_and_wait(topics.mo, b"x", partition=3) for _ in range(5)]
        await producer.send_and_wait(topics.receipts, b"x", partition=1)
        waiting = (await reader.ask()).oldest
        assert waiting is not None
        assert waiting.keys() == {(TEXTS, 3), (RESULTS, 1)}
        at = waiting[TEXTS, 3].timestamp() * 1000
        assert 0 <= stored[0].timestamp - at <= 1000
        place = TopicPartition(topics.mo, 3)
        worker.assign([place])
        await worker.commit({place: 3})
        assert (TEXTS, 3) in ((await reader.ask()).oldest or {})
        await worker.commit({place: 5})
        assert (await reader.ask()).oldest.keys() == {(RESULTS, 1)}  # type: ignore[union-attr]


async def test_workers_are_counted_if_wanted(kafka_bootstrap: str, topics: TopicNames) -> None:
    group = f"{topics.mo}-workers"
    reader = BacklogReader(
        KafkaConnection(kafka_bootstrap), group, {TEXTS: topics.mo}, utc_now, with_workers=True
    )
    assert (await reader.ask()).workers == 0
    worker = AIOKafkaConsumer(topics.mo, bootstrap_servers=kafka_bootstrap, group_id=group)
    await worker.start()
    assert (await reader.ask()).workers == 1
    await worker.stop()
    assert (await reader.ask()).workers == 0
    await reader.close()


async def test_without_kafka_it_is_unknown_within_moments(
    topics: TopicNames, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("inbound.freshness.backlog.ANSWER_WITHIN_S", 1.0)
    nowhere = BacklogReader(KafkaConnection("127.0.0.1:9"), "workers", {TEXTS: topics.mo}, utc_now)
    begun = utc_now()
    assert (await nowhere.ask()).oldest is None
    assert utc_now() - begun < timedelta(seconds=PATIENCE_S)
    await nowhere.close()
