"""Connections that are shared and lent: opened once, opened again, given back whole."""

import asyncio
import select
from collections.abc import AsyncIterator
from typing import LiteralString

import psycopg
import pytest

from inbound.store.connection_pool import ConnectionPool
from inbound.store.connections import LazyConnection, raises_store_errors
from inbound.store.errors import StoreDefect, StoreUnavailable
from tests.patience import PATIENCE_S


@raises_store_errors
def backend(conn: psycopg.Connection) -> int:
    return conn.info.backend_pid


LOCK: LiteralString = "SELECT pg_advisory_lock(1)"
UNLOCK: LiteralString = "SELECT pg_advisory_unlock(1)"


@raises_store_errors
def wait_for_lock(conn: psycopg.Connection) -> None:
    """Keep a connection busy until the test gives the lock up."""
    conn.execute(LOCK)
    conn.execute(UNLOCK)


@raises_store_errors
def fail_within(conn: psycopg.Connection) -> None:
    conn.execute("BEGIN")
    conn.execute("SELECT 1/0")


@pytest.fixture
async def lending(database_url: str) -> AsyncIterator[ConnectionPool]:
    made = ConnectionPool(database_url, "tests lending", connections=2)
    yield made
    await made.close()


def sessions(conn: psycopg.Connection, name: str) -> int:
    query = "SELECT count(*) FROM pg_stat_activity WHERE application_name = %s"
    return int(conn.execute(query, [name]).fetchall()[0][0])


async def test_uses_that_overlap_open_one_connection(
    database_url: str, conn: psycopg.Connection
) -> None:
    link = LazyConnection(database_url, "tests link")
    opened = await asyncio.gather(*(link.get() for _ in range(5)))
    assert len(set(opened)) == 1
    assert sessions(conn, "tests link") == 1
    await link.close()


async def test_a_link_that_the_server_closed_while_it_was_idle_works_at_once(
    database_url: str, conn: psycopg.Connection
) -> None:
    link = LazyConnection(database_url, "tests link")
    first = await link.get()
    await first.execute("SELECT 1")
    conn.execute("SELECT pg_terminate_backend(%s, 10000)", [first.info.backend_pid])
    # Uses that overlap, too: the second waits for the check of the first.
    both = await asyncio.gather(link.get(), link.get())
    for one in both:
        await one.execute("SELECT 1")
    assert sessions(conn, "tests link") == 1
    await link.close()


async def test_a_link_with_a_notice_is_kept(database_url: str, conn: psycopg.Connection) -> None:
    link = LazyConnection(database_url, "tests link")
    first = await link.get()
    await first.execute("LISTEN something")
    conn.execute("NOTIFY something")
    await asyncio.to_thread(select.select, [first.fileno()], [], [], PATIENCE_S)
    assert await link.get() is first
    await link.close()


async def test_a_connection_is_used_again(lending: ConnectionPool) -> None:
    assert await lending.run(backend) == await lending.run(backend)


async def test_no_more_connections_than_allowed(
    lending: ConnectionPool, conn: psycopg.Connection
) -> None:
    backends = await asyncio.gather(*(lending.run(backend) for _ in range(20)))
    assert len(set(backends)) <= 2
    assert sessions(conn, "tests lending") <= 2


async def test_who_waits_too_long_for_one_is_told(
    lending: ConnectionPool, conn: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("inbound.store.connection_pool.WAIT_S", 0.05)
    conn.execute(LOCK)
    busy = [asyncio.create_task(lending.run(wait_for_lock)) for _ in range(2)]
    await asyncio.sleep(0)
    with pytest.raises(StoreUnavailable, match="in use"):
        await lending.run(backend)
    conn.execute(UNLOCK)
    await asyncio.gather(*busy)
    assert await lending.run(backend)


async def test_a_caller_that_is_gone_leaves_a_whole_connection(
    lending: ConnectionPool, conn: psycopg.Connection
) -> None:
    conn.execute(LOCK)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await lending.run(wait_for_lock)
    conn.execute(UNLOCK)
    await lending.close()  # waits for what still runs
    assert await lending.run(backend)


async def test_a_broken_transaction_is_not_passed_on(lending: ConnectionPool) -> None:
    with pytest.raises(StoreDefect):
        await lending.run(fail_within)
    await lending.run(backend)


async def test_a_statement_has_its_time(lending: ConnectionPool) -> None:
    @raises_store_errors
    def limit(conn: psycopg.Connection) -> str:
        return str(conn.execute("SHOW statement_timeout").fetchall()[0][0])

    assert await lending.run(limit) == "10s"
