"""What the PostgreSQL store does beyond the contract: races, lost connections, secrecy."""

import asyncio
import contextlib
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
from psycopg import sql

from inbound.keys import SubjectHasher, UnsealError, VaultCipher
from inbound.store.claims.postgres import PostgresClaims
from inbound.store.claims.rows import ToClaim
from inbound.store.connections import connect
from inbound.store.dead_letters.rows import DeadLetter
from inbound.store.errors import Conflict, StoreDefect
from inbound.store.mo.rows import MessagePart, PartsKey
from inbound.store.outbox import feeds
from inbound.store.transactions.changes import Changes
from inbound.store.transactions.postgres import PostgresStore
from tests.fix_store import (
    NOON,
    add_parts,
    batch,
    event,
    inbox_row,
    outbox_row,
    secret,
    somebody_waits,
    state,
    until,
)
from tests.patience import PATIENCE_S

Transacting = Callable[[], Awaitable[None]]
NUMBER = "+79161234567"
CANARY = "CANARY"
ALL_TABLES = """
    SELECT relname FROM pg_class
    WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')
"""


@pytest.fixture
async def other_store(database_url: str, cipher: VaultCipher) -> AsyncIterator[PostgresStore]:
    store = PostgresStore(database_url, cipher, application_name="another worker")
    yield store
    await store.close()


async def write(store: PostgresStore, changes: Changes) -> None:
    async with store.transaction() as tx:
        await tx.write(changes)


def counts(conn: psycopg.Connection) -> dict[str, int]:
    names = [name for (name,) in conn.execute(ALL_TABLES) if not name.startswith("_yoyo")]
    found = {}
    for name in names:
        query = sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(name))
        row = conn.execute(query).fetchone()
        assert row is not None
        found[name] = row[0]
    return {name: count for name, count in found.items() if count}


@pytest.mark.parametrize("what", ["events", "states", "inbox"])
async def test_of_two_transactions_on_one_subject_the_second_is_told(
    postgres_store: PostgresStore, other_store: PostgresStore, conn: psycopg.Connection, what: str
) -> None:
    stream_id, row = uuid4(), inbox_row()
    await write(postgres_store, Changes(states=[state(stream_id, 0, 1)]))
    changes = {
        "events": Changes(events=[event(stream_id)]),
        "states": Changes(states=[state(stream_id, 1, 2)]),
        "inbox": Changes(inbox=[row]),
    }[what]

    async with postgres_store.transaction() as tx:
        await tx.write(changes)
        second = asyncio.create_task(write(other_store, changes))
        await until(lambda: somebody_waits(conn))
    with pytest.raises(Conflict):
        await second


async def test_two_workers_that_meet_a_new_number_agree_on_its_subject(
    postgres_store: PostgresStore, other_store: PostgresStore, hasher: SubjectHasher
) -> None:
    numbers = {hasher.hash(n): n for n in (f"+7916000000{d}" for d in range(10))}
    backwards = dict(reversed(numbers.items()))

    async def find(store: PostgresStore, some: dict[bytes, str]) -> dict[bytes, object]:
        async with store.transaction() as tx:
            return dict(await tx.subjects(some))

    async with asyncio.TaskGroup() as workers:
        one = workers.create_task(find(postgres_store, numbers))
        two = workers.create_task(find(other_store, backwards))
    assert one.result() == two.result()
    assert len(one.result()) == 10


async def test_two_workers_with_parts_of_one_message_see_each_other(
    postgres_store: PostgresStore, other_store: PostgresStore, conn: psycopg.Connection
) -> None:
    key = PartsKey("main", b"h" * 16, "+79086228779", 1, 2)

    async def add(store: PostgresStore, sequence: int) -> int:
        async with store.transaction() as tx:
            await tx.lock_names(["sms.mo.v1[3]"])
            waiting = len(await tx.waiting_parts([key]))
            await add_parts(tx, MessagePart(key, sequence, b"text", b"{}", NOON))
            return waiting

    async with postgres_store.transaction() as tx:
        await tx.lock_names(["sms.mo.v1[3]"])
        await add_parts(tx, MessagePart(key, 1, b"text", b"{}", NOON))
        second = asyncio.create_task(add(other_store, 2))
        await until(lambda: somebody_waits(conn))
    assert await second == 1


