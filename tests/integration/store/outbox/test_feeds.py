"""The relay's reading and its place."""

from uuid import uuid4

import psycopg
import pytest

from inbound.store.connections import connect
from inbound.store.errors import StoreUnavailable
from inbound.store.outbox import feeds
from inbound.store.transactions.changes import Changes
from inbound.store.transactions.postgres import PostgresStore
from tests.fix_store import event, outbox_row


async def test_rows_of_a_shard_come_in_the_order_they_were_written(
    postgres_store: PostgresStore, conn: psycopg.Connection
) -> None:
    rows = [outbox_row(shard=n % 2, value=None if n == 4 else str(n).encode()) for n in range(6)]
    async with postgres_store.transaction() as tx:
        await tx.write(Changes(outbox=rows[:3]))
    async with postgres_store.transaction() as tx:
        await tx.write(Changes(outbox=rows[3:]))
    even = feeds.read_outbox(conn, {0: 10})
    assert [row.value for row in even] == [b"0", b"2", None]
    assert [row.value for row in feeds.read_outbox(conn, {1: 2})] == [b"1", b"3"]
    first, given = even[0], rows[0]
    assert (first.topic, first.key, first.event_id) == (given.topic, given.key, given.event_id)
    assert (first.type, first.headers) == (given.type, given.headers)


async def test_relay_goes_on_where_the_last_one_got_to(
    postgres_store: PostgresStore, conn: psycopg.Connection
) -> None:
    async with postgres_store.transaction() as tx:
        await tx.write(
            Changes(
                outbox=[outbox_row() for _ in range(3)], events=[event(uuid4()), event(uuid4())]
            )
        )
    first, second, third = feeds.read_outbox(conn, {0: 10})
    feeds.advance_cursors(conn, {feeds.Shard(feeds.OUTBOX, 0): second.position})
    assert feeds.read_outbox(conn, {0: 10}) == [third]
    assert feeds.read_outbox(conn, {0: 10}, after=first.position) == [second, third]
    assert len(feeds.read_events(conn, 10)) == 2
    feeds.advance_cursors(conn, {feeds.LOG: 1})
    assert [e.position for e in feeds.read_events(conn, 10)] == [2]


def test_place_never_goes_back(conn: psycopg.Connection) -> None:
    assert feeds.cursor_position(conn, feeds.OUTBOX, 3) == 0
    for position in (5, 9, 7):
        feeds.advance_cursors(conn, {feeds.Shard(feeds.OUTBOX, 3): position})
    assert feeds.cursor_position(conn, feeds.OUTBOX, 3) == 9
    assert feeds.cursor_position(conn, feeds.OUTBOX, 2) == 0
    assert feeds.cursor_position(conn, feeds.EVENTS, 3) == 0


def test_shard_has_one_relay_until_that_is_gone(database_url: str) -> None:
    with connect(database_url, "relay 1") as first, connect(database_url, "relay 2") as second:
        assert feeds.try_lock_shard(first, feeds.OUTBOX, 0)
        assert not feeds.try_lock_shard(second, feeds.OUTBOX, 0)
        assert feeds.try_lock_shard(second, feeds.OUTBOX, 1)
        assert feeds.try_lock_shard(second, feeds.EVENTS, 0)
        # The second argument waits until that session has ended.
        second.execute("SELECT pg_terminate_backend(%s, 5000)", [first.info.backend_pid])
        with pytest.raises(StoreUnavailable):
            feeds.advance_cursors(first, {feeds.Shard(feeds.OUTBOX, 0): 1})
        assert feeds.try_lock_shard(second, feeds.OUTBOX, 0)


async def test_what_waits_is_counted(
    postgres_store: PostgresStore, conn: psycopg.Connection
) -> None:
    assert feeds.count_waiting(conn, feeds.EVENTS) == feeds.count_waiting(conn, feeds.OUTBOX) == 0
    async with postgres_store.transaction() as tx:
        rows = [*(outbox_row() for _ in range(3)), outbox_row(shard=1)]
        await tx.write(Changes(outbox=rows, events=[event(uuid4()), event(uuid4())]))
    assert feeds.count_waiting(conn, feeds.OUTBOX, 0) == 3
    assert feeds.count_waiting(conn, feeds.EVENTS) == 2
    last = feeds.read_outbox(conn, {0: 2})[-1].position
    feeds.advance_cursors(conn, {feeds.Shard(feeds.OUTBOX, 0): last})
    feeds.advance_cursors(conn, {feeds.LOG: 1})
    assert feeds.count_waiting(conn, feeds.OUTBOX, 0) == 1
    assert feeds.count_waiting(conn, feeds.EVENTS) == 1
