"""The digest chains in PostgreSQL: with many writers, from before there were any, by old code."""

import asyncio
from uuid import uuid4

import psycopg
import pytest

from inbound.keys import VaultCipher
from inbound.store.connections import connect
from inbound.store.errors import StoreUnavailable, translate
from inbound.store.log.rows import RecordedEvent
from inbound.store.migrations.runner import migrate
from inbound.store.transactions.changes import Changes
from inbound.store.transactions.postgres import PostgresStore
from schemas.chain import GENESIS, Head
from tests.contract.test_log_chain import computed, log, stored
from tests.fix_store import event, outbox_row

OLD_APPEND = """
    INSERT INTO events (position, stream_id, version, type, schema_version, data, metadata)
    VALUES (%s, gen_random_uuid(), 1, 'test.happened', 1, '{"n":  1}', '{}')
"""


def heads(conn: psycopg.Connection) -> list[Head]:
    row = conn.execute("SELECT positions, digests FROM log_heads").fetchone()
    assert row is not None
    return [Head(*head) for head in zip(*row, strict=True)]


def ends(events: list[RecordedEvent]) -> list[Head]:
    last = {e.chain: Head(e.position, e.digest or b"") for e in events}
    return [last.get(chain, Head()) for chain in range(8)]


async def test_writers_that_race_make_one_chain_after_the_other(
    database_url: str, cipher: VaultCipher, conn: psycopg.Connection
) -> None:
    stores = [PostgresStore(database_url, cipher) for _ in range(4)]

    async def write(store: PostgresStore) -> None:
        for _ in range(10):
            async with store.transaction() as tx:
                await tx.write(Changes(events=[event(uuid4()) for _ in range(5)]))

    await asyncio.gather(*map(write, stores))
    events = await log(stores[0])
    assert len(events) == 200
    assert stored(events) == computed(events)
    assert heads(conn) == ends(events)
    for store in stores:
        await store.close()


async def test_batch_without_events_leaves_the_heads(
    postgres_store: PostgresStore, conn: psycopg.Connection
) -> None:
    async with postgres_store.transaction() as tx:
        await tx.write(Changes(outbox=[outbox_row()]))
    assert heads(conn) == [Head(0, GENESIS)] * 8


async def test_log_from_before_the_chains_goes_on_with_them(
    empty_database_url: str, cipher: VaultCipher
) -> None:
    migrate(empty_database_url, upto="0007")
    with connect(empty_database_url, "tests") as conn:
        for position in (1, 2, 3):
            conn.execute(OLD_APPEND, (position,))
        migrate(empty_database_url)
        store = PostgresStore(empty_database_url, cipher)
        for _ in range(2):
            async with store.transaction() as tx:
                await tx.write(Changes(events=[event(uuid4()) for _ in range(6)]))
        events = await log(store)
        await store.close()
        assert [e.position for e in events] == list(range(1, 16))
        assert stored(events[:3]) == [(None, None)] * 3
        assert stored(events[3:]) == computed(events[3:])
        assert heads(conn) == ends(events)


def test_writer_of_an_older_version_is_told_to_wait(conn: psycopg.Connection) -> None:
    """Its messages stay in Kafka: an error that is not retryable would set them aside."""
    with pytest.raises(psycopg.Error) as refused:
        conn.execute(OLD_APPEND, (1,))
    assert isinstance(translate(refused.value, "here"), StoreUnavailable)


async def test_clock_that_is_set_back_does_not_set_back_the_log(
    postgres_store: PostgresStore, conn: psycopg.Connection
) -> None:
    async with postgres_store.transaction() as tx:
        await tx.write(Changes(events=[event(uuid4())]))
    # As if the clock had been right an hour ahead; the digest is not looked at here.
    conn.execute("ALTER TABLE events DISABLE TRIGGER events_are_append_only")
    conn.execute("UPDATE events SET recorded_at = recorded_at + interval '1 hour'")
    async with postgres_store.transaction() as tx:
        await tx.write(Changes(events=[event(uuid4())]))
    first, second = await log(postgres_store)
    assert first.recorded_at == second.recorded_at


async def test_log_without_heads_is_not_written_to(
    postgres_store: PostgresStore, conn: psycopg.Connection
) -> None:
    conn.execute("DELETE FROM log_heads")
    with pytest.raises(StoreUnavailable, match="log_heads"):
        async with postgres_store.transaction() as tx:
            await tx.write(Changes(events=[event(uuid4())]))
    assert await log(postgres_store) == []