async def test_row_that_is_refused_in_the_middle_takes_the_batch_with_it(
    postgres_store: PostgresStore, conn: psycopg.Connection
) -> None:
    before = counts(conn)
    changes = batch(3)
    changes.vault.append(secret())
    last, changes.outbox[-1] = changes.outbox[-1], replace(outbox_row(), headers=b"{not json")
    with pytest.raises(StoreDefect):
        await write(postgres_store, changes)
    assert counts(conn) == before
    changes.outbox[-1] = last
    await write(postgres_store, changes)
    assert counts(conn)["events"] == 9


async def test_relays_are_woken_after_the_commit_and_only_then(
    postgres_store: PostgresStore, database_url: str
) -> None:
    with connect(database_url, "relay") as relay:
        feeds.listen(relay)
        async with postgres_store.transaction() as tx:
            await tx.write(Changes(outbox=[outbox_row()]))
            assert not feeds.wait_for_rows(relay, 0)
        assert feeds.wait_for_rows(relay, PATIENCE_S)
        assert len(feeds.read_outbox(relay, {0: 10})) == 1

        await write(postgres_store, Changes(inbox=[inbox_row()], vault=[secret()]))
        with contextlib.suppress(LookupError):
            async with postgres_store.transaction() as tx:
                await tx.write(batch(1))
                raise LookupError
        await write(postgres_store, Changes(events=[event(uuid4())]))
        assert feeds.wait_for_rows(relay, PATIENCE_S)
        assert not feeds.wait_for_rows(relay, 0)


async def round_trips(store: PostgresStore, trace: Path, transaction: Transacting) -> int:
    """Return how often the server answers in a transaction, by libpq's trace, once in practice."""
    async with store.transaction() as tx:
        connection = tx._conn
    for _ in range(6):  # until statements are prepared
        await transaction()
    with trace.open("w+") as file:
        connection.pgconn.trace(file.fileno())
        await transaction()
        connection.pgconn.untrace()
        file.seek(0)
        return file.read().count("ReadyForQuery")


async def test_the_transaction_of_a_small_batch_takes_three_round_trips(
    postgres_store: PostgresStore, tmp_path: Path
) -> None:
    async def commands() -> None:
        async with postgres_store.transaction() as tx:
            await tx.known_senders([uuid4()], [b"hash"])
            await tx.write(batch(1))

    async def results() -> None:
        async with postgres_store.transaction() as tx:
            await tx.known_recipients({"topic[0]"}, {uuid4()}, {b"hash"})
            await tx.write(batch(1))

    assert await round_trips(postgres_store, tmp_path / "trace", commands) == 3
    assert await round_trips(postgres_store, tmp_path / "trace", results) == 3


@pytest.mark.parametrize("messages", [1, 40])
async def test_small_and_large_batches_leave_the_same_rows(
    postgres_store: PostgresStore, conn: psycopg.Connection, messages: int
) -> None:
    changes = batch(messages)
    async with postgres_store.transaction() as tx:
        await tx.write(changes)
    async with postgres_store.transaction() as tx:
        events = await tx.read_events(0, 1000)
    assert [one.position for one in events] == list(range(1, len(changes.events) + 1))
    assert [(one.stream_id, one.version, one.type, one.data, one.metadata) for one in events] == [
        (one.stream_id, one.version, one.type, one.data, one.metadata) for one in changes.events
    ]
    query = "SELECT shard, topic, key, event_id, type, headers, value FROM outbox ORDER BY position"
    assert [(*row[:5], bytes(row[5]), bytes(row[6])) for row in conn.execute(query).fetchall()] == [
        (one.shard, one.topic, one.key, one.event_id, one.type, one.headers, one.value)
        for one in changes.outbox
    ]


async def test_events_are_never_changed(
    postgres_store: PostgresStore, conn: psycopg.Connection
) -> None:
    await write(postgres_store, batch(1))
    for statement in ("UPDATE events SET version = 9", "DELETE FROM events", "TRUNCATE events"):
        with pytest.raises(psycopg.errors.RaiseException):
            conn.execute(statement)


