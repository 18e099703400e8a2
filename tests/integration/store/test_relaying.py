"""The relay's reading and its place."""

from uuid import uuid4

import psycopg
import pytest

from inbound.store import relaying
from inbound.store.connecting import connect
from inbound.store.errors import StoreUnavailable
from inbound.store.postgres import PostgresStore
from inbound.store.rows import Changes
from tests.fix_store import event, outbox_row


async def test_rows_of_a_shard_come_in_the_order_they_were_written(
    postgres_store: PostgresStore, conn: psycopg.Connection
) -> None:
    rows = [outbox_row(shard=n % 2, value=None if n == 4 else str(n).encode()) for n in range(6)]
    async with postgres_store.transaction() as tx:
        await tx.write(Changes(outbox=rows[:3]))
    async with postgres_store.transaction() as tx:
        await tx.write(Changes(outbox=rows[3:]))
    even = relaying.read_outbox(conn, 0, 10)
    assert [row.value for row in even] == [b"0", b"2", None]
    assert [row.value for row in relaying.read_outbox(conn, 1, 2)] == [b"1", b"3"]
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
    first, second, third = relaying.read_outbox(conn, 0, 10)
    relaying.advance(conn, relaying.OUTBOX, 0, second.position)
    assert relaying.read_outbox(conn, 0, 10) == [third]
    assert relaying.read_outbox(conn, 0, 10, after=first.position) == [second, third]
    assert len(relaying.read_events(conn, 10)) == 2
    relaying.advance(conn, relaying.EVENTS, 0, 1)
    assert [e.position for e in relaying.read_events(conn, 10)] == [2]


def test_place_never_goes_back(conn: psycopg.Connection) -> None:
    assert relaying.cursor_position(conn, relaying.OUTBOX, 3) == 0
    for position in (5, 9, 7):
        relaying.advance(conn, relaying.OUTBOX, 3, position)
    assert relaying.cursor_position(conn, relaying.OUTBOX, 3) == 9
    assert relaying.cursor_position(conn, relaying.OUTBOX, 2) == 0
    assert relaying.cursor_position(conn, relaying.EVENTS, 3) == 0


def test_shard_has_one_relay_until_that_is_gone(database_url: str) -> None:
    with connect(database_url, "relay 1") as first, connect(database_url, "relay 2") as second:
        assert relaying.try_lock_shard(first, relaying.OUTBOX, 0)
        assert not relaying.try_lock_shard(second, relaying.OUTBOX, 0)
        assert relaying.try_lock_shard(second, relaying.OUTBOX, 1)
        assert relaying.try_lock_shard(second, relaying.EVENTS, 0)
        # The second argument waits until that session has ended.
        second.execute("SELECT pg_terminate_backend(%s, 5000)", [first.info.backend_pid])
        with pytest.raises(StoreUnavailable):
            relaying.advance(first, relaying.OUTBOX, 0, 1)
        assert relaying.try_lock_shard(second, relaying.OUTBOX, 0)


async def test_what_waits_is_counted(
    postgres_store: PostgresStore, conn: psycopg.Connection
) -> None:
    assert relaying.waiting(conn, relaying.EVENTS) == relaying.waiting(conn, relaying.OUTBOX) == 0
    async with postgres_store.transaction() as tx:
        rows = [*(outbox_row() for _ in range(3)), outbox_row(shard=1)]
        await tx.write(Changes(outbox=rows, events=[event(uuid4()), event(uuid4())]))
    assert relaying.waiting(conn, relaying.OUTBOX, 0) == 3
    assert relaying.waiting(conn, relaying.EVENTS) == 2
    relaying.advance(conn, relaying.OUTBOX, 0, relaying.read_outbox(conn, 0, 2)[-1].position)
    relaying.advance(conn, relaying.EVENTS, 0, 1)
    assert relaying.waiting(conn, relaying.OUTBOX, 0) == 1
    assert relaying.waiting(conn, relaying.EVENTS) == 1
