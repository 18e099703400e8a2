"""Parts of long texts are joined, whatever comes between them."""

import json
from datetime import timedelta

import psycopg
import pytest

from inbound.store import retention_sweep
from tests.fix_store import NOON
from tests.integration.streams.world import (
    FEDERAL,
    Backend,
    PostgresBackend,
    World,
    by_purpose,
)


async def test_parts_in_two_batches_make_one_request(world: World, backend: Backend) -> None:
    second = world.part(2, "stop")
    await world.commands([second])
    assert backend.counts()["parts"] == 1
    assert await world.events() == []
    world.now += timedelta(seconds=3)
    first = world.part(1, "CLIENT sms ")
    await world.commands([first])
    assert backend.counts()["parts"] == 0
    [accepted, _] = await world.events()
    data = json.loads(accepted.data)
    assert data["parts"] == 2
    assert data["arrived_at"] == "2024-05-17T12:00:03Z"
    assert data["arrival"] == {
        "our_number": FEDERAL,
        "esm_class": 0,
        "alphabet": "gsm0338",
        "octets": len("CLIENT sms stop"),
        "sequences": [2, 1],
        "first_part_at": "2024-05-17T12:00:00Z",
    }
    before = await world.everything()
    await world.commands([second, first])
    assert await world.everything() == before


@pytest.mark.parametrize("again", [1, 2])
@pytest.mark.parametrize("order", [(1, 2), (2, 1)])
async def test_a_part_that_was_delivered_again_is_not_mixed_into_another_text(
    world: World, again: int, order: tuple[int, int]
) -> None:
    info = {1: "CLIE", 2: "NT info"}
    for sequence in (1, 2, again):
        await world.commands([world.part(sequence, info[sequence])])
    world.now += timedelta(minutes=6)  # and the phone is at the same reference once more
    stop = {1: "CLIE", 2: "NT sms stop"}
    for sequence in order:
        await world.commands([world.part(sequence, stop[sequence])])
    accepted = [e for e in await world.events() if e.type == "request.accepted"]
    assert [json.loads(e.data)["command"] for e in accepted] == ["client_info", "sms_stop"]


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
async def test_parts_over_two_binds_of_a_centre_are_joined(
    world: World, backend: Backend, order: tuple[int, int]
) -> None:
    parts = [
        world.part(1, "CLIENT sms ", bind="main-1", gateway="a", destination="+79086228779"),
        world.part(2, "stop", bind="main-2", gateway="b", destination="89086228779"),
    ]
    for index in order:
        await world.commands([parts[index]])
    [accepted, _] = await world.events()
    assert json.loads(accepted.data)["command"] == "sms_stop"
    assert backend.counts()["parts"] == 0


async def test_parts_from_two_centres_are_two_texts(world: World, backend: Backend) -> None:
    """Two centres may give the same reference to two texts of one phone."""
    await world.commands([world.part(1, "CLIENT sms ", centre="north")])
    await world.commands([world.part(2, "stop", centre="south")])
    assert await world.events() == []
    assert backend.counts()["parts"] == 2


async def test_a_part_that_comes_again_over_another_bind_is_kept_once(
    world: World, backend: Backend
) -> None:
    await world.commands([world.part(1, "CLIENT sms ", bind="main-1")])
    await world.commands([world.part(1, "CLIENT sms ", bind="main-2")])
    assert backend.counts()["parts"] == 1
    await world.commands([world.part(2, "stop", bind="main-1")])
    assert by_purpose(world.owed()) == ["acknowledgement"]


async def test_parts_may_come_far_apart(world: World, backend: Backend) -> None:
    await world.commands([world.part(1, "CLIENT sms ")])
    world.now += timedelta(minutes=20)  # the other one was refused in an outage
    await world.commands([world.part(2, "start")])
    assert by_purpose(world.owed()) == ["acknowledgement"]
    assert backend.counts()["parts"] == 0


async def test_a_commit_that_fails_with_a_part_loses_none(world: World, backend: Backend) -> None:
    world.store.failures = 1
    await world.commands([world.part(1, "CLIENT sms ")])
    world.store.failures = 1
    await world.commands([world.part(2, "start")])
    assert backend.counts()["parts"] == 0
    assert by_purpose(world.owed()) == ["acknowledgement"]


async def test_parts_that_wait_in_vain_are_swept(
    postgres_world: World, postgres_backend: PostgresBackend
) -> None:
    world, backend = postgres_world, postgres_backend
    await world.commands([world.part(1, "CLIENT ")])
    world.now += timedelta(minutes=29)
    await world.commands([world.part(1, "CLIENT ", reference=8)])
    with psycopg.connect(backend.url, autocommit=True) as connection:
        connection.execute("UPDATE mo_parts SET stored_at = received_at")
        assert retention_sweep.sweep_parts(connection, world.now + timedelta(minutes=2), 30) == 1
    assert backend.counts()["parts"] == 1
    [rejected] = backend.rejected_mos()
    assert (rejected.key.kind, rejected.first_at, rejected.count) == ("incomplete", NOON, 1)
    # The other half of what was swept comes too late, and is no command.
    await world.commands([world.part(2, "info")])
    assert await world.events() == []
