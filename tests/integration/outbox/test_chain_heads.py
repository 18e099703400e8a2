"""Heads of the digest chains on their topic: after the events they cover, once a minute."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from kafka import KafkaConsumer, TopicPartition
from kafka.errors import KafkaTimeoutError, RecordListTooLargeError

from inbound.kafka.connection import KafkaConnection
from inbound.kafka.producer import Producer
from inbound.outbox.chain_heads import EVERY_S, HeadPublisher
from inbound.outbox.relay import Relay
from inbound.store.connections import connect
from inbound.store.dead_letters.rows import DeadLetter
from inbound.store.outbox import feeds
from inbound.store.transactions.changes import Changes
from inbound.store.transactions.postgres import PostgresStore
from schemas.chain import Chains, microseconds, public_body
from schemas.cloudevents import TYPE_PREFIX, header
from schemas.messages import LogHead
from schemas.topics import TopicNames
from tests.fix_store import cipher, conn, database_url, event, migrated_template
from tests.integration.outbox.test_relay import ScriptedProducer

__all__ = ["cipher", "conn", "database_url", "migrated_template"]

Append = Callable[[int], Any]


@pytest.fixture
def append(database_url: str, cipher: Any) -> Append:
    async def append(events: int) -> None:
        store = PostgresStore(database_url, cipher)
        async with store.transaction() as tx:
            await tx.write(Changes(events=[event(uuid4()) for _ in range(events)]))
        await store.close()

    return append


def never(_conn: psycopg.Connection, _letters: Sequence[DeadLetter]) -> None:
    raise AssertionError("nothing is refused here")


def published(producer: ScriptedProducer) -> list[LogHead]:
    return [LogHead.model_validate_json(record["value"]) for record in producer.sent]


def stored(conn: psycopg.Connection) -> list[tuple[int, int, str]]:
    return [(h.chain, h.position, h.digest.hex()) for h in feeds.chain_heads(conn)]


def told(heads: list[LogHead]) -> list[tuple[int, int, str]]:
    return [(h.chain, h.position, h.digest) for h in heads]


async def test_head_waits_until_its_events_are_published(
    conn: psycopg.Connection, append: Append
) -> None:
    await append(40)
    producer = ScriptedProducer()
    heads = HeadPublisher(producer, "heads", never)
    heads.publish(conn)
    assert producer.sent == []
    wanted = stored(conn)
    feeds.advance_cursors(conn, {feeds.LOG: wanted[2][1]})
    heads.publish(conn)
    assert told(published(producer)) == wanted[:3]
    feeds.advance_cursors(conn, {feeds.LOG: 40})
    heads.publish(conn)
    assert told(published(producer)) == wanted


async def test_heads_are_published_once_a_minute_and_when_they_moved(
    conn: psycopg.Connection, append: Append
) -> None:
    producer, now = ScriptedProducer(), [0.0]
    heads = HeadPublisher(producer, "heads", never, lambda: now[0])
    await append(40)
    feeds.advance_cursors(conn, {feeds.LOG: 100})
    heads.publish(conn)
    first = told(published(producer))
    assert first == stored(conn)
    await append(1)
    now[0] += EVERY_S - 1
    heads.publish(conn)
    assert told(published(producer)) == first
    now[0] += 1
    heads.publish(conn)
    assert told(published(producer)) == [*first, stored(conn)[-1]]


async def test_relay_that_stops_publishes_what_it_has_relayed(
    conn: psycopg.Connection, append: Append
) -> None:
    producer, now = ScriptedProducer(), [0.0]
    heads = HeadPublisher(producer, "heads", never, lambda: now[0])
    heads.publish(conn)
    await append(40)
    feeds.advance_cursors(conn, {feeds.LOG: 40})
    heads.publish_last(conn)
    assert told(published(producer)) == stored(conn)


async def test_head_that_kafka_did_not_take_goes_again(
    conn: psycopg.Connection, append: Append
) -> None:
    await append(40)
    feeds.advance_cursors(conn, {feeds.LOG: 40})
    producer = ScriptedProducer(fails=lambda n: n == 1)
    heads = HeadPublisher(producer, "heads", never)
    with pytest.raises(KafkaTimeoutError):
        heads.publish(conn)
    wanted = stored(conn)
    heads.publish(conn)
    assert told(published(producer)[len(wanted) :]) == wanted[1:]


async def test_head_that_kafka_never_takes_is_set_aside_and_the_others_are_published(
    conn: psycopg.Connection, append: Append
) -> None:
    await append(40)
    feeds.advance_cursors(conn, {feeds.LOG: 40})
    letters: list[DeadLetter] = []
    producer = ScriptedProducer(fails=lambda n: n in {1, 8}, error=RecordListTooLargeError)
    now = [0.0]
    heads = HeadPublisher(producer, "heads", lambda _, new: letters.extend(new), lambda: now[0])
    heads.publish(conn)
    wanted = stored(conn)
    assert len(wanted) == 8
    assert [(one.partition, one.kafka_offset) for one in letters] == [wanted[1][:2]]
    assert letters[0].payload == producer.sent[1]["value"]
    sent = len(producer.sent)
    now[0] += EVERY_S
    heads.publish(conn)
    assert len(producer.sent) == sent


async def test_kafka_that_is_away_does_not_keep_a_relay_from_stopping(
    conn: psycopg.Connection, append: Append
) -> None:
    await append(40)
    feeds.advance_cursors(conn, {feeds.LOG: 40})
    HeadPublisher(ScriptedProducer(fails=lambda _: True), "heads", never).publish_last(conn)


# -- as a subscriber sees it, on a real Kafka ------------------------------------------------


@pytest.fixture
def consumer(kafka_bootstrap: str) -> Iterator[KafkaConsumer]:
    consumer = KafkaConsumer(
        bootstrap_servers=kafka_bootstrap, auto_offset_reset="earliest", metrics_enabled=False
    )
    yield consumer
    consumer.close()


def records(consumer: KafkaConsumer, topic: str) -> list[Any]:
    """Return all records of a topic, partition after partition."""
    partitions = [TopicPartition(topic, n) for n in consumer.partitions_for_topic(topic)]
    consumer.assign(partitions)
    ends = consumer.end_offsets(partitions)
    found: dict[TopicPartition, list[Any]] = defaultdict(list)
    while any(consumer.position(p) < ends[p] for p in partitions):
        for partition, some in consumer.poll(1000).items():
            found[partition] += some
    return [record for p in sorted(partitions) for record in found[p]]


async def test_subscriber_of_the_topics_alone_can_follow_every_chain(
    database_url: str,
    append: Append,
    kafka_bootstrap: str,
    topics: TopicNames,
    consumer: KafkaConsumer,
) -> None:
    for _ in range(3):
        await append(30)
    producer = Producer(KafkaConnection(kafka_bootstrap))
    relay = Relay(
        lambda: connect(database_url, "tests"),
        lambda: producer,
        topics,
        lambda *_: None,
        lambda *_: None,
    )
    with connect(database_url, "tests") as conn:
        relay.relay_batch(conn, [feeds.LOG])
        relay.heads.publish(conn)
    producer.close()

    chains = Chains()
    digests: dict[tuple[int, int], str] = {}
    for record in records(consumer, topics.events):
        body = public_body(*public_columns(record))
        at = microseconds(datetime.fromisoformat(str(header(record.headers, "ce_time"))))
        position = int(header(record.headers, "ce_position") or 0)
        digest = chains.append(record.partition, position, at, body)
        digests[record.partition, position] = digest.hex()
    heads = [LogHead.model_validate_json(r.value) for r in records(consumer, topics.log_heads)]
    assert len(digests) == 90
    assert len(heads) == 8
    assert {(h.chain, h.position): h.digest for h in heads}.items() <= digests.items()


def public_columns(record: Any) -> tuple[UUID, int, str, int, bytes, bytes]:
    subject, version = str(header(record.headers, "ce_id")).split("/")
    name = str(header(record.headers, "ce_type")).removeprefix(TYPE_PREFIX)
    type_, schema_version = name.rsplit(".v", 1)
    metadata = bytes.fromhex(str(header(record.headers, "ce_metadatadigest")))
    return UUID(subject), int(version), type_, int(schema_version), record.value, metadata
