"""A flood of texts that are no command fills no disk, and what was left out is known."""

from collections import Counter
from collections.abc import AsyncIterator
from datetime import datetime, timedelta

import psycopg
import pytest

from inbound.keys import VaultCipher
from inbound.store import retention_sweep
from inbound.store.mo.rows import MessagePart, PartsKey, RejectedMo, RejectedMoKey
from inbound.store.quotas import Quotas
from inbound.store.transactions.changes import Changes
from inbound.store.transactions.postgres import PostgresStore
from tests.fix_store import NOON, add_parts

MINUTE = timedelta(minutes=1)


def rejected(number: int, at: datetime = NOON, count: int = 1) -> RejectedMo:
    return RejectedMo(RejectedMoKey(number.to_bytes(16, "big"), at, "unknown"), at, at, count)


def rows(conn: psycopg.Connection) -> list[tuple[bytes, str, int]]:
    query = "SELECT number_hash, kind, count FROM rejected_mos ORDER BY number_hash, minute"
    return [(bytes(hash_), kind, count) for hash_, kind, count in conn.execute(query)]


async def write(store: PostgresStore, *rejected_mos: RejectedMo) -> None:
    async with store.transaction() as tx:
        await tx.write(Changes(rejected_mos=list(rejected_mos)))


@pytest.fixture
async def small_store(database_url: str, cipher: VaultCipher) -> AsyncIterator[PostgresStore]:
    """A store with room for five new rows an hour, three of them of one number."""
    quotas = Quotas(rejected_per_hour=5, rejected_per_sender=3)
    store = PostgresStore(database_url, cipher, quotas=quotas)
    yield store
    await store.close()


async def test_a_number_takes_no_room_from_the_others(
    small_store: PostgresStore, conn: psycopg.Connection
) -> None:
    flood = [rejected(1, NOON + n * MINUTE) for n in range(5)]
    await write(small_store, *flood, rejected(2))
    await write(small_store, rejected(1, NOON + 6 * MINUTE), rejected(3))
    by_number = Counter(hash_[-1:] for hash_, _, _ in rows(conn))
    assert by_number == {b"": 3, b"\1": 3, b"\2": 1, b"\3": 1}
    assert sum(count for _, kind, count in rows(conn) if kind == "left_out") == 3


async def test_an_hour_has_a_bound(small_store: PostgresStore, conn: psycopg.Connection) -> None:
    postgres_store = small_store
    await write(postgres_store, *(rejected(n) for n in range(1, 4)))
    await write(postgres_store, *(rejected(n, count=2) for n in range(4, 9)))
    kept = [(n.to_bytes(16, "big"), "unknown") for n in range(1, 6)]
    assert [row[:2] for row in rows(conn)] == [(b"", "left_out"), *kept]
    assert rows(conn)[0][2] == 6
    await write(postgres_store, rejected(9), rejected(9, NOON + MINUTE))
    assert [row for row in rows(conn) if row[1] == "left_out"] == [
        (b"", "left_out", 7),
        (b"", "left_out", 1),
    ]
    # An hour later there is room again.
    await write(postgres_store, rejected(10, NOON + timedelta(hours=1, minutes=2)))
    assert rows(conn)[-1] == ((10).to_bytes(16, "big"), "unknown", 1)


async def test_misses_go_after_their_days(
    postgres_store: PostgresStore, conn: psycopg.Connection
) -> None:
    await write(postgres_store, rejected(1, NOON - timedelta(days=7, minutes=1)), rejected(2))
    assert retention_sweep.sweep_rejected_mos(conn, NOON, 7) == 1
    assert len(rows(conn)) == 1
    assert retention_sweep.sweep_rejected_mos(conn, NOON + MINUTE, 0) == 1


@pytest.mark.parametrize("note", [True, False])
async def test_long_texts_that_never_were_whole_are_misses_if_wanted(
    postgres_store: PostgresStore, conn: psycopg.Connection, note: bool
) -> None:
    hash_ = b"h" * 16
    async with postgres_store.transaction() as tx:
        for reference, sequence, minutes in [(1, 1, 0), (1, 3, 1), (2, 2, 0)]:
            key = PartsKey("main-1", hash_, "79086228779", reference, 3)
            at = NOON + minutes * MINUTE
            await add_parts(tx, MessagePart(key, sequence, b"CLIENT", b"{}", at))
    conn.execute("UPDATE mo_parts SET stored_at = received_at")
    swept = retention_sweep.sweep_parts(conn, NOON + timedelta(hours=1), 30, record_rejected=note)
    assert swept == 3
    assert rows(conn) == ([(hash_, "incomplete", 2)] if note else [])
