"""On a real Kafka: a result that the broker refuses holds up no other, then or later."""

import asyncio
from uuid import uuid4

from inbound.clock import utc_now
from inbound.gateway.process import new_producer
from inbound.kafka.connection import KafkaConnection
from inbound.store.claims.memory import MemoryClaims
from inbound.store.transactions.memory import MemoryStore
from schemas.messages import SubmitResults
from schemas.topics import TopicNames
from streams.outbox.recording import ResultRecorder
from streams.outbox.results import ResultPublisher
from tests.integration.outbox.test_relay import limit_record_size, read
from tests.patience import PATIENCE_S
from tests.set_aside import SetAside
from tests.unit.streams.outbox.test_results import result


async def test_results_go_on_after_one_that_the_broker_refuses(
    topics: TopicNames, kafka_bootstrap: str
) -> None:
    limit_record_size(kafka_bootstrap, topics.receipts, 10_000)
    producer, set_aside = new_producer(KafkaConnection(kafka_bootstrap)), SetAside()
    await producer.start()
    recorder = ResultRecorder(MemoryClaims(MemoryStore()), 1000)
    publisher = ResultPublisher(
        producer, "gateway-1", topics.receipts, recorder, set_aside, clock=utc_now, new_id=uuid4
    )
    running = asyncio.create_task(publisher.run())
    try:
        async with asyncio.timeout(PATIENCE_S):
            for _ in range(3):  # again after a refusal: the producer must still work
                stored = [asyncio.Event() for _ in range(30)]
                for n, event in enumerate(stored):
                    publisher.add(0, result(n, parts=255 if n == 11 else 1), event.set)
                for event in stored:
                    await event.wait()
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await producer.stop()
    batches = map(SubmitResults.model_validate_json, read(kafka_bootstrap, topics.receipts))
    found = [one for batch in batches for one in batch.results]
    assert {one.message_id.int for one in found} == set(range(30))
    assert {len(one.parts) for one in found if one.message_id.int == 11} == {0}
    assert {len(one.parts) for one in found if one.message_id.int != 11} == {1}
    assert {len(letter.payload) > 10_000 for letter in set_aside.letters} == {True}
