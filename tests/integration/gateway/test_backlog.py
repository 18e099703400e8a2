"""How far the workers are behind, and what Kafka does with a record that unpacks to gigabytes."""

import asyncio
from contextlib import AsyncExitStack

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.errors import MessageSizeTooLargeError

from inbound.gateway.backlog import Behind, LagReader
from inbound.kafka.connection import KafkaConnection
from schemas.topics import TopicNames
from tests.patience import PATIENCE_S


async def test_lag_is_what_the_group_has_not_committed(
    kafka_bootstrap: str, topics: TopicNames
) -> None:
    group = f"{topics.mo}-workers"
    async with AsyncExitStack() as stack:
        producer = AIOKafkaProducer(bootstrap_servers=kafka_bootstrap)
        lag = LagReader(KafkaConnection(kafka_bootstrap), group, (topics.mo, topics.receipts))
        worker = AIOKafkaConsumer(
            bootstrap_servers=kafka_bootstrap, group_id=group, enable_auto_commit=False
        )
        for client in (producer, lag, worker):
            await client.start()
            stack.push_async_callback(client.stop)
        assert {one.records for one in (await lag()).values()} == {0}
        for _ in range(5):
            await producer.send_and_wait(topics.mo, b"x", partition=3)
        await producer.send_and_wait(topics.receipts, b"x", partition=1)
        found = await lag()
        assert {place: one for place, one in found.items() if one.records} == {
            (topics.mo, 3): Behind(5, 0),
            (topics.receipts, 1): Behind(1, 0),
        }
        place = TopicPartition(topics.mo, 3)
        worker.assign([place])
        await worker.commit({place: 2})
        assert (await lag())[topics.mo, 3] == Behind(3, 2)


async def test_a_record_that_unpacks_to_megabytes_is_refused(
    kafka_bootstrap: str, topics: TopicNames
) -> None:
    producer = AIOKafkaProducer(
        bootstrap_servers=kafka_bootstrap, compression_type="gzip", max_request_size=1 << 26
    )
    await producer.start()
    try:
        async with asyncio.timeout(PATIENCE_S):
            await producer.send_and_wait(topics.mo, bytes(500_000), partition=0)
            with pytest.raises(MessageSizeTooLargeError):
                await producer.send_and_wait(topics.mo, bytes(20_000_000), partition=0)
    finally:
        await producer.stop()