async def test_update_of_a_state_touches_no_index(
    postgres_store: PostgresStore, conn: psycopg.Connection
) -> None:
    # The database is counted since it was made, and another test may have had it.
    conn.execute("SELECT pg_stat_reset_single_table_counters('subject_states'::regclass)")
    stream_id = uuid4()
    for version in range(20):
        await write(postgres_store, Changes(states=[state(stream_id, version, version + 1)]))
    await postgres_store.close()  # its statistics are complete when the session has ended
    query = """
        SELECT n_tup_upd, n_tup_hot_upd FROM pg_stat_user_tables WHERE relname = 'subject_states'
    """
    await until(lambda: conn.execute(query).fetchone() == (19, 19))


async def test_no_table_holds_a_number_or_a_secret_in_the_clear(
    postgres_store: PostgresStore, hasher: SubjectHasher, conn: psycopg.Connection
) -> None:
    key = PartsKey("main", hasher.hash(NUMBER), "+79086228779", 1, 2)
    async with postgres_store.transaction() as tx:
        (subject_id,) = (await tx.subjects({key.number_hash: NUMBER})).values()
        await add_parts(tx, MessagePart(key, 1, CANARY.encode(), b"{}", NOON))
        changes = batch(1)
        changes.events.append(event(subject_id))
        changes.vault.append(secret(plaintext=CANARY.encode()))
        changes.dead_letters.append(DeadLetter("sms.mo.v1", 0, 1, "not JSON", CANARY.encode()))
        await tx.write(changes)
    for name in counts(conn):
        query = "COPY (SELECT * FROM {}) TO STDOUT (FORMAT binary)"
        dump = sql.SQL(query).format(sql.Identifier(name))
        with conn.cursor() as cursor, cursor.copy(dump) as copy:
            stored = b"".join(bytes(chunk) for chunk in copy)
        assert CANARY.encode() not in stored, name
        assert NUMBER[1:].encode() not in stored, name


async def test_another_vault_key_opens_neither_number_nor_secret(
    postgres_store: PostgresStore, hasher: SubjectHasher, database_url: str
) -> None:
    message_id = uuid4()
    async with postgres_store.transaction() as tx:
        (subject_id,) = (await tx.subjects({hasher.hash(NUMBER): NUMBER})).values()
        await tx.write(Changes(vault=[secret(message_id)]))
    claims = PostgresClaims(database_url, VaultCipher(bytes(32)))
    with pytest.raises(UnsealError) as caught:
        await claims.claim([ToClaim(message_id, subject_id)], "gateway-1")
    await claims.close()
    assert NUMBER not in str(caught.value)


@pytest.mark.parametrize("what", ["inbox", "json", "null byte", "number too large"])
async def test_error_of_the_database_shows_no_values(
    postgres_store: PostgresStore, what: str
) -> None:
    twice = inbox_row()
    hidden = str(twice.mo_id) if what == "inbox" else CANARY
    changes = {
        "inbox": Changes(inbox=[twice, twice]),
        "json": Changes(events=[event(uuid4(), data=f"{CANARY} {{".encode())]),
        "null byte": Changes(states=[state(uuid4(), 0, 1, f'"{CANARY}\0"'.encode())]),
        "number too large": Changes(states=[state(uuid4(), 0, 2**40, f'"{CANARY}"'.encode())]),
    }[what]
    with pytest.raises((Conflict, StoreDefect)) as caught:
        await write(postgres_store, changes)
    error = caught.value
    assert error.__cause__ is None
    assert error.__context__ is None
    assert hidden not in "".join(traceback.format_exception(error))


async def test_whoever_comes_second_learns_how_old_the_claim_is(
    database_url: str, cipher: VaultCipher
) -> None:
    pair = uuid4(), uuid4()
    claims = PostgresClaims(database_url, cipher)
    await claims.claim([ToClaim(*pair)], "gateway-1")
    with psycopg.connect(database_url) as conn:
        conn.execute("UPDATE mt_claims SET claimed_at = claimed_at - interval '1 hour'")
    [claimed] = await claims.claim([ToClaim(*pair)], "gateway-2")
    assert claimed.age_s == pytest.approx(3600, abs=60)
    again = await claims.reclaim(ToClaim(*pair), "gateway-2", per_hour=6)
    assert again is not None
    assert again.age_s == 0
    await claims.close()
