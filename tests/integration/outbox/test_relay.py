"""The cursor never passes what Kafka has not acknowledged."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from confluent_kafka import KafkaException
from kafka import KafkaConsumer, TopicPartition
from kafka.admin import ConfigResource, KafkaAdminClient
from kafka.errors import KafkaTimeoutError, MessageSizeTooLargeError

from inbound.kafka import admin
from inbound.kafka.connection import KafkaConnection
from inbound.kafka.producer import Delivery, Producer
from inbound.kafka.topic_differences import with_durability
from inbound.keys import VaultCipher
from inbound.outbox.relay import ALL_SHARDS, ORDERS, Relay
from inbound.outbox.shards import shard_of
from inbound.store.connections import connect
from inbound.store.dead_letters import dead_letters
from inbound.store.dead_letters.dead_letters import insert
from inbound.store.dead_letters.limits import DeadLetterLimits
from inbound.store.dead_letters.rows import DeadLetter, Selection
from inbound.store.errors import DeadLettersFull, StoreUnavailable
from inbound.store.outbox import feeds
from inbound.store.outbox.feeds import Shard
from inbound.store.outbox.rows import NewOutboxRow
from inbound.store.sealing import Sealer
from inbound.store.transactions.changes import Changes
from inbound.store.transactions.postgres import PostgresStore
from schemas.cloudevents import Headers
from schemas.messages import Purpose
from schemas.topics import PARTITIONS, TopicNames, TopicSpec
from tests.fix_store import (
    VAULT_KEY,
    cipher,
    conn,
    database_url,
    event,
    migrated_template,
    outbox_row,
)
from tests.integration.eventlog.tampering import unprotected

__all__ = ["cipher", "conn", "database_url", "migrated_template"]

ROOM = DeadLetterLimits(100, 10_000_000)
OUTBOX = Shard(feeds.OUTBOX, 0)
EVENTS = Shard(feeds.EVENTS, 0)


def stored() -> Delivery:
    delivery = Delivery(KafkaTimeoutError())
    delivery.error = None
    return delivery


class ScriptedProducer:
    """Kafka as the relay sees it: `fails` says which of the records are never acknowledged."""

    def __init__(
        self,
        fails: Callable[[int], bool] = lambda _: False,
        error: type[Exception] = KafkaTimeoutError,
    ) -> None:
        self.sent: list[dict[str, Any]] = []
        self.at_flush: Callable[[], None] = lambda: None
        self._fails = fails
        self._error = error

    def send(
        self,
        topic: str,
        value: bytes | None = None,
        key: bytes | None = None,
        headers: Headers | None = None,
    ) -> Delivery:
        delivery = stored()
        self.sent.append({"topic": topic, "value": value, "key": key, "headers": headers})
        if self._fails(len(self.sent) - 1):
            delivery.error = self._error()
            if isinstance(delivery.error, MessageSizeTooLargeError):
                raise delivery.error  # as for one that exceeds the client's own limit
        return delivery

    def flush(self, timeout: float | None = None) -> None:
        self.at_flush()

    def close(self, timeout: float | None = None) -> None:
        pass


def relay(
    producer: "ScriptedProducer | Callable[[], Any]", limits: DeadLetterLimits = ROOM
) -> Relay:
    def nothing() -> psycopg.Connection:
        raise AssertionError("these tests bring their own connection")

    sealer = Sealer(VaultCipher(VAULT_KEY))
    return Relay(
        connect=nothing,
        new_producer=(lambda: producer) if isinstance(producer, ScriptedProducer) else producer,
        names=TopicNames(),
        report=lambda _ok, _reason: None,
        set_aside=lambda conn, messages: insert(conn, sealer, limits, messages),
    )


@pytest.fixture
async def five(database_url: str, cipher: Any) -> None:
    store = PostgresStore(database_url, cipher)
    async with store.transaction() as tx:
        rows = [outbox_row(value=str(n).encode()) for n in range(5)]
        await tx.write(Changes(outbox=rows, events=[event(uuid4()) for _ in range(5)]))
    await store.close()


async def test_a_reply_goes_in_the_next_round_whatever_a_broadcast_has_queued(
    conn: psycopg.Connection, database_url: str, cipher: VaultCipher
) -> None:
    bulk = Shard(feeds.OUTBOX, shard_of("key", Purpose.BROADCAST))
    reply = replace(outbox_row(shard=0), value=b"reply")
    await written(
        database_url, cipher, [*(outbox_row(shard=bulk.number) for _ in range(2 * ORDERS)), reply]
    )
    producer = ScriptedProducer()
    assert relay(producer).relay_batch(conn, ALL_SHARDS) == ORDERS + 1
    assert b"reply" in [one["value"] for one in producer.sent]
    assert relay(producer).relay_batch(conn, ALL_SHARDS) == ORDERS
    assert feeds.count_waiting(conn, feeds.OUTBOX, bulk.number) == 0


@pytest.mark.usefixtures("five")
def test_the_cursor_moves_after_kafka_has_acknowledged(conn: psycopg.Connection) -> None:
    producer = ScriptedProducer()
    places: list[int] = []
    producer.at_flush = lambda: places.append(
        feeds.cursor_position(conn, feeds.OUTBOX) + feeds.cursor_position(conn, "events")
    )
    assert relay(producer).relay_batch(conn, [OUTBOX, EVENTS]) == 10
    assert places == [0]
    assert feeds.count_waiting(conn, feeds.OUTBOX) == feeds.count_waiting(conn, feeds.EVENTS) == 0
    assert relay(producer).relay_batch(conn, [OUTBOX, EVENTS]) == 0


@pytest.mark.usefixtures("five")
def test_after_a_failure_it_goes_on_with_the_first_that_failed(conn: psycopg.Connection) -> None:
    producer = ScriptedProducer(fails=lambda n: n in {2, 4})
    with pytest.raises(KafkaTimeoutError):
        relay(producer).relay_batch(conn, [OUTBOX, EVENTS])
    # The outbox stops before its third row; the events had no failure and are done.
    assert feeds.count_waiting(conn, feeds.OUTBOX) == 3
    assert feeds.count_waiting(conn, feeds.EVENTS) == 0
    healed = ScriptedProducer()
    assert relay(healed).relay_batch(conn, [OUTBOX]) == 3
    assert [record["value"] for record in healed.sent] == [b"2", b"3", b"4"]


@pytest.mark.usefixtures("five")
def test_what_goes_again_has_the_same_id(conn: psycopg.Connection) -> None:
    first, again = ScriptedProducer(fails=lambda _: True), ScriptedProducer()
    with pytest.raises(KafkaTimeoutError):
        relay(first).relay_batch(conn, [EVENTS])
    relay(again).relay_batch(conn, [EVENTS])
    assert [r["headers"] for r in first.sent] == [r["headers"] for r in again.sent]


# -- rows that can't be published ------------------------------------------------------------


@pytest.mark.usefixtures("five")
def test_what_kafka_refuses_for_good_is_set_aside_and_the_shard_goes_on(
    conn: psycopg.Connection,
) -> None:
    producer = ScriptedProducer(fails=lambda n: n in {1, 6}, error=MessageSizeTooLargeError)
    assert relay(producer).relay_batch(conn, [OUTBOX, EVENTS]) == 10
    assert feeds.count_waiting(conn, feeds.OUTBOX) == feeds.count_waiting(conn, feeds.EVENTS) == 0
    of_outbox, of_events = dead_letters.find(conn, Selection(), limit=10)
    assert (of_outbox.feed, of_outbox.partition, of_outbox.kafka_offset) == ("outbox", 0, 2)
    assert (of_events.feed, of_events.topic) == ("events", TopicNames().events)
    assert of_outbox.reason == "the record is too large for Kafka (1 bytes)"
    [(_, kept)] = dead_letters.opened(conn, Sealer(VaultCipher(VAULT_KEY)), [of_outbox])
    assert (kept.key, kept.value) == (b"key", b"1")
    assert ("ce_type", b"ru.scserv.test") in kept.headers


@pytest.mark.usefixtures("five")
def test_kafka_away_behind_a_poisonous_row(conn: psycopg.Connection) -> None:
    class Both(ScriptedProducer):
        def send(self, *args: Any, **kwargs: Any) -> Delivery:
            delivery = super().send(*args, **kwargs)
            if len(self.sent) == 4:
                delivery.error = KafkaTimeoutError()
            return delivery

    with pytest.raises(KafkaTimeoutError):
        relay(Both(lambda n: n == 1, MessageSizeTooLargeError)).relay_batch(conn, [OUTBOX])
    assert feeds.count_waiting(conn, feeds.OUTBOX) == 2
    assert len(dead_letters.find(conn, Selection(), limit=10)) == 1


@pytest.mark.usefixtures("five")
def test_without_room_the_shard_waits_at_the_first_and_loses_nothing(
    conn: psycopg.Connection,
) -> None:
    def broken() -> ScriptedProducer:
        return ScriptedProducer(fails=lambda n: n in {1, 2}, error=MessageSizeTooLargeError)

    before = DeadLetter("sms.mo.v1", 0, 1, "not JSON", b"garbage")
    insert(conn, Sealer(VaultCipher(VAULT_KEY)), ROOM, [before])
    with pytest.raises(DeadLettersFull, match="1 of 1 "):
        relay(broken(), DeadLetterLimits(1, 1_000)).relay_batch(conn, [OUTBOX, EVENTS])
    assert feeds.count_waiting(conn, feeds.OUTBOX) == 4
    assert feeds.count_waiting(conn, feeds.EVENTS) == 0, "another shard has to go on"
    assert dead_letters.usage(conn).rows == 1
    relay(ScriptedProducer()).relay_batch(conn, [OUTBOX])
    assert feeds.count_waiting(conn, feeds.OUTBOX) == 0


async def test_a_row_that_makes_no_record_is_set_aside(
    conn: psycopg.Connection, database_url: str, cipher: Any
) -> None:
    rows = [
        replace(outbox_row(value=b"no headers"), headers=b"[]"),
        replace(outbox_row(value=b"no topic"), topic="no topic!"),
        outbox_row(value=b"good"),
    ]
    await written(database_url, cipher, rows)
    producer = ScriptedProducer()
    relay(producer).relay_batch(conn, [OUTBOX])
    assert [record["value"] for record in producer.sent] == [b"good"]
    assert feeds.count_waiting(conn, feeds.OUTBOX) == 0
    assert [row.reason for row in dead_letters.find(conn, Selection(), limit=10)] == [
        "the row makes no record (AttributeError)",
        "the row makes no record (ValueError)",
    ]


async def written(database_url: str, cipher: VaultCipher, rows: list[NewOutboxRow]) -> None:
    store = PostgresStore(database_url, cipher)
    async with store.transaction() as tx:
        await tx.write(Changes(outbox=rows))
    await store.close()


class SlowProducer(Producer):
    """Queues so slowly that a refusal is there before the next record is."""

    def send(self, topic: str, value: bytes | None = None, *args: Any, **named: Any) -> Delivery:
        delivery = super().send(topic, value, *args, **named)
        while len(value or b"") > SMALL and not self._failed:
            with suppress(KafkaException):
                self._made.poll(0.1)
        return delivery


SMALL = 10_000


@pytest.mark.parametrize(
    ("size", "new_producer"),
    [(2_000_000, Producer), (20_000, Producer), (20_000, SlowProducer)],
    ids=["too large for the client", "for the broker", "for the broker, and soon"],
)
async def test_a_record_too_large_for_kafka_among_others(
    size: int,
    new_producer: type[Producer],
    conn: psycopg.Connection,
    database_url: str,
    cipher: VaultCipher,
    topics: TopicNames,
    kafka_bootstrap: str,
) -> None:
    topic = topics.mt_normal
    limit_record_size(kafka_bootstrap, topic, SMALL)
    values = [b"%d" % n for n in range(20)]
    values[7] = values[13] = b"x" * size
    rows = [replace(outbox_row(value=value), topic=topic) for value in values]
    await written(database_url, cipher, rows)
    service = relay(lambda: new_producer(KafkaConnection(kafka_bootstrap)))
    assert service.relay_batch(conn, [OUTBOX, EVENTS]) == 20
    service._producer.close(5)
    assert feeds.count_waiting(conn, feeds.OUTBOX) == 0
    assert dead_letters.usage(conn).rows == 2
    found = list(dict.fromkeys(read(kafka_bootstrap, topic)))
    assert found == [value for value in values if len(value) < size]


def limit_record_size(bootstrap: str, topic: str, size: int) -> None:
    client = KafkaAdminClient(bootstrap_servers=bootstrap)
    client.alter_configs([ConfigResource("topic", topic, {"max.message.bytes": str(size)})])
    client.close()
    spec = TopicSpec(topic, PARTITIONS, {"max.message.bytes": str(size)}, internal=True, what="")
    with admin.open_client(KafkaConnection(bootstrap)) as waiting:
        admin._wait_until_altered(waiting, with_durability([spec], 1))


def read(bootstrap: str, topic: str) -> list[bytes]:
    consumer = KafkaConsumer(bootstrap_servers=bootstrap, auto_offset_reset="earliest")
    partitions = [TopicPartition(topic, n) for n in range(PARTITIONS)]
    consumer.assign(partitions)
    ends = consumer.end_offsets(partitions)
    found: list[bytes] = []
    while any(consumer.position(each) < ends[each] for each in partitions):
        for batch in consumer.poll(timeout_ms=500).values():
            found += [record.value for record in batch]
    consumer.close()
    return found


def test_the_end_of_an_outage_is_logged(
    database_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "inbound.outbox")
    made = relay(ScriptedProducer())
    tries: list[None] = []

    def connect_later() -> psycopg.Connection:
        tries.append(None)
        if len(tries) == 1:
            raise StoreUnavailable("the database is away")
        return connect(database_url, "tests relay")

    def report(ok: bool, _reason: str) -> None:
        if ok:
            made.stopping.set()

    made.connect, made.report = connect_later, report
    made.run()
    assert caplog.messages == [
        "relaying waits: the database is away",
        "database and Kafka can be reached again: relaying continues",
    ]


@pytest.mark.usefixtures("five")
async def test_a_relay_waits_when_a_backup_was_restored_while_it_had_no_connection(
    conn: psycopg.Connection, database_url: str
) -> None:
    """It would publish other events at positions that subscribers have already."""
    one = relay(ScriptedProducer())
    one.relay_batch(conn, [EVENTS])
    with unprotected(conn):
        conn.execute("DELETE FROM events WHERE position > 3")
    one.connect = lambda: connect(database_url, "tests")
    said = []

    def report(ok: bool, reason: str) -> None:
        said.append((ok, reason))
        one.stopping.set()

    one.report = report
    one.run()
    [(is_well, reason)] = said
    assert not is_well
    assert "ends with event 3, and event 5 was published" in reason
