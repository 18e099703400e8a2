"""Erasing a person: nothing that names them stays, and the log is what it was."""

import asyncio
import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from inbound.cli._client_import import run_import
from inbound.directory.port import Registration
from inbound.erasure.eraser import CommittedErasure, Eraser
from inbound.handlers.state import SubjectState, evolve, stored_state
from inbound.kafka.decoding import TopicRecord
from inbound.keys import VaultCipher
from inbound.orders.dispatch import Dispatcher
from inbound.outbox.shards import SHARDS
from inbound.store.connections import connect
from inbound.store.outbox import feeds
from inbound.store.people.erasure import erasures
from inbound.store.people.rows import ErasedRows
from inbound.store.transactions.postgres import PostgresStore
from inbound.terminal import Terminal
from schemas.messages import Outcome, Part
from schemas.orders import OrderState
from schemas.upcasters import read_event
from tests.fix_orders import CLIENT, NOON, intake_on, order
from tests.fix_store import SUBJECT_KEY, VAULT_KEY
from tests.integration.streams.world import (
    CODE,
    LOGIN,
    NUMBER,
    PASSWORD,
    STRANGER,
    Backend,
    PostgresBackend,
    World,
    by_purpose,
)

REASON = "asked for it in writing"


async def erase(world: World, number: str = NUMBER) -> CommittedErasure | None:
    eraser = Eraser(world.store, world.hasher, clock=lambda: world.now)
    return await eraser.erase(number, actor="anna", reason=REASON)


async def run_through(world: World, text: str = "CLIENT info", source: str = NUMBER) -> None:
    before = len(world.owed())
    await world.commands([world.text(text, source)])
    for place in (before, before + 1):
        result = world.result(
            world.owed()[place],
            Outcome.SUBMITTED,
            key=world.hasher.hash(source).hex(),
            parts=({"status": 0, "smsc_message_id": f"a{place}"},),
        )
        await world.delivery([world.results(result)])


async def test_a_second_text_starts_as_a_stranger(world: World) -> None:
    await run_through(world, "CLIENT sms stop")
    before = await world.events()
    done = await erase(world)
    assert done is not None
    assert (done.subject_id, done.open_requests) == (before[0].stream_id, 0)
    assert done.removed == ErasedRows(subjects=1, sent=2)
    await run_through(world, "CLIENT sms stop")
    events = await world.events()
    assert events[: len(before)] == before
    erased, *after = events[len(before) :]
    assert (erased.type, erased.stream_id) == ("person.erased", done.subject_id)
    assert json.loads(erased.data) == {"at": "2024-05-17T12:00:00Z"}
    assert json.loads(erased.metadata) == {}
    # Neither what was off is off nor is it a repetition: nothing is remembered.
    assert [event.type for event in after][:2] == ["request.accepted", "subscription.stopped"]
    assert {event.stream_id for event in after}.isdisjoint({done.subject_id})


async def test_states_are_still_the_fold_of_the_log(world: World) -> None:
    await run_through(world, "CLIENT sms stop")
    await world.commands([world.text("CLIENT sms start")])
    done = await erase(world)
    assert done is not None
    assert done.subject_id is not None
    async with world.backend.store.transaction() as transaction:
        stored = (await transaction.states([done.subject_id]))[done.subject_id]
        stream = (await transaction.load_streams([done.subject_id]))[done.subject_id]
    state = SubjectState()
    for event in stream:
        state = evolve(state, read_event(event.type, event.schema_version, event.data))
    assert stored_state(stored.state_version, stored.state) == state
    assert stored.version == len(stream) == stream[-1].version


async def test_texts_of_orders_go_and_scheduled_ones_end(world: World) -> None:
    """Queued ones end with the result of their message; events of ended ones stay."""
    intake = intake_on(world.backend.store)
    later = NOON + timedelta(days=1)
    orders = [order(), order(text="another"), order(text="a third", not_before=later)]
    queued, sent, scheduled = [placed.order_id for placed in await intake.place(orders)]
    before = await world.events()
    done = await erase(world, CLIENT)
    assert done is not None
    assert (done.removed.texts, done.removed.orders) == (3, 1)
    assert (done.open_requests, done.open_orders) == (0, 2)
    assert (await world.events())[: len(before)] == before
    async with world.backend.store.transaction() as tx:
        rows = await tx.orders([queued, sent, scheduled])
        due = await tx.due_orders(later + timedelta(days=1), 10)
    assert {id_: rows[id_].state for id_ in rows} == {
        queued: OrderState.QUEUED,
        sent: OrderState.QUEUED,
        scheduled: OrderState.ERASED,
    }
    assert due == []
    await Dispatcher(
        world.backend.store, world.hasher, world.names, sender="SCSERV", clock=lambda: later
    ).dispatch_due()
    message = next(one for one in world.owed() if one.order_id == queued)
    await world.delivery([world.results(world.result(message, Outcome.ERASED))])
    async with world.backend.store.transaction() as tx:
        assert (await tx.orders([queued]))[queued].state is OrderState.ERASED
    assert (await world.types())[-2:] == ["person.erased", "message.erased"]


