"""An older database gets back, from what was published, the log that it had."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest

from inbound.errors import SetupError
from inbound.eventlog.log_reader import snapshot
from inbound.eventlog.published_heads import PublishedHeads
from inbound.eventlog.published_tail import PublishedTail
from inbound.eventlog.recovery import Recovered, Recovery, Restore
from inbound.eventlog.verification import Verification
from inbound.kafka.connection import KafkaConnection
from inbound.kafka.producer import Producer
from inbound.kafka.topic_reader import TopicReader, open_reader
from inbound.keys import SubjectHasher, VaultCipher
from inbound.outbox.relay import Relay
from inbound.store.connections import connect
from inbound.store.outbox import feeds
from inbound.store.sealing import Sealer
from schemas.cloudevents import header
from schemas.topics import TopicNames
from tests.bench import history
from tests.integration.eventlog.tampering import events, tamper, unprotected
from tests.integration.eventlog.test_export_import import rows
from tests.integration.eventlog.test_published_heads import producer, published, set_heads

__all__ = ["producer", "published"]

BACKUP = 500
"""Where the backup ends: after the first published heads."""

RESTORE = Restore("anna", "the disk broke", datetime(2026, 3, 1, tzinfo=UTC))


@pytest.fixture
def reader(kafka_bootstrap: str) -> Iterator[TopicReader]:
    with open_reader(KafkaConnection(kafka_bootstrap)) as reader:
        yield reader


def go_back(conn: psycopg.Connection, position: int = BACKUP) -> None:
    """Make the database what it was when its log ended there."""
    ends = {e.chain: e for e in events(conn)[:position]}
    with unprotected(conn):
        conn.execute("DELETE FROM events WHERE position > %s", [position])
    places = [ends[chain].position for chain in range(8)]
    set_heads(conn, (places, [ends[chain].digest for chain in range(8)]))
    conn.execute("UPDATE outbox_cursors SET position = %s WHERE feed = 'events'", [position])


def recover(
    conn: psycopg.Connection,
    reader: TopicReader,
    names: TopicNames,
    before_commit: Callable[[Recovered], None] = lambda _: None,
) -> Recovered:
    sealer, hasher = Sealer(VaultCipher(history.KEY)), SubjectHasher(history.KEY)
    recovery = Recovery(conn, PublishedTail(reader, names), sealer, hasher)
    return recovery.run(RESTORE, before_commit)


def problems(conn: psycopg.Connection, reader: TopicReader, names: TopicNames) -> list[str]:
    """Return what is wrong with the log, by the database and by Kafka."""
    heads = PublishedHeads(reader, names)
    with snapshot(conn):
        verification = Verification(conn)
        own = list(verification.problems(lambda _: None))
        return list(map(str, [*own, *heads.problems(conn, 0, verification.last, lambda *_: None)]))


def relay_of(url: str, producer: Any, names: TopicNames) -> Relay:
    return Relay(
        connect=lambda: connect(url, "tests"),
        new_producer=lambda: producer,
        names=names,
        report=lambda _ok, _reason: None,
        set_aside=lambda _conn, _messages: None,
    )


def test_log_is_again_what_it_was(
    conn: psycopg.Connection, published: TopicNames, reader: TopicReader
) -> None:
    before, log = rows(conn), events(conn)
    go_back(conn)
    assert problems(conn, reader, published), "what was lost would not be noticed"
    done = recover(conn, reader, published)
    assert (done.backup, done.last, done.lost) == (BACKUP, len(log), ())
    assert done.events == len(log) - BACKUP
    assert rows(conn).startswith(before.removesuffix(b"\xff\xff"))
    note = events(conn)[-1]
    assert (note.position, note.type) == (len(log) + 1, "log.restored")
    assert b'"backup_position":500' in note.data
    assert problems(conn, reader, published) == []
    # Nothing but the note is left to be published.
    assert [event.type for event in feeds.read_events(conn, 10)] == ["log.restored"]


def test_recovering_twice_changes_nothing(
    conn: psycopg.Connection, published: TopicNames, reader: TopicReader
) -> None:
    go_back(conn)
    recover(conn, reader, published)
    before = rows(conn)
    assert recover(conn, reader, published).rows is None
    assert rows(conn) == before


def test_failure_leaves_the_backup_as_it_was(
    conn: psycopg.Connection, published: TopicNames, reader: TopicReader
) -> None:
    go_back(conn)
    before = rows(conn)

    def fail(_: Recovered) -> None:
        raise SetupError("the group has members")

    with pytest.raises(SetupError):
        recover(conn, reader, published, fail)
    assert rows(conn) == before


def test_states_are_folded_from_what_was_recovered(
    conn: psycopg.Connection, published: TopicNames, reader: TopicReader
) -> None:
    """A stop that came after the backup counts: consent is asked of the events without a state."""
    last = {e.stream_id: e for e in events(conn) if e.type.startswith("subscription.")}
    stopped = next(
        e.stream_id
        for e in last.values()
        if e.type == "subscription.stopped" and e.position > BACKUP
    )
    go_back(conn)
    conn.execute(
        "INSERT INTO subject_states (stream_id, version, state_version, state)"
        " VALUES (%s, 1, 7, '{}')",
        [stopped],
    )
    recover(conn, reader, published)
    asked = "SELECT withheld_reason(gen_random_uuid(), %s, true)"
    assert conn.execute(asked, [stopped]).fetchone() == ("opted_out",)


def test_ended_messages_are_claimed_with_their_results(
    conn: psycopg.Connection, published: TopicNames, reader: TopicReader
) -> None:
    go_back(conn)
    done = recover(conn, reader, published)
    query = """
        SELECT count(*), count(DISTINCT claims.message_id) FROM events
        JOIN mt_claims AS claims ON claims.message_id = (data ->> 'message_id')::uuid
        WHERE position > %s AND type = 'message.submitted'
          AND claims.result ->> 'outcome' = 'submitted'
    """
    row = conn.execute(query, [BACKUP]).fetchone()
    submitted = [e for e in events(conn) if e.position > BACKUP and e.type == "message.submitted"]
    assert row == (len(submitted), len(submitted))
    assert done.rows is not None
    assert done.rows.messages >= len(submitted)


class Losing:
    """A producer whose broker loses the end of a partition: events from a position on."""

    def __init__(self, producer: Producer, key_of_chain: set[bytes], after: int) -> None:
        self._producer = producer
        self._keys = key_of_chain
        self._after = after

    def send(self, topic: str, value: Any = None, key: Any = None, headers: Any = None) -> Any:
        position = header(headers, "ce_position")
        if position is not None and int(position) > self._after and key in self._keys:
            return Lost()
        return self._producer.send(topic, value, key, headers)

    def flush(self, timeout: float = 10) -> None:
        self._producer.flush(timeout)

    def close(self, within_s: float = 1) -> None:
        self._producer.close(within_s)


class Lost:
    error = None


def test_position_of_a_lost_event_is_not_used_again(
    url: str,
    conn: psycopg.Connection,
    topics: TopicNames,
    producer: Producer,
    reader: TopicReader,
) -> None:
    log = events(conn)
    chain = log[-5].chain
    of_chain = {str(e.stream_id).encode() for e in log if e.chain == chain}
    relay = relay_of(url, Losing(producer, of_chain, len(log) - 40), topics)
    while relay.relay_batch(conn, [feeds.LOG]):
        pass
    lost = [e.position for e in log[-40:] if e.chain == chain and e.position < log[-1].position]
    ends = max(e.position for e in log if e.chain != chain)
    lost = [position for position in lost if position < ends]
    assert lost
    go_back(conn)
    done = recover(conn, reader, topics)
    assert list(done.lost) == lost
    now = events(conn)
    assert [now[position - 1].type for position in lost] == ["log.restored"] * len(lost)
    assert all(b'"instead_of_lost":true' in now[position - 1].data for position in lost)
    others = [e for e in now[:ends] if e.position not in lost]
    assert others == [e for e in log[:ends] if e.position not in lost]
    # The notes are published, and what follows them once more.
    again = relay_of(url, producer, topics)
    while again.relay_batch(conn, [feeds.LOG]):
        pass
    assert problems(conn, reader, topics) == []


def test_events_that_do_not_lead_to_the_heads_are_refused(
    url: str,
    conn: psycopg.Connection,
    published: TopicNames,
    reader: TopicReader,
    producer: Producer,
) -> None:
    """Somebody who may write to the topic can't put events into a restored log."""
    forged = events(conn)[-1]
    go_back(conn)
    record = {
        "ce_id": f"{forged.stream_id}/{forged.version + 1}",
        "ce_type": "ru.scserv.subscription.started.v1",
        "ce_time": "2024-06-01T00:00:00Z",
        "ce_position": str(forged.position + 1),
        "ce_metadatadigest": "44136fa355b3678a1146ad16f7e8649e94fb4fe1d6dd8b6b3c3a5a3d0c5a1f41",
    }
    producer.send(
        published.events,
        forged.data,
        str(forged.stream_id).encode(),
        [(name, value.encode()) for name, value in record.items()],
    )
    producer.flush()
    before = rows(conn)
    with pytest.raises(SetupError, match="its metadata can't be made again"):
        recover(conn, reader, published)
    assert rows(conn) == before


def test_topic_that_lost_events_in_between_is_refused(
    conn: psycopg.Connection, published: TopicNames, reader: TopicReader
) -> None:
    go_back(conn, BACKUP)
    tamper(conn, "UPDATE events SET digest = sha256(digest) WHERE position > %s", BACKUP - 30)
    with pytest.raises(SetupError, match="don't lead from event 500"):
        recover(conn, reader, published)


def test_database_that_was_written_to_since_is_refused(
    conn: psycopg.Connection, published: TopicNames, reader: TopicReader
) -> None:
    go_back(conn, BACKUP)
    tamper(
        conn,
        "UPDATE events SET data = (data::text || ' ')::json WHERE position = %s",
        BACKUP,
    )
    with pytest.raises(SetupError, match="has been written to since the restore"):
        recover(conn, reader, published)
