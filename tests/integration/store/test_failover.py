"""A primary with a synchronous standby: what its clients notice of a failover, and of none."""

import asyncio
import socket
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path
from typing import LiteralString
from uuid import UUID

import psycopg
import pytest

from inbound.keys import VaultCipher
from inbound.local.servers.postgres import PostgresServer
from inbound.store.connection_pool import ConnectionPool
from inbound.store.connections import (
    LazyConnection,
    connect,
    raises_store_errors,
    require_writable,
)
from inbound.store.errors import StoreUnavailable
from inbound.store.migrations.runner import migrate
from inbound.store.transactions.changes import Changes
from inbound.store.transactions.postgres import PostgresStore
from tests import standby
from tests.fix_service import eventually
from tests.fix_store import inbox_row

pytestmark = pytest.mark.drill

SETTINGS = {"fsync": "off"}
WAITERS: LiteralString = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep'"
FENCE: LiteralString = "ALTER SYSTEM SET default_transaction_read_only = on"
RELOAD: LiteralString = "SELECT pg_reload_conf()"
# Short enough to end a COMMIT that waits for a standby, if it did.
IMPATIENT = "-c%20statement_timeout%3D200ms%20-c%20idle_in_transaction_session_timeout%3D200ms"


class Pair:
    def __init__(self, primary: PostgresServer, standby: PostgresServer) -> None:
        self.primary = primary
        self.standby = standby

    def url(self, **parameters: str) -> str:
        return standby.both(self.primary, self.standby, **parameters)


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a primary with all tables that was stopped, to be copied."""
    folder = tmp_path_factory.mktemp("prepared") / "primary"
    with PostgresServer(folder, settings=SETTINGS) as primary:
        migrate(primary.url())
    return folder


@pytest.fixture
def folder(tmp_path: Path, prepared: Path) -> Path:
    """The folder of a primary of this test alone."""
    subprocess.run(["cp", "-a", prepared, tmp_path / "primary"], check=True)
    return tmp_path / "primary"


@pytest.fixture
async def pair(tmp_path: Path, folder: Path) -> AsyncIterator[Pair]:
    with PostgresServer(folder, settings=SETTINGS) as primary:
        copy = standby.copy_of(primary, tmp_path / "standby")
        try:
            await standby.make_synchronous(primary)
            yield Pair(primary, copy)
        finally:
            copy.stop()


async def waits(server: PostgresServer, how_many: int) -> None:
    await eventually(
        lambda: standby.run(server, WAITERS) == [(how_many,)],
        lambda: f"{standby.run(server, WAITERS)} wait for the standby instead of {how_many}",
    )


@raises_store_errors
def port(conn: psycopg.Connection) -> int:
    conn.execute("CREATE TEMPORARY TABLE IF NOT EXISTS written ()")
    return conn.info.port


async def port_of(pool: ConnectionPool) -> int:
    """Return where a pool writes to; one that worked within a second may fail once."""
    try:
        return await pool.run(port)
    except StoreUnavailable:
        return await pool.run(port)


async def test_every_kind_of_connection_goes_to_the_new_primary(pair: Pair) -> None:
    old, new = pair.primary, pair.standby
    link, pool = LazyConnection(pair.url(), "tests"), ConnectionPool(pair.url(), "tests")
    assert (await link.get()).info.port == await pool.run(port)
    with connect(pair.url(), "tests", read_only=True) as reading:
        assert f":{reading.info.port}/" in old.url()
    old.kill()
    standby.promote(new)
    assert (await link.get()).info.port == await port_of(pool)
    for options in ({}, {"long": True}, {"read_only": True}):
        with connect(pair.url(), "tests", **options) as conn:
            assert f":{conn.info.port}/" in new.url()
    assert migrate(pair.url()) == []
    await link.close()
    await pool.close()


async def test_a_server_that_is_made_read_only_is_left(pair: Pair) -> None:
    """Fenced without a restart: connections stay open, and nothing fails that only reads."""
    link, pool = LazyConnection(pair.url(), "tests"), ConnectionPool(pair.url(), "tests")
    first = await link.get()
    await pool.run(port)
    relay = connect(pair.url(), "tests")
    for statement in (FENCE, RELOAD):
        standby.run(pair.primary, statement)
    await eventually(
        lambda: standby.run(pair.primary, "SHOW default_transaction_read_only") == [("on",)],
        lambda: "the primary is still writable",
    )
    standby.promote(pair.standby)
    # The first statement tells it.
    await first.execute("SELECT 1")
    relay.execute("SELECT 1")
    with pytest.raises(StoreUnavailable, match="made read-only"):
        require_writable(relay)
    second = await link.get()
    assert first.closed
    assert f":{second.info.port}/" in pair.standby.url()
    assert await port_of(pool) == second.info.port
    relay.close()
    await link.close()
    await pool.close()


async def test_without_a_standby_nothing_is_confirmed(pair: Pair, cipher: VaultCipher) -> None:
    """No time limit ends the wait, and what others see of it is not confirmed either."""
    store = PostgresStore(pair.url(options=IMPATIENT), cipher)
    again = PostgresStore(pair.url(options=IMPATIENT), cipher)
    row = inbox_row()
    pair.standby.stop()

    async def process(by: PostgresStore) -> bool:
        async with by.transaction() as tx:
            is_known = bool(await tx.seen([row.mo_id]))
            await tx.write(Changes(inbox=[] if is_known else [row]))
        return is_known

    first = asyncio.create_task(process(store))
    await waits(pair.primary, 1)
    assert not await _is_known(pair, row.mo_id)
    # Its worker ends: PostgreSQL stops to wait, and everybody sees what the standby lacks.
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)
    await eventually(
        lambda: standby.run(pair.primary, "SELECT count(*) FROM inbox") == [(1,)],
        lambda: "the cancelled commit is not visible",
    )
    second = asyncio.create_task(process(again))
    await waits(pair.primary, 1)
    assert not second.done()
    # The standby is back and has it: now the text may be acknowledged.
    pair.standby.start()
    assert await second
    assert standby.run(pair.standby, "SELECT count(*) FROM inbox") == [(1,)]
    await store.close()
    await again.close()


async def test_a_primary_that_was_replaced_confirms_nothing(
    pair: Pair, cipher: VaultCipher
) -> None:
    """Split brain: the old primary was not fenced, and a process still writes to it."""
    late = PostgresStore(pair.primary.url(), cipher)
    async with late.transaction() as tx:
        await tx.write(Changes(inbox=[inbox_row()]))
    assert standby.run(pair.standby, "SELECT pg_promote()") == [(True,)]
    standby.stand_alone(pair.standby)
    writing = asyncio.create_task(_write(late))
    await waits(pair.primary, 1)
    pair.primary.kill()
    with pytest.raises(StoreUnavailable):
        await writing
    assert standby.run(pair.standby, "SELECT count(*) FROM inbox") == [(1,)]
    await late.close()


async def _write(store: PostgresStore) -> None:
    async with store.transaction() as tx:
        await tx.write(Changes(inbox=[inbox_row()]))


async def _is_known(pair: Pair, mo_id: UUID) -> bool:
    with psycopg.connect(pair.primary.url()) as conn:
        return bool(conn.execute("SELECT FROM inbox WHERE mo_id = %s", [mo_id]).fetchall())


async def test_a_host_that_never_answers_does_not_hide_the_next(pair: Pair) -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        url = pair.url().replace("@", f"@127.0.0.1:{mute.getsockname()[1]},")
        link = LazyConnection(url, "tests")
        with connect(url, "tests") as conn:
            assert conn.info.port == (await link.get()).info.port
            assert f":{conn.info.port}/" in pair.primary.url()
        await link.close()
