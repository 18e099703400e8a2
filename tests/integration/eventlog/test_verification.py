"""Whatever is done to the log in the database is found, and named."""

from typing import LiteralString

import psycopg
import pytest

from inbound.store.connections import connect
from inbound.store.migrations.runner import migrate
from tests.integration.eventlog.tampering import (
    events,
    find,
    named,
    next_of_chain,
    rewrite_digests,
    tamper,
    unprotected,
)

PREFIX = "only events before the first digest may lack one"
# In the middle, and neither the first nor the last of its stream.
AT = 417

CHANGES: dict[str, LiteralString] = {
    "data": "UPDATE events SET data = (data::text || ' ')::json WHERE position = %s",
    "metadata": "UPDATE events SET metadata = '{}' WHERE position = %s",
    "type": "UPDATE events SET type = 'request.accepteD' WHERE position = %s",
    "version of its type": "UPDATE events SET schema_version = 2 WHERE position = %s",
    "time": "UPDATE events SET recorded_at = recorded_at + interval '1 us' WHERE position = %s",
    "stream": "UPDATE events SET stream_id = gen_random_uuid() WHERE position = %s",
    "digest": "UPDATE events SET digest = sha256(digest) WHERE position = %s",
    "chain": "UPDATE events SET chain = mod(chain + 1, 8) WHERE position = %s",
}


def test_log_that_nobody_touched_is_whole(conn: psycopg.Connection) -> None:
    assert find(conn) == []
    assert find(conn, since=500) == []


def test_empty_log_is_whole(empty_database_url: str) -> None:
    migrate(empty_database_url)
    with connect(empty_database_url, "tests") as conn:
        assert find(conn) == []


@pytest.mark.parametrize("what", CHANGES)
def test_changed_event_is_named(conn: psycopg.Connection, what: str) -> None:
    tamper(conn, CHANGES[what], AT)
    changed = named(events(conn)[AT - 1])
    found = find(conn)
    assert found[0].startswith(f"{changed}: ")
    if what not in {"stream", "digest", "chain"}:  # which others miss
        assert all(problem.startswith(f"{changed}: ") for problem in found)


def test_removed_event_is_named(conn: psycopg.Connection) -> None:
    gone = events(conn)[AT - 1]
    after = next_of_chain(events(conn), gone)
    tamper(conn, "DELETE FROM events WHERE position = %s", AT)
    found = find(conn)
    assert found[0] == f"event {AT}: it is missing"
    assert found[1].startswith(f"{named(after)}: it does not follow event ")
    assert f"in chain {gone.chain}: one in between is gone" in found[1]
    assert all(f"({gone.stream_id}/" in problem for problem in found[2:])


def test_several_removed_events_are_one_gap(conn: psycopg.Connection) -> None:
    tamper(conn, "DELETE FROM events WHERE position BETWEEN 300 AND 305")
    assert find(conn)[0] == "event 300: it and all up to 305 are missing"


def test_removed_end_is_missed_by_the_heads(conn: psycopg.Connection) -> None:
    log = events(conn)
    tamper(conn, "DELETE FROM events WHERE position > %s", len(log) - 20)
    found = find(conn)
    assert found
    for event in {e.chain: e for e in log[-20:]}.values():
        said = f"chain {event.chain}: its head in log_heads is event {event.position}, and the last"
        assert any(problem.startswith(said) for problem in found)


def test_swapped_versions_are_named(conn: psycopg.Connection) -> None:
    first = events(conn)[AT - 1]
    second = next(e for e in events(conn)[AT:] if e.stream == first.stream)
    for version, position in (
        (10_000, second.position),
        (second.version, first.position),
        (first.version, second.position),
    ):
        tamper(conn, "UPDATE events SET version = %s WHERE position = %s", version, position)
    found = find(conn)
    swapped = events(conn)[AT - 1], events(conn)[second.position - 1]
    for event in swapped:
        assert any(problem.startswith(f"{named(event)}: the digest") for problem in found)
    what = f"no version {first.version} of its stream comes before it"
    assert f"{named(swapped[0])}: {what}" in found


def test_swapped_versions_are_found_without_digests_too(conn: psycopg.Connection) -> None:
    first = events(conn)[AT - 1]
    second = next(e for e in events(conn)[AT:] if e.stream == first.stream)
    with unprotected(conn):
        conn.execute("UPDATE events SET chain = NULL, digest = NULL")
        conn.execute("UPDATE events SET version = -1 * version WHERE version < 0")
        for version, position in ((10_000, second.position), (second.version, first.position)):
            conn.execute("UPDATE events SET version = %s WHERE position = %s", (version, position))
        conn.execute(
            "UPDATE events SET version = %s WHERE position = %s", (first.version, second.position)
        )
    conn.execute("UPDATE log_heads SET positions = array_fill(0::bigint, ARRAY[8])")
    conn.execute(
        "UPDATE log_heads SET digests = array_fill(decode(repeat('00', 32), 'hex'), ARRAY[8])"
    )
    assert [problem.partition(":")[2] for problem in find(conn)] == [
        f" no version {first.version} of its stream comes before it"
    ]


