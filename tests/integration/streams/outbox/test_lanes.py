"""The lanes on a real Kafka: a full one is paused and holds up no other; nothing is read ahead."""

import asyncio
from secrets import token_hex
from uuid import UUID

import pytest

from inbound.clock import utc_now
from inbound.gateway.process import new_producer
from inbound.kafka import admin
from inbound.kafka.connection import KafkaConnection
from inbound.ops.health import Health
from schemas.topics import TopicNames
from streams.outbox.lanes import Lanes, new_consumer
from streams.outbox.sender import SenderSettings
from streams.outbox.unreadable import UnreadableRecords
from tests.fix_servers import SharedKafka
from tests.integration.streams.outbox.bench import BROADCAST, Bench, open_bench
from tests.patience import PATIENCE_S

BACKLOG, POLL = SenderSettings("", 1).backlog, 500
BROADCASTS = 3 * BACKLOG


def ended(bench: Bench) -> list[UUID]:
    return [result.message_id for result in bench.published.results if result.final]


async def nothing_is(poison: object) -> None:
    pytest.fail(f"could not be read: {poison}")


async def test_a_full_lane_is_paused_and_an_acknowledgement_passes_it(
    kafka_server: SharedKafka,
) -> None:
    names = TopicNames.prefixed(prefix := f"lanes-{token_hex(4)}.")
    await asyncio.to_thread(
        admin.apply, KafkaConnection(kafka_server.bootstrap), names.specs(), replication_factor=1
    )
    producer = new_producer(KafkaConnection(kafka_server.bootstrap))
    await producer.start()
    async with open_bench() as bench:
        people = [bench.person() for _ in range(50)]
        go_on = bench.stay_silent_to(*people)
        for n in range(BROADCASTS):
            message = bench.owe(people[n % len(people)], BROADCAST, arrived_at=None)
            await producer.send(
                names.lanes[2], message.to_json(), key=message.subject_id.hex.encode()
            )
        await producer.flush()
        consumer = new_consumer(KafkaConnection(kafka_server.bootstrap), prefix)
        unreadable = UnreadableRecords(nothing_is, bench.offsets)
        lanes = Lanes(consumer, bench.sender, bench.offsets, names.lanes, Health(), unreadable)
        await consumer.start()
        running = asyncio.create_task(lanes.run())
        try:
            async with asyncio.timeout(PATIENCE_S):
                while not consumer.paused():  # noqa: ASYNC110 — it gives no signal
                    await asyncio.sleep(0.01)
            assert {tp.topic for tp in consumer.paused()} == {names.lanes[2]}
            client = bench.owe(bench.person())
            await producer.send_and_wait(names.lanes[0], client.to_json(), key=b"client")
            assert (await bench.result(client)).final
            assert len(bench.published.results) == 1
            bench.now[0] = utc_now()
            waiting = bench.queues.oldest_waiting_s("main")
            assert list(waiting) == ["bulk"]
            assert 0 < waiting["bulk"] < PATIENCE_S
            assert bench.offsets.open_count() <= BACKLOG + 2 * POLL
            go_on()
            async with asyncio.timeout(PATIENCE_S):
                while len(finals := ended(bench)) <= BROADCASTS:
                    bench.published.changed.clear()
                    await bench.published.changed.wait()
        finally:
            await lanes.stop()
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
            await producer.stop()
    assert len(set(finals)) == BROADCASTS + 1