async def test_somebody_unknown_leaves_no_trace(world: World) -> None:
    await run_through(world)
    before = await world.everything()
    assert await erase(world, STRANGER) is None
    assert await world.everything() == before


async def test_twice_is_once(world: World) -> None:
    await run_through(world)
    assert await erase(world) is not None
    before = await world.everything()
    assert await erase(world) is None
    assert await world.everything() == before


# -- what is under way ---------------------------------------------------------------------------


async def test_an_open_request_ends_and_its_secret_is_gone_at_once(
    world: World, backend: Backend
) -> None:
    await world.commands([world.text("CLIENT info")])
    [acknowledgement] = world.owed()
    assert backend.vault()
    done = await erase(world)
    assert done is not None
    assert (done.open_requests, done.removed.secrets) == (1, 1)
    assert backend.vault() == set()
    # What the gateway says when it meets the messages and finds no number.
    await world.delivery([world.results(world.result(acknowledgement, Outcome.ERASED))])
    assert by_purpose(world.owed()) == ["acknowledgement", "fulfilment"]
    await world.delivery([world.results(world.result(world.owed()[1], Outcome.ERASED))])
    types = await world.types()
    assert types == [
        "request.accepted",
        "person.erased",
        "message.erased",
        "acknowledgement.late",
        "message.erased",
        "request.completed",
    ]
    assert json.loads((await world.events())[-1].data)["completion"] == "undelivered"


async def test_what_the_centre_has_ends_as_the_centre_says(world: World) -> None:
    await world.commands([world.text("CLIENT sms stop")])
    [acknowledgement] = world.owed()
    assert await erase(world) is not None
    await world.submitted(acknowledgement)
    await world.submitted(world.owed()[1])
    types = await world.types()
    assert types[2:] == ["person.erased", *["message.submitted"] * 2, "request.completed"]
    assert json.loads((await world.events())[-1].data)["completion"] == "fulfilled"


async def test_a_receipt_after_the_erasure_is_nobodys(world: World, backend: Backend) -> None:
    await run_through(world)
    await erase(world)
    before = await world.events()
    await world.delivery([world.receipts(world.receipt("a0"))])
    assert await world.events() == before
    assert backend.for_receipts() == {"sent": 0, "early": 0}


async def test_a_worker_that_decides_at_the_same_moment_decides_again(
    postgres_world: World, postgres_backend: PostgresBackend, cipher: VaultCipher
) -> None:
    """Whoever is second meets what the first has done, whichever it is."""
    world, url = postgres_world, postgres_backend.url
    operator = World(PostgresBackend(PostgresStore(url, cipher), url))
    for _ in range(20):
        await world.commands([world.text("CLIENT sms stop", at=world.now)])
        world.now += timedelta(hours=1)
        async with asyncio.TaskGroup() as both:
            both.create_task(world.commands([world.text("CLIENT sms start", at=world.now)]))
            both.create_task(erase(operator))
        world.now += timedelta(hours=1)
        events = await world.events()
        [erased] = [e.position for e in events if e.type == "person.erased"][-1:]
        [started] = [e.position for e in events if e.type == "request.accepted"][-1:]
        subject = events[erased - 1].stream_id
        assert (events[started - 1].stream_id == subject) == (started < erased)
        assert [e.version for e in events if e.stream_id == subject] == list(
            range(1, sum(e.stream_id == subject for e in events) + 1)
        )
        await erase(world)
    await operator.store.close()


