"""Registrations above a ceiling are held, with any number of workers; each hold ends once."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import timedelta
from itertools import count
from uuid import UUID

import psycopg
import pytest

from inbound.directory.port import Registration
from inbound.erasure.eraser import Eraser
from inbound.handlers.policies import Policies
from inbound.handlers.registrations import Operator
from inbound.keys import VaultCipher
from inbound.registrations.holds import Holds, HoldSettings
from inbound.store.bind_reports import BindReport, BindReports
from inbound.store.registrations import status
from inbound.store.registrations.rows import HoldSelection
from inbound.store.retention_sweep import sweep_vault
from inbound.store.transactions.port import Store
from inbound.store.transactions.postgres import PostgresStore
from schemas.messages import MobileTerminated, Purpose
from tests.fix_store import VAULT_KEY
from tests.integration.streams.world import Backend, PostgresBackend, World

CEILING = 5
RULES = Policies(registrations_per_minute=CEILING, registrations_per_hour=0)
ANNA = Operator("anna", "they called us")
EVERYTHING = HoldSelection(limit=7)


def numbers(how_many: int, first: int = 0) -> list[str]:
    return [f"+7916{n:07d}" for n in range(first, first + how_many)]


def crowd(backend: Backend, rules: Policies = RULES, clients: int = 40) -> World:
    world = World(backend, rules)
    world.clients |= {
        number: Registration(f"C-{number}", "1", "login", "password") for number in numbers(clients)
    }
    return world


def holds(world: World, store: Store | None = None) -> Holds:
    settings = HoldSettings(world.names, timedelta(hours=24))
    return Holds(store or world.store, settings, clock=lambda: world.now)


def fulfilments(messages: Sequence[MobileTerminated]) -> Counter[str]:
    return Counter(one.template for one in messages if one.purpose is Purpose.FULFILMENT)


async def ask(world: World, texts: Sequence[str]) -> None:
    """Each number asks, and the centre takes every acknowledgement."""
    before = len(world.owed())
    await world.commands([world.text("CLIENT info", number) for number in texts])
    await world.submitted(*world.owed()[before:])


async def counted(world: World) -> Counter[str]:
    return Counter(await world.types())


async def test_a_batch_is_held_above_the_ceiling_and_released_once(backend: Backend) -> None:
    world = crowd(backend)
    await ask(world, numbers(30))
    assert (await counted(world))["registration.held"] == 25
    assert fulfilments(world.owed()) == {"registration": CEILING}
    assert sum(one.purpose is Purpose.ACKNOWLEDGEMENT for one in world.owed()) == 30
    released = 0
    while ended := await holds(world).release(EVERYTHING, ANNA):
        released += ended
    assert released == 25
    assert fulfilments(world.owed()) == {"registration": 30}
    await world.submitted(*(o for o in world.owed() if o.purpose is Purpose.FULFILMENT))
    assert (await counted(world))["request.completed"] == 30
    assert world.backend.counts()["vault"] == 0


async def test_a_ceiling_of_one_centre_leaves_room_for_another(backend: Backend) -> None:
    rules = Policies(
        registrations_per_minute=0, registrations_per_hour=0, registrations_per_centre_hour=CEILING
    )
    world = crowd(backend, rules)
    await world.commands([world.text("CLIENT info", number) for number in numbers(20)])
    assert (await counted(world))["registration.held"] == 15
    others = [world.text("CLIENT info", number, centre="other") for number in numbers(4, 20)]
    await world.commands(others)
    assert (await counted(world))["registration.held"] == 15


async def test_a_centre_leaves_others_half_of_the_ceiling_of_all(backend: Backend) -> None:
    rules = Policies(registrations_per_minute=10, registrations_per_hour=10)
    world = crowd(backend, rules)
    await world.commands([world.text("CLIENT info", number) for number in numbers(1, 39)])
    others = [world.text("CLIENT info", one, centre="other") for one in numbers(20)]
    await world.commands(others)
    assert (await counted(world))["registration.held"] == 15
    await world.commands([world.text("CLIENT info", number) for number in numbers(6, 20)])
    assert (await counted(world))["registration.held"] == 15 + 2


async def test_a_centre_that_has_a_bind_counts_before_its_first_text(
    postgres_backend: PostgresBackend,
) -> None:
    reports = BindReports(postgres_backend.url)
    for centre in ("main", "other"):
        report = BindReport("account", centre, "gateway-1", sends=True, state={"centre": centre})
        await reports.report(report, timedelta(seconds=10))
    await reports.close()
    world = crowd(postgres_backend, Policies(registrations_per_minute=10))
    await world.commands([world.text("CLIENT info", number) for number in numbers(20)])
    assert (await counted(world))["registration.held"] == 15


async def test_a_repeated_batch_counts_once(backend: Backend) -> None:
    world = crowd(backend)
    world.store.failures = 1
    batch = [world.text("CLIENT info", number) for number in numbers(3)]
    await world.commands(batch)
    await world.commands(batch)  # Kafka delivers it again
    await ask(world, numbers(2, 10))
    assert "registration.held" not in await world.types()
    await ask(world, numbers(1, 20))
    assert (await counted(world))["registration.held"] == 1


async def test_refused_requests_get_a_text_without_secrets(backend: Backend) -> None:
    world = crowd(backend)
    await ask(world, numbers(7))
    assert await holds(world).refuse(EVERYTHING, ANNA) == 2
    refused = [one for one in world.owed() if one.template == "registration_refused"]
    assert [one.secret for one in refused] == [False, False]
    await world.submitted(*(o for o in world.owed() if o.purpose is Purpose.FULFILMENT))
    completions = Counter(
        json.loads(event.data)["completion"]
        for event in await world.events()
        if event.type == "request.completed"
    )
    assert completions == {"fulfilled": CEILING, "refused": 2}
    assert world.backend.counts()["vault"] == 0
    assert await holds(world).release(EVERYTHING, ANNA) == 0


async def test_a_release_before_the_acknowledgement_sends_once(backend: Backend) -> None:
    world = crowd(backend)
    await world.commands([world.text("CLIENT info", number) for number in numbers(6)])
    assert await holds(world).release(EVERYTHING, ANNA) == 1
    assert fulfilments(world.owed()) == {}
    await world.submitted(*world.owed())
    assert fulfilments(world.owed()) == {"registration": 6}


async def test_a_named_request_alone_is_released(backend: Backend) -> None:
    world = crowd(backend)
    await ask(world, numbers(8))
    held = [e for e in await world.events() if e.type == "registration.held"]
    named = HoldSelection(request_ids=(UUID(json.loads(held[1].data)["request_id"]),))
    assert await holds(world).release(named, ANNA) == 1
    assert await holds(world).release(named, ANNA) == 0
    assert fulfilments(world.owed()) == {"registration": CEILING + 1}


async def test_an_erased_person_leaves_no_hold(backend: Backend) -> None:
    world = crowd(backend)
    await ask(world, numbers(6))
    eraser = Eraser(world.store, world.hasher, clock=lambda: world.now)
    assert await eraser.erase(numbers(6)[-1], actor="anna", reason="asked") is not None
    assert await holds(world).release(EVERYTHING, ANNA) == 0
    assert (await world.types())[-3:] == [
        "person.erased",
        "registration.refused",
        "request.completed",
    ]


# -- what only a database has ------------------------------------------------------------------


async def test_a_secret_outlives_its_hold_and_an_expired_hold_is_refused(
    postgres_backend: PostgresBackend,
) -> None:
    world = crowd(postgres_backend)
    await ask(world, numbers(6))
    assert await holds(world).expire() == 0
    world.now += timedelta(hours=72)
    with psycopg.connect(postgres_backend.url, autocommit=True) as connection:
        sweep_vault(connection, world.now)
    assert len(postgres_backend.vault()) == 1
    assert await holds(world).expire() == 1
    assert postgres_backend.vault() == set()
    assert fulfilments(world.owed())["registration_refused"] == 1


@pytest.fixture
async def new_store(postgres_backend: PostgresBackend) -> AsyncIterator[Callable[[], Store]]:
    stores: list[PostgresStore] = []

    def make() -> Store:
        stores.append(PostgresStore(postgres_backend.url, VaultCipher(VAULT_KEY)))
        return stores[-1]

    yield make
    for store in stores:
        await store.close()


async def test_workers_together_keep_to_the_ceiling(
    postgres_backend: PostgresBackend, new_store: Callable[[], Store]
) -> None:
    workers = []
    for n in range(3):
        store = new_store()
        assert isinstance(store, PostgresStore)
        worker = crowd(PostgresBackend(store, postgres_backend.url))
        worker._ids = count(1 + n * 1000)
        workers.append(worker)
    batches = [
        [worker.text("CLIENT info", number) for number in numbers(4, 10 * n + 4 * b)]
        for n, worker in enumerate(workers)
        for b in range(2)
    ]
    turns = [worker for worker in workers for _ in range(2)]
    await asyncio.gather(
        *(worker.commands(batch) for worker, batch in zip(turns, batches, strict=True))
    )
    types = await counted(workers[0])
    assert (types["request.accepted"], types["registration.held"]) == (24, 24 - CEILING)


async def test_commands_that_release_together_send_each_once(
    postgres_backend: PostgresBackend, new_store: Callable[[], Store]
) -> None:
    world = crowd(postgres_backend)
    await ask(world, numbers(35))

    async def release() -> int:
        ended, mine = 0, holds(world, new_store())
        while got := await mine.release(EVERYTHING, ANNA):
            ended += got
        return ended

    assert sum(await asyncio.gather(release(), release(), release())) == 30
    assert fulfilments(world.owed()) == {"registration": 35}
    ids = [one.message_id for one in world.owed()]
    assert len(ids) == len(set(ids))


async def test_a_release_that_fails_at_its_commit_sends_once(
    postgres_backend: PostgresBackend,
) -> None:
    world = crowd(postgres_backend)
    await ask(world, numbers(8))
    world.store.failures = 1
    assert await holds(world).release(EVERYTHING, ANNA) == 3
    assert fulfilments(world.owed()) == {"registration": 8}
    with psycopg.connect(postgres_backend.url) as connection:
        query = "SELECT actor, action, reason, count(*) FROM audit GROUP BY 1, 2, 3"
        entries = connection.execute(query).fetchall()
    assert entries == [("anna", "release registration", "they called us", 3)]


async def test_the_switch_holds_everything_at_once_and_is_audited(
    postgres_backend: PostgresBackend,
) -> None:
    world = crowd(postgres_backend)
    with psycopg.connect(postgres_backend.url, autocommit=True) as connection:
        assert status.set_switch(connection, off=True, actor="anna", reason="an attack")
        assert not status.set_switch(connection, off=True, actor="anna", reason="an attack")
        await ask(world, numbers(2))
        found = status.find_status(connection)
        assert (found.off, found.held, found.changed_by) == (True, 2, "anna")
        assert [one.reason for one in status.list_held(connection, 10)] == ["switched_off"] * 2
        assert status.set_switch(connection, off=False, actor="anna", reason="it is over")
        await ask(world, numbers(2, 10))
        assert status.find_used(connection).minute == 2
        assert status.find_status(connection).held == 2
        actions = connection.execute("SELECT action FROM audit ORDER BY id").fetchall()
    assert actions == [("registrations off",), ("registrations on",)]
