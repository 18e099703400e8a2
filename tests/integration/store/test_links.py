"""Connections that are shared and lent: opened once, opened again, given back whole."""

import asyncio
import time
from collections.abc import AsyncIterator

import psycopg
import pytest

from inbound.store.connecting import AsyncLink, called
from inbound.store.errors import StoreDefect, StoreUnavailable
from inbound.store.lending import Lending


@called
def backend(conn: psycopg.Connection) -> int:
    return conn.info.backend_pid


@called
def sleep(conn: psycopg.Connection, seconds: float) -> None:
    conn.execute("SELECT pg_sleep(%s)", [seconds])


@called
def fail_within(conn: psycopg.Connection) -> None:
    conn.execute("BEGIN")
    conn.execute("SELECT 1/0")


@pytest.fixture
async def lending(database_url: str) -> AsyncIterator[Lending]:
    made = Lending(database_url, "tests lending", connections=2)
    yield made
    await made.close()


def sessions(conn: psycopg.Connection, name: str) -> int:
    query = "SELECT count(*) FROM pg_stat_activity WHERE application_name = %s"
    return int(conn.execute(query, [name]).fetchall()[0][0])


async def test_uses_that_overlap_open_one_connection(
    database_url: str, conn: psycopg.Connection
) -> None:
    link = AsyncLink(database_url, "tests link")
    opened = await asyncio.gather(*(link.connection() for _ in range(5)))
    assert len(set(opened)) == 1
    assert sessions(conn, "tests link") == 1
    await link.close()


async def test_a_connection_is_used_again(lending: Lending) -> None:
    assert await lending.run(backend) == await lending.run(backend)


async def test_no_more_connections_than_allowed(lending: Lending, conn: psycopg.Connection) -> None:
    backends = await asyncio.gather(*(lending.run(backend) for _ in range(20)))
    assert len(set(backends)) <= 2
    assert sessions(conn, "tests lending") <= 2


async def test_who_waits_too_long_for_one_is_told(
    lending: Lending, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("inbound.store.lending.WAIT_S", 0.05)
    busy = [asyncio.create_task(lending.run(sleep, 1)) for _ in range(2)]
    await asyncio.sleep(0)
    with pytest.raises(StoreUnavailable, match="in use"):
        await lending.run(backend)
    await asyncio.gather(*busy)
    assert await lending.run(backend)


async def test_a_caller_that_is_gone_leaves_a_whole_connection(lending: Lending) -> None:
    begin = time.monotonic()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await lending.run(sleep, 0.5)
    assert time.monotonic() - begin < 0.5
    await lending.close()  # waits for what still runs
    assert await lending.run(backend)


async def test_a_broken_transaction_is_not_passed_on(lending: Lending) -> None:
    with pytest.raises(StoreDefect):
        await lending.run(fail_within)
    await lending.run(sleep, 0)


async def test_a_statement_has_its_time(lending: Lending) -> None:
    @called
    def limit(conn: psycopg.Connection) -> str:
        return str(conn.execute("SHOW statement_timeout").fetchall()[0][0])

    assert await lending.run(limit) == "10s"
