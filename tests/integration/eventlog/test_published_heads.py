"""A log that was rewritten with all its digests is given away by what Kafka has of it."""

from collections.abc import Callable, Iterator
from typing import Any, LiteralString

import psycopg
import pytest

from inbound.errors import SetupError
from inbound.eventlog.log_reader import snapshot
from inbound.eventlog.published_heads import PublishedHeads
from inbound.eventlog.verification import Verification
from inbound.kafka.connection import KafkaConnection
from inbound.kafka.producer import Producer
from inbound.kafka.topic_reader import open_reader
from inbound.outbox import relay as relaying_module
from inbound.outbox.chain_heads import EVERY_S, HeadPublisher
from inbound.outbox.relay import Relay
from inbound.store.connections import connect
from inbound.store.outbox import feeds
from schemas.topics import TopicNames
from tests.integration.eventlog.tampering import events, named, rewrite_digests, tamper

FIRST_HEADS = 400
"""What has been relayed when heads are published for the first time, and again later."""


@pytest.fixture
def producer(kafka_bootstrap: str) -> Iterator[Producer]:
    producer = Producer(KafkaConnection(kafka_bootstrap))
    yield producer
    producer.close()


@pytest.fixture
def published(
    url: str,
    topics: TopicNames,
    producer: Producer,
    monkeypatch: pytest.MonkeyPatch,
) -> TopicNames:
    """The whole log on its topic, with heads in between and at the end."""
    monkeypatch.setattr(relaying_module, "EVENTS", FIRST_HEADS)
    relay = relay_of(url, producer, topics)
    now = [0.0]
    heads = HeadPublisher(producer, topics.log_heads, lambda *_: None, lambda: now[0])
    with connect(url, "tests") as conn:
        whole = conn.execute("SELECT positions, digests FROM log_heads").fetchone()
        while relay.relay_batch(conn, [feeds.LOG]):
            passed = events(conn)[: feeds.cursor_position(conn, feeds.EVENTS)]
            ends = {e.chain: e for e in passed}
            places = [ends[chain].position for chain in range(8)]
            digests = [ends[chain].digest for chain in range(8)]
            set_heads(conn, (places, digests))
            heads.publish(conn)
            now[0] += EVERY_S
        set_heads(conn, whole)
    return topics


def relay_of(url: str, producer: Producer, topics: TopicNames) -> Relay:
    return Relay(
        connect=lambda: connect(url, "tests"),
        new_producer=lambda: producer,
        names=topics,
        report=lambda _ok, _reason: None,
        set_aside=lambda _conn, _messages: None,
    )


def set_heads(conn: psycopg.Connection, heads: Any) -> None:
    conn.execute("UPDATE log_heads SET positions = %s::bigint[], digests = %s::bytea[]", heads)


Find = Callable[..., list[str]]


@pytest.fixture
def find(kafka_bootstrap: str, published: TopicNames) -> Iterator[Find]:
    """What is wrong with the log, by the database and by Kafka."""
    with open_reader(KafkaConnection(kafka_bootstrap)) as reader:

        def found(conn: psycopg.Connection, since: int = 0) -> list[str]:
            published_heads = PublishedHeads(reader, published)
            with snapshot(conn):
                verification = Verification(conn, since)
                own = list(verification.problems(lambda _: None))
                theirs = list(
                    published_heads.problems(conn, since, verification.last, lambda *_: None)
                )
                assert published_heads.heads >= 8
                return [str(problem) for problem in (*own, *theirs)]

        yield found


def test_heads_of_a_log_that_nobody_touched_fit(conn: psycopg.Connection, find: Find) -> None:
    assert find(conn) == []


AT = FIRST_HEADS + 100
REWRITTEN: dict[str, LiteralString] = {
    "data": "UPDATE events SET data = (data::text || ' ')::json WHERE position = %s",
    "metadata": "UPDATE events SET metadata = '{}' WHERE position = %s",
    "type": "UPDATE events SET type = 'subscription.started' WHERE position = %s",
    "time": "UPDATE events SET recorded_at = recorded_at + interval '1 us' WHERE position = %s",
}


