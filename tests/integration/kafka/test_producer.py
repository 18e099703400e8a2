"""The synchronous producer on a real broker: order, refusals, outages."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from kafka import KafkaConsumer, TopicPartition
from kafka.errors import (
    KafkaConnectionError,
    KafkaError,
    KafkaTimeoutError,
    MessageSizeTooLargeError,
)

from inbound.kafka import admin
from inbound.kafka.connection import KafkaConnection
from inbound.kafka.producer import BATCH_BYTES, MAX_RECORD_BYTES, REFUSALS, Producer
from inbound.local.servers.kafka import KafkaServer
from inbound.local.servers.kafka_listeners import OPEN
from schemas.partitions import partition_of
from schemas.topics import PARTITIONS, TopicNames
from tests.integration.outbox.test_relay import limit_record_size

LIMIT = 200_000


@pytest.fixture
def kafka(tmp_path: Path) -> Iterator[KafkaServer]:
    """A Kafka that a test may kill."""
    with KafkaServer(tmp_path / "kafka", heap_mb=256, listener=OPEN) as server:
        yield server


@pytest.fixture
def producer(kafka_bootstrap: str) -> Iterator[Producer]:
    producer = Producer(KafkaConnection(kafka_bootstrap))
    yield producer
    producer.close()


def read(bootstrap: str, topic: str, partition: int) -> list[bytes]:
    consumer = KafkaConsumer(bootstrap_servers=bootstrap)
    place = TopicPartition(topic, partition)
    consumer.assign([place])
    consumer.seek_to_beginning(place)
    end = consumer.end_offsets([place])[place]
    found: list[bytes] = []
    while consumer.position(place) < end:
        for batch in consumer.poll(timeout_ms=500).values():
            found += [record.value for record in batch]
    consumer.close()
    return found


def test_every_client_finds_a_key_in_the_same_partition(
    producer: Producer, topics: TopicNames
) -> None:
    keys = [b"%d" % n for n in range(200)]
    sent = [producer.send(topics.events, b"v", key) for key in keys]
    producer.flush()
    assert [one.error for one in sent] == [None] * len(keys)
    assert [one.partition for one in sent] == [partition_of(key, PARTITIONS) for key in keys]


def test_offsets_tell_where_the_records_are(producer: Producer, topics: TopicNames) -> None:
    sent = [producer.send(topics.events, b"v", partition=3) for _ in range(5)]
    assert all(one.error is not None for one in sent), "nothing is stored before the flush"
    producer.flush()
    assert [(one.partition, one.offset) for one in sent] == [(3, n) for n in range(5)]


def test_nothing_overtakes_a_record_that_the_broker_refuses(
    producer: Producer, topics: TopicNames, kafka_bootstrap: str
) -> None:
    limit_record_size(kafka_bootstrap, topics.mt_normal, LIMIT)
    # So large that they are many batches, and those behind would be taken by themselves.
    sizes = [BATCH_BYTES // 2] * 5 + [2 * LIMIT] + [BATCH_BYTES // 2] * 30
    values = [b"%04d" % n + b"x" * size for n, size in enumerate(sizes)]
    sent = [producer.send(topics.mt_normal, value, partition=0) for value in values]
    producer.flush()
    stored = [value for value, one in zip(values, sent, strict=True) if one.error is None]
    failed = [one.error for one in sent if one.error is not None]
    assert all(isinstance(error, REFUSALS) for error in failed), failed
    assert stored == values[: len(stored)]
    assert len(stored) <= 5
    assert read(kafka_bootstrap, topics.mt_normal, 0) == stored
    with pytest.raises(KafkaError):
        producer.send(topics.mt_normal, b"later", partition=0)


def test_a_refusal_while_the_buffer_is_full_fails_what_follows(
    topics: TopicNames, kafka_bootstrap: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("inbound.kafka.producer.BUFFER_KIB", 256)
    limit_record_size(kafka_bootstrap, topics.mt_normal, LIMIT // 20)
    with closing(Producer(KafkaConnection(kafka_bootstrap))) as producer:
        first = producer.send(topics.mt_normal, b"x" * (LIMIT // 10), partition=0)
        others = [
            producer.send(topics.mt_normal, b"x" * (LIMIT // 40), partition=0) for _ in range(300)
        ]
        producer.flush()
    assert {type(one.error) for one in (first, *others)} == {MessageSizeTooLargeError}


def test_a_record_above_the_clients_limit_is_refused_at_once(
    producer: Producer, topics: TopicNames
) -> None:
    with pytest.raises(REFUSALS):
        producer.send(topics.events, b"x" * (MAX_RECORD_BYTES + 1))
    kept = producer.send(topics.events, b"others go on")
    producer.flush()
    assert kept.error is None


def test_a_full_buffer_waits_for_the_broker(producer: Producer, topics: TopicNames) -> None:
    value = b"x" * 500_000
    sent = [producer.send(topics.events, value, partition=0) for _ in range(150)]
    producer.flush()
    assert [one.error for one in sent] == [None] * 150


def test_no_broker_is_an_error_with_its_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("inbound.kafka.producer.CONNECT_S", 1.0)
    with pytest.raises(KafkaConnectionError):
        Producer(KafkaConnection("127.0.0.1:1"))


@pytest.mark.drill
def test_an_outage_fails_the_flush_and_stores_nothing_later(kafka: KafkaServer) -> None:
    topic = TopicNames().events
    admin.apply(kafka.connection, TopicNames().specs(), replication_factor=1)
    producer = Producer(kafka.connection)
    first = producer.send(topic, b"before", partition=0)
    producer.flush()
    kafka.kill()
    lost = producer.send(topic, b"during", partition=0)
    with pytest.raises(KafkaTimeoutError, match="Kafka did not store 1 record within 1 s"):
        producer.flush(1)
    producer.close(0)
    kafka.start()
    assert (first.error, lost.error is None) == (None, False)
    assert read(kafka.bootstrap, topic, 0) == [b"before"]