UNIQUE_LOST = (
    "the table events has lost the constraint that a version is unique "
    "(events_stream_id_version_key)"
)
INSERT: LiteralString = """
    INSERT INTO events (
        position, stream_id, version, type, schema_version, data, metadata, recorded_at,
        chain, digest)
    SELECT max(position) + 1, gen_random_uuid(), 1, 'acknowledgement.late', 1,
           '{"request_id":"00000000-0000-0000-0000-000000000000","after_s":121}', '{}',
           max(recorded_at), %s, %s
    FROM events
"""


def test_event_put_in_without_a_digest_is_named(conn: psycopg.Connection) -> None:
    tamper(conn, INSERT, None, None)
    assert find(conn) == [f"{named(events(conn)[-1])}: it has no digest; {PREFIX}"]


def test_event_put_in_with_some_digest_is_named(conn: psycopg.Connection) -> None:
    tamper(conn, INSERT, 3, bytes(32))
    found = find(conn)
    assert found[0].startswith(f"{named(events(conn)[-1])}: ")


def test_event_put_in_past_the_heads_is_noticed(conn: psycopg.Connection) -> None:
    before = conn.execute("SELECT positions, digests FROM log_heads").fetchone()
    tamper(conn, INSERT, 0, bytes(32))
    rewrite_digests(conn)
    conn.execute("UPDATE log_heads SET positions = %s::bigint[], digests = %s", before)
    [problem] = find(conn)
    assert problem.startswith(f"chain {events(conn)[-1].chain}: its head in log_heads is event ")


def test_event_that_nobody_can_read_is_named_whatever_its_digest(conn: psycopg.Connection) -> None:
    tamper(conn, "UPDATE events SET type = 'request.dreamt' WHERE position = %s", AT)
    tamper(conn, "UPDATE events SET data = '{}' WHERE position = %s", AT + 1)
    rewrite_digests(conn)
    log = events(conn)
    first, second = find(conn)
    assert first == f"{named(log[AT - 1])}: no event type 'request.dreamt' in this release"
    assert second.startswith(f"{named(log[AT])}: {log[AT].type} version 1 does not fit: ")
    assert "\n" not in second


def test_first_event_counts_as_well(conn: psycopg.Connection) -> None:
    tamper(conn, "DELETE FROM events WHERE position = 1")
    assert find(conn)[0] == "event 1: it is missing"


def test_heads_that_were_lost_are_noticed(conn: psycopg.Connection) -> None:
    conn.execute("DELETE FROM log_heads")
    assert find(conn) == ["the table log_heads has lost its row: appends fail"]


def test_protection_that_was_not_put_back_is_noticed(conn: psycopg.Connection) -> None:
    conn.execute("ALTER TABLE events DISABLE TRIGGER events_are_append_only")
    conn.execute("ALTER TABLE events DROP CONSTRAINT events_stream_id_version_key")
    assert find(conn) == [
        "the table events has lost the trigger that refuses changes (events_are_append_only)",
        UNIQUE_LOST,
    ]


def test_what_is_believed_is_not_looked_at(conn: psycopg.Connection) -> None:
    tamper(conn, "UPDATE events SET metadata = '{}' WHERE position = %s", AT)
    assert find(conn, since=AT) == []
    assert len(find(conn, since=AT - 1)) == 1


def test_events_from_before_the_chains_are_a_prefix(conn: psycopg.Connection) -> None:
    tamper(conn, "UPDATE events SET chain = NULL, digest = NULL WHERE position <= %s", AT)
    rewrite_digests(conn, after=AT)
    assert find(conn) == []
    tamper(conn, "UPDATE events SET chain = NULL, digest = NULL WHERE position = %s", AT + 50)
    undigested = named(events(conn)[AT + 49])
    assert f"{undigested}: it has no digest; {PREFIX}" in find(conn)


def test_digests_that_were_taken_away_are_missed(conn: psycopg.Connection) -> None:
    tamper(conn, "UPDATE events SET chain = NULL, digest = NULL WHERE position <= %s", AT)
    log = events(conn)
    firsts = {e.chain: named(e) for e in reversed(log[AT:])}
    assert {problem.partition(":")[0] for problem in find(conn)} == set(firsts.values())


def test_everything_is_told_once(conn: psycopg.Connection) -> None:
    tamper(conn, "UPDATE events SET metadata = '{}' WHERE position %% 100 = 0")
    found = find(conn)
    assert [problem.split()[1] for problem in found] == [
        str(e.position) for e in events(conn) if e.position % 100 == 0
    ]
