"""Positions: without gaps and in commit order, so a reader by position skips nothing."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from uuid import uuid4

import psycopg
import pytest

from inbound.keys import VaultCipher
from inbound.store.outbox import feeds
from inbound.store.transactions.changes import Changes
from inbound.store.transactions.postgres import PostgresStore
from tests.fix_store import batch, event, inbox_row, outbox_row, somebody_waits, until


@pytest.fixture
async def other_store(database_url: str, cipher: VaultCipher) -> AsyncIterator[PostgresStore]:
    store = PostgresStore(database_url, cipher, application_name="another worker")
    yield store
    await store.close()


def positions(conn: psycopg.Connection) -> list[int]:
    return [e.position for e in feeds.read_events(conn, 1000, after=0)]


async def test_writer_waits_until_the_one_before_has_committed(
    postgres_store: PostgresStore, other_store: PostgresStore, conn: psycopg.Connection
) -> None:
    async def write_other() -> None:
        async with other_store.transaction() as tx:
            await tx.write(Changes(events=[event(uuid4())], outbox=[outbox_row()]))

    async with postgres_store.transaction() as tx:
        await tx.write(Changes(events=[event(uuid4())]))
        second = asyncio.create_task(write_other())
        await until(lambda: somebody_waits(conn))
        assert positions(conn) == []
    await second
    assert positions(conn) == [1, 2]


async def test_position_belongs_to_the_first_commit_not_to_the_first_begin(
    postgres_store: PostgresStore, other_store: PostgresStore, conn: psycopg.Connection
) -> None:
    early, late = uuid4(), uuid4()
    async with postgres_store.transaction() as slow:
        await slow.seen([uuid4()])
        async with other_store.transaction() as quick:
            await quick.write(Changes(inbox=[inbox_row()], events=[event(early)]))
        await slow.write(Changes(inbox=[inbox_row()], events=[event(late)]))
    assert [e.stream_id for e in feeds.read_events(conn, 10, after=0)] == [early, late]


async def test_rollback_leaves_no_gap(
    postgres_store: PostgresStore, conn: psycopg.Connection
) -> None:
    with contextlib.suppress(LookupError):
        async with postgres_store.transaction() as tx:
            await tx.write(Changes(events=[event(uuid4()), event(uuid4())]))
            raise LookupError
    async with postgres_store.transaction() as tx:
        await tx.write(Changes(events=[event(uuid4())]))
    assert positions(conn) == [1]


async def test_reader_misses_nothing_while_writers_race_and_fail(
    database_url: str, cipher: VaultCipher, conn: psycopg.Connection
) -> None:
    stores = [PostgresStore(database_url, cipher) for _ in range(4)]
    rounds, kept = 15, 2 * (15 - 5)  # every third round is rolled back
    followed: list[int] = []
    sent: list[int] = []

    async def write(store: PostgresStore) -> None:
        for turn in range(rounds):
            with contextlib.suppress(LookupError):
                async with store.transaction() as tx:
                    changes = Changes(inbox=[inbox_row()], outbox=[outbox_row(), outbox_row()])
                    changes.events += [event(uuid4()), event(uuid4())]
                    await tx.write(changes)
                    if turn % 3 == 0:
                        raise LookupError

    def follow() -> bool:
        last = followed[-1] if followed else 0
        followed.extend(e.position for e in feeds.read_events(conn, 7, after=last))
        last = sent[-1] if sent else 0
        sent.extend(row.position for row in feeds.read_outbox(conn, {0: 7}, after=last))
        return len(followed) >= kept * len(stores) and len(sent) >= kept * len(stores)

    async with asyncio.TaskGroup() as writers:
        for store in stores:
            writers.create_task(write(store))
        await until(follow)
    assert followed == list(range(1, kept * len(stores) + 1))
    assert sent == [row.position for row in feeds.read_outbox(conn, {0: 1000}, after=0)]
    for store in stores:
        await store.close()


async def test_time_of_recording_follows_position(
    postgres_store: PostgresStore, other_store: PostgresStore, conn: psycopg.Connection
) -> None:
    async with postgres_store.transaction() as slow:
        await slow.seen([])
        async with other_store.transaction() as quick:
            await quick.write(batch(2))
        await slow.write(batch(2))
    times = [e.recorded_at for e in feeds.read_events(conn, 100, after=0)]
    assert len(times) == 12
    assert times == sorted(times)