async def test_a_conflict_is_tried_again(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    await run_through(world)
    world.store.failures = 2
    assert await erase(world) is not None
    assert (await world.types()).count("person.erased") == 1


# -- everything that there may be ----------------------------------------------------------------


@pytest.fixture
def conn(postgres_backend: PostgresBackend) -> Iterator[psycopg.Connection]:
    with connect(postgres_backend.url, "tests") as conn:
        yield conn


async def full_life(world: World, url: str, folder: Path, number: str) -> None:
    """Leave a row of this number in every table that may have one."""
    path = folder / f"{number}.csv"
    one = world.clients[number]
    fields = (number, one.client_id, one.personal_code, one.login, one.password)
    path.write_text(f"msisdn,client_id,personal_code,login,password\n{','.join(fields)}\n")
    assert run_import(path, url, SUBJECT_KEY, VAULT_KEY, Terminal(quiet=True)) == 0
    key = world.hasher.hash(number).hex()
    await run_through(world, source=number)
    world.now += timedelta(hours=1)
    await world.commands([world.text("CLIENT info", number)])
    await world.delivery([world.receipts(world.receipt("early", number=number))])
    part = Part(reference=7, total=2, sequence=1)
    await world.commands([world.text("CLIENT sms ", number, part=part)])
    await world.commands([world.text("what?", number)])
    garbage = TopicRecord(world.names.mo, 0, int(number[-5:]), key.encode(), b"garbage")
    results = f'{{"source": "{number}"'.encode()
    nobodys = TopicRecord(world.names.receipts, 0, int(number[-5:]), None, results)
    await world.commands([garbage])
    await world.delivery([nobodys])


TABLES = {
    *(
        "subjects",
        "clients",
        "mo_parts",
        "rejected_mos",
        "smsc_messages",
        "early_receipts",
        "vault",
    ),
    *("dead_letters", "outbox"),
}


async def test_nothing_that_names_the_person_stays_and_nothing_of_others_goes(
    postgres_world: World,
    postgres_backend: PostgresBackend,
    conn: psycopg.Connection,
    tmp_path: Path,
) -> None:
    world, url = postgres_world, postgres_backend.url
    world.clients[STRANGER] = Registration("C-2", "4321", "petrov", "5e6f")
    await full_life(world, url, tmp_path, STRANGER)
    others = counts(conn)
    assert {table for table in TABLES if others[table]} == TABLES, "the test has lost a table"
    await full_life(world, url, tmp_path, NUMBER)
    for shard in range(SHARDS):
        feeds.advance_cursors(conn, {feeds.Shard(feeds.OUTBOX, shard): 10_000})
    log = (await world.events())[:]

    done = await erase(world)

    assert done is not None
    assert done.open_requests == 1
    removed = done.removed
    assert (removed.subjects, removed.clients, removed.parts) == (1, 1, 1)
    assert (removed.rejected_mos, removed.sent, removed.early) == (1, 2, 1)
    assert (removed.secrets, removed.dead_letters) == (1, 2)
    assert removed.published == 3
    after = counts(conn)
    # The outbox of the other was relayed too, and stays.
    assert {table: after[table] for table in TABLES} == {t: others[t] for t in TABLES}
    assert (await world.events())[: len(log)] == log
    hash_ = world.hasher.hash(NUMBER)
    for needle in (NUMBER[1:], hash_.hex(), CODE, LOGIN, PASSWORD):
        assert found(conn, needle.encode()) == []
    assert found(conn, hash_) == []
    assert conn.execute("SELECT rows FROM dead_letter_usage").fetchone() == (after["dead_letters"],)


async def test_the_record_says_how_much_and_names_nobody(
    postgres_world: World, postgres_backend: PostgresBackend, conn: psycopg.Connection
) -> None:
    await run_through(postgres_world)
    done = await erase(postgres_world)
    assert done is not None
    [record] = erasures(conn, limit=10)
    assert (record.id, record.actor, record.reason) == (done.record, "anna", REASON)
    assert record.subject_id == done.subject_id
    assert json.loads(record.removed) == {"subjects": 1, "sent": 2}
    audited = conn.execute("SELECT actor, action, subject_id, reason FROM audit").fetchall()
    assert audited == [("anna", "erase", done.subject_id, REASON)]
    for table in ("erasures", "audit"):
        with pytest.raises(psycopg.errors.RaiseException):
            conn.execute(sql.SQL("DELETE FROM {}").format(sql.Identifier(table)))


async def test_notes_of_a_stranger_go_without_an_event(
    postgres_world: World, conn: psycopg.Connection
) -> None:
    world = postgres_world
    await world.commands([world.text("what?", STRANGER)])
    done = await erase(world, STRANGER)
    assert done is not None
    assert (done.subject_id, done.removed) == (None, ErasedRows(rejected_mos=1))
    assert await world.events() == []
    assert len(erasures(conn, limit=10)) == 1


def counts(conn: psycopg.Connection) -> dict[str, int]:
    return {table: len(rows(conn, table)) for table in TABLES}


def rows(conn: psycopg.Connection, table: str) -> list[tuple[object, ...]]:
    return conn.execute(sql.SQL("SELECT * FROM {}").format(sql.Identifier(table))).fetchall()


def found(conn: psycopg.Connection, needle: bytes) -> list[str]:
    """Return the tables in which something stands, in the clear."""
    tables = conn.execute(
        "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
    ).fetchall()
    return [
        table
        for (table,) in tables
        if any(
            needle in (value if isinstance(value, bytes) else repr(value).encode())
            for row in rows(conn, table)
            for value in row
        )
    ]
