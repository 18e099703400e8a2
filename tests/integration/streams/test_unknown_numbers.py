"""A flood of commands from numbers that are no client's is answered up to a ceiling."""

import asyncio
from collections import Counter
from itertools import count

from inbound.handlers.policies import Policies
from inbound.handlers.state import read_state
from inbound.keys import VaultCipher
from inbound.store.transactions.postgres import PostgresStore
from tests.fix_store import VAULT_KEY
from tests.integration.streams.world import NUMBER, Backend, PostgresBackend, World

CEILING = 5
RULES = Policies(unknown_numbers_per_minute=CEILING, unknown_numbers_per_hour=0)


def strangers(how_many: int, first: int = 0) -> list[str]:
    return [f"+7999{n:07d}" for n in range(first, first + how_many)]


async def accepted(world: World) -> int:
    return Counter(await world.types())["request.accepted"]


async def test_strangers_beyond_the_ceiling_leave_nothing_but_a_count(backend: Backend) -> None:
    world = World(backend, RULES)
    for first in (0, 100):
        await world.commands([world.text("CLIENT info", one) for one in strangers(20, first)])
    assert await accepted(world) == CEILING
    assert world.backend.counts()["inbox"] == CEILING
    async with world.store.transaction() as transaction:
        hashes = [world.hasher.hash(one) for one in (*strangers(20), *strangers(20, 100))]
        assert len(await transaction.find_subjects(hashes)) == CEILING
    kinds = Counter(one.key.kind for one in world.backend.rejected_mos())
    assert kinds == {"unknown_number_ceiling": 40 - CEILING}


async def test_a_recipient_is_heard_whatever_other_strangers_text(backend: Backend) -> None:
    """Of people outside the directory the stop of one who was texted is never dropped."""
    world = World(backend, RULES)
    texted = strangers(3, 500)
    for number in texted:
        await world.ordered(number)
    flood = [world.text("CLIENT sms stop", one) for one in strangers(50)]
    stops = [world.text("CLIENT sms stop", one) for one in texted]
    asks = world.text("CLIENT info", texted[0])
    await world.commands([*flood, *stops, asks])
    types = Counter(await world.types())
    assert types["request.accepted"] == CEILING + len(texted)
    assert types["subscription.stopped"] == len(texted)
    async with world.store.transaction() as transaction:
        used = await transaction.unknown_numbers_used(lock=False)
        known = await transaction.find_subjects([world.hasher.hash(one) for one in texted])
        states = await transaction.states(known.values())
    assert used.hour == {"main": CEILING}
    assert [read_state(one.state).notifications_on for one in states.values()] == [False] * 3
    world.backend.spoil_states(lose=True)
    await world.commands([world.text("CLIENT sms start", one) for one in texted])
    assert Counter(await world.types())["subscription.started"] == len(texted)


async def test_clients_are_served_whatever_strangers_text(backend: Backend) -> None:
    world = World(backend, RULES)
    flood = [world.text("CLIENT sms stop", one) for one in strangers(50)]
    await world.commands([*flood, world.text("CLIENT info")])
    await world.commands([*flood, world.text("CLIENT sms stop")])
    async with world.store.transaction() as transaction:
        subject = (await transaction.find_subjects([world.hasher.hash(NUMBER)])).popitem()[1]
    types = Counter(event.type for event in await world.events() if event.stream_id == subject)
    assert types == {"request.accepted": 2, "subscription.stopped": 1}


async def test_a_copy_of_an_accepted_command_uses_no_room(backend: Backend) -> None:
    world = World(backend, RULES)
    batch = [world.text("CLIENT info", one) for one in strangers(CEILING - 1)]
    await world.commands(batch)
    await world.commands(batch)
    assert await accepted(world) == CEILING - 1
    await world.commands([world.text("CLIENT info", one) for one in strangers(3, 100)])
    assert await accepted(world) == CEILING


async def test_one_of_two_centres_gets_half(backend: Backend) -> None:
    world = World(backend, RULES)
    await world.commands([world.text("CLIENT info", *strangers(1), centre="other")])
    await world.commands([world.text("CLIENT info", one) for one in strangers(20, 100)])
    assert await accepted(world) == 1 + (CEILING + 1) // 2
    others = [world.text("CLIENT info", one, centre="other") for one in strangers(20, 200)]
    await world.commands(others)
    assert await accepted(world) == CEILING


async def test_workers_together_keep_to_the_ceiling(postgres_backend: PostgresBackend) -> None:
    stores = [PostgresStore(postgres_backend.url, VaultCipher(VAULT_KEY)) for _ in range(3)]
    workers = [World(PostgresBackend(store, postgres_backend.url), RULES) for store in stores]
    for n, worker in enumerate(workers):
        worker._ids = count(1 + n * 1000)
    await asyncio.gather(
        *(
            worker.commands(
                [worker.text("CLIENT info", one) for one in strangers(4, 1000 * n + 10 * b)]
            )
            for n, worker in enumerate(workers)
            for b in range(3)
        )
    )
    assert await accepted(workers[0]) == CEILING
    for store in stores:
        await store.close()