@pytest.mark.parametrize("what", REWRITTEN)
def test_event_that_was_rewritten_with_all_digests_is_named(
    conn: psycopg.Connection, find: Find, what: str
) -> None:
    stopped = [e for e in events(conn) if e.type == "subscription.stopped" and e.position > AT]
    at = stopped[0].position
    tamper(conn, REWRITTEN[what], at)
    rewrite_digests(conn)
    changed = events(conn)[at - 1]
    said, which = find(conn)
    assert said.startswith(f"chain {changed.chain}: its head of ")
    assert "does not match: events " in said
    first, last = map(int, said.rpartition("events ")[2].split(" to "))
    assert FIRST_HEADS - 50 < first <= at <= last
    assert which == f"{named(changed)}: {what} not as published"


def test_head_alone_that_was_changed_is_named(conn: psycopg.Connection, find: Find) -> None:
    """Later heads fit; the stretch in question lies before the one that doesn't."""
    head = {e.chain: e for e in events(conn)[:FIRST_HEADS]}[3]
    tamper(conn, "UPDATE events SET digest = sha256(digest) WHERE position = %s", head.position)
    [said] = [problem for problem in find(conn) if problem.startswith("chain ")]
    assert said.startswith("chain 3: its head of ")
    assert said.endswith(f"does not match: events 1 to {head.position}")


def test_what_is_believed_is_not_held_against_kafka(conn: psycopg.Connection, find: Find) -> None:
    tamper(conn, REWRITTEN["metadata"], AT)
    rewrite_digests(conn)
    chain = events(conn)[AT - 1].chain
    assert len(find(conn, AT - 1)) == 2
    # The next heads of the chain tell of it all the same, and no later event differs.
    assert [problem.split(":")[0] for problem in find(conn, AT)] == [f"chain {chain}"]


def test_end_that_was_removed_with_its_heads_is_named(conn: psycopg.Connection, find: Find) -> None:
    log = events(conn)
    gone = log[-3:]
    tamper(conn, "DELETE FROM events WHERE position > %s", len(log) - 3)
    rewrite_digests(conn)
    found = find(conn)
    for event in gone:
        assert f"{named(event)}: it was published as {event.type} and is gone" in found
    for event in {e.chain: e for e in gone}.values():
        assert any(
            problem.startswith(f"chain {event.chain}: its head")
            and f"the log ends with event {len(log) - 3}: later events are gone" in problem
            for problem in found
        )


def test_removed_event_whose_place_was_closed_up_is_named(
    conn: psycopg.Connection, find: Find
) -> None:
    log = events(conn)
    gone = log[AT - 1]
    tamper(conn, "DELETE FROM events WHERE position = %s", AT)
    for position in range(AT + 1, len(log) + 1):
        tamper(conn, "UPDATE events SET position = position - 1 WHERE position = %s", position)
    rewrite_digests(conn)
    found = [p for p in find(conn) if p.startswith("event ") and "published" in p]
    moved = events(conn)[AT - 1]
    if moved.chain == gone.chain:
        assert found[0].startswith(f"{named(moved)}: stream and ")
    else:
        assert found[0] == f"{named(gone)}: it was published as {gone.type} and is gone"


def test_events_published_after_the_last_head_count_too(
    conn: psycopg.Connection,
    producer: Producer,
    kafka_bootstrap: str,
    topics: TopicNames,
    url: str,
) -> None:
    relay = relay_of(url, producer, topics)
    while relay.relay_batch(conn, [feeds.LOG]):
        pass
    last = events(conn)[-1]
    tamper(conn, "DELETE FROM events WHERE position = %s", last.position)
    rewrite_digests(conn)
    with open_reader(KafkaConnection(kafka_bootstrap)) as reader:
        published_heads = PublishedHeads(reader, topics)
        with snapshot(conn):
            found = published_heads.problems(conn, 0, last.position - 1, lambda *_: None)
            assert [str(problem) for problem in found] == [
                f"{named(last)}: it was published as {last.type} and is gone"
            ]


def test_what_somebody_else_wrote_there_is_named(
    conn: psycopg.Connection, find: Find, producer: Producer, published: TopicNames
) -> None:
    producer.send(published.log_heads, b"rubbish")
    producer.flush()
    [problem] = find(conn)
    assert problem.endswith(f"of {published.log_heads} is not a head: another program writes there")


def test_missing_topic_says_what_to_do(kafka_bootstrap: str, topic_names: TopicNames) -> None:
    with (
        open_reader(KafkaConnection(kafka_bootstrap)) as reader,
        pytest.raises(SetupError, match="run `scserv topics apply`"),
    ):
        PublishedHeads(reader, topic_names)
