"""The cursor never passes what Kafka has not acknowledged."""

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from kafka.errors import KafkaTimeoutError

from inbound.outbox.relay import Relay, Shard
from inbound.store import relaying
from inbound.store.postgres import PostgresStore
from inbound.store.rows import Changes
from schemas.cloudevents import Headers
from schemas.topics import TopicNames
from tests.fix_store import cipher, conn, database_url, event, migrated_template, outbox_row

__all__ = ["cipher", "conn", "database_url", "migrated_template"]

OUTBOX = Shard(relaying.OUTBOX, 0)
EVENTS = Shard(relaying.EVENTS, 0)


class Future:
    exception: Exception | None = None

    def failed(self) -> bool:
        return self.exception is not None


class Producer:
    """Kafka as the relay sees it: `fails` says which of the records are never acknowledged."""

    def __init__(self, fails: Callable[[int], bool] = lambda _: False) -> None:
        self.sent: list[dict[str, Any]] = []
        self.at_flush: Callable[[], None] = lambda: None
        self._fails = fails

    def send(
        self,
        topic: str,
        value: bytes | None = None,
        key: bytes | None = None,
        headers: Headers | None = None,
    ) -> Future:
        future = Future()
        if self._fails(len(self.sent)):
            future.exception = KafkaTimeoutError()
        self.sent.append({"topic": topic, "value": value, "key": key, "headers": headers})
        return future

    def flush(self, timeout: float | None = None) -> None:
        self.at_flush()


def relay(producer: Producer) -> Relay:
    def nothing() -> psycopg.Connection:
        raise AssertionError("these tests bring their own connection")

    return Relay(nothing, producer, TopicNames(), lambda _ok, _reason: None)


@pytest.fixture
async def five(database_url: str, cipher: Any) -> None:
    store = PostgresStore(database_url, cipher)
    async with store.transaction() as tx:
        rows = [outbox_row(value=str(n).encode()) for n in range(5)]
        await tx.write(Changes(outbox=rows, events=[event(uuid4()) for _ in range(5)]))
    await store.close()


@pytest.mark.usefixtures("five")
def test_the_cursor_moves_after_kafka_has_acknowledged(conn: psycopg.Connection) -> None:
    producer = Producer()
    places: list[int] = []
    producer.at_flush = lambda: places.append(
        relaying.cursor_position(conn, relaying.OUTBOX) + relaying.cursor_position(conn, "events")
    )
    assert relay(producer).relay_batch(conn, [OUTBOX, EVENTS]) == 10
    assert places == [0]
    assert relaying.waiting(conn, relaying.OUTBOX) == relaying.waiting(conn, relaying.EVENTS) == 0
    assert relay(producer).relay_batch(conn, [OUTBOX, EVENTS]) == 0


@pytest.mark.usefixtures("five")
def test_after_a_failure_it_goes_on_with_the_first_that_failed(conn: psycopg.Connection) -> None:
    producer = Producer(fails=lambda n: n in {2, 4})
    with pytest.raises(KafkaTimeoutError):
        relay(producer).relay_batch(conn, [OUTBOX, EVENTS])
    # The outbox stops before its third row; the events had no failure and are done.
    assert relaying.waiting(conn, relaying.OUTBOX) == 3
    assert relaying.waiting(conn, relaying.EVENTS) == 0
    healed = Producer()
    assert relay(healed).relay_batch(conn, [OUTBOX]) == 3
    assert [record["value"] for record in healed.sent] == [b"2", b"3", b"4"]


@pytest.mark.usefixtures("five")
def test_what_goes_again_has_the_same_id(conn: psycopg.Connection) -> None:
    first, again = Producer(fails=lambda _: True), Producer()
    with pytest.raises(KafkaTimeoutError):
        relay(first).relay_batch(conn, [EVENTS])
    relay(again).relay_batch(conn, [EVENTS])
    assert [r["headers"] for r in first.sent] == [r["headers"] for r in again.sent]
