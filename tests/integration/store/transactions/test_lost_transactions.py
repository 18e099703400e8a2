"""Transactions that end early: lost connections, cancelled tasks, stopped processes, limits."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import psycopg
import pytest

from inbound.keys import VaultCipher
from inbound.store.connections import connect
from inbound.store.errors import StoreUnavailable
from inbound.store.outbox import feeds
from inbound.store.transactions.changes import Changes
from inbound.store.transactions.postgres import PostgresStore
from tests.fix_store import batch, somebody_waits, until

# Waits, at most as many milliseconds, until the backends are gone.
KILL = """
    SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity
    WHERE application_name = %s AND datname = current_database()
"""


@pytest.fixture
async def other_store(database_url: str, cipher: VaultCipher) -> AsyncIterator[PostgresStore]:
    store = PostgresStore(database_url, cipher, application_name="another worker")
    yield store
    await store.close()


async def write(store: PostgresStore, changes: Changes) -> None:
    async with store.transaction() as tx:
        await tx.write(changes)


async def test_lost_connection_is_retryable_and_the_next_transaction_has_a_new_one(
    postgres_store: PostgresStore, conn: psycopg.Connection
) -> None:
    changes = batch(1)

    async def lose() -> None:
        async with postgres_store.transaction() as tx:
            await tx.write(changes)
            conn.execute(KILL, ["scserv store"])

    with pytest.raises(StoreUnavailable):
        await lose()
    assert feeds.read_events(conn, 10, after=0) == []
    await write(postgres_store, changes)
    assert len(feeds.read_events(conn, 10, after=0)) == 3


async def test_connection_lost_between_transactions_is_opened_again(
    postgres_store: PostgresStore, conn: psycopg.Connection
) -> None:
    await write(postgres_store, batch(1))
    conn.execute(KILL, ["scserv store"])
    await write(postgres_store, batch(1))


async def test_nobody_there_is_retryable_and_named(cipher: VaultCipher) -> None:
    store = PostgresStore("postgresql://me:hunter2@127.0.0.1:1/scserv", cipher)
    with pytest.raises(StoreUnavailable, match=r"127\.0\.0\.1:1/scserv") as caught:
        await write(store, batch(1))
    assert "hunter2" not in str(caught.value)


async def test_cancelled_transaction_leaves_nothing_and_the_store_goes_on(
    postgres_store: PostgresStore, conn: psycopg.Connection
) -> None:
    written = asyncio.Event()

    async def wait_for_ever() -> None:
        async with postgres_store.transaction() as tx:
            await tx.write(batch(1))
            written.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(wait_for_ever())
    await written.wait()
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    assert feeds.read_events(conn, 10, after=0) == []
    await write(postgres_store, batch(1))


@pytest.mark.parametrize("times", [1, 2])
async def test_transaction_cancelled_while_it_waits_leaves_nothing_and_the_store_goes_on(
    postgres_store: PostgresStore,
    other_store: PostgresStore,
    conn: psycopg.Connection,
    times: int,
) -> None:
    async with other_store.transaction() as tx:
        await tx.write(batch(1))
        task = asyncio.create_task(write(postgres_store, batch(1)))
        await until(lambda: somebody_waits(conn))
        for _ in range(times):  # the second time while the first is being cleaned up
            task.cancel()
            await asyncio.sleep(0)
        with pytest.raises((asyncio.CancelledError, StoreUnavailable)):
            await task
    await write(postgres_store, batch(1))
    assert len(feeds.read_events(conn, 10, after=0)) == 6


async def test_transaction_that_was_left_open_is_not_continued(
    postgres_store: PostgresStore, conn: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The commit of the next one would commit it, too."""

    async def interrupted(_: psycopg.AsyncConnection) -> None:
        raise asyncio.CancelledError

    async def fail() -> None:
        async with postgres_store.transaction() as tx:
            await tx.write(batch(1))
            raise LookupError

    with monkeypatch.context() as patch:
        patch.setattr(psycopg.AsyncConnection, "rollback", interrupted)
        with pytest.raises(asyncio.CancelledError):
            await fail()
    await write(postgres_store, batch(1))
    assert len(feeds.read_events(conn, 10, after=0)) == 3


def test_sessions_have_limits(database_url: str) -> None:
    query = """
        SELECT current_setting('idle_in_transaction_session_timeout'),
               current_setting('statement_timeout'), current_setting('timezone')
    """
    with connect(database_url, "tests") as conn:
        assert conn.execute(query).fetchone() == ("10s", "30s", "UTC")
    with connect(database_url, "tests", long=True) as conn:
        assert conn.execute(query).fetchone() == ("10min", "0", "UTC")


async def test_process_that_stops_within_a_transaction_lets_go_of_the_log(
    database_url: str, cipher: VaultCipher, other_store: PostgresStore, conn: psycopg.Connection
) -> None:
    separator = "&" if "?" in database_url else "?"
    short = f"{database_url}{separator}options=-ctransaction_timeout%3D2s"
    stopped = PostgresStore(short, cipher)

    async def stop_halfway() -> None:
        async with stopped.transaction() as tx:
            await tx.write(batch(1))
            await write(other_store, batch(1))  # waits until the server has cut the other off
            assert len(feeds.read_events(conn, 10, after=0)) == 3, "the other one has the log"

    with pytest.raises(StoreUnavailable):
        await stop_halfway()
    assert len(feeds.read_events(conn, 10, after=0)) == 3
    await stopped.close()


async def test_a_whole_transaction_has_a_limit(postgres_store: PostgresStore) -> None:
    """PostgreSQL does not count how long one is idle after a pipeline, or in it."""
    async with postgres_store.transaction() as tx:
        await tx.begin()
        found = await tx._conn.execute("SHOW transaction_timeout")
        assert await found.fetchone() == ("40s",)
