"""MOs that make no request are noted, and never answered."""

from datetime import timedelta

from inbound.store.mo.rows import MoReading, RejectedMo, RejectedMoKey
from tests.integration.streams.world import (
    NUMBER,
    Backend,
    World,
)


async def test_what_is_no_command_leaves_no_row(world: World) -> None:
    before = await world.everything()
    await world.commands(
        [world.text(text) for text in ("hello", "CLIENT", "client info!", b"\xff\xfe", "")]
        + [world.text("CLIENT info", None)]
    )
    assert await world.everything() == before


def reading(octets: int) -> MoReading:
    return MoReading("main-1", 0, "gsm0338", octets)


async def test_a_miss_is_noted_once_a_number_kind_and_minute(
    world: World, backend: Backend
) -> None:
    await world.commands([world.text(text) for text in ("hello", "CLIENT  info", "you there?")])
    first, hash_ = world.now, world.hasher.hash(NUMBER)
    world.now += timedelta(seconds=59)
    await world.commands([world.text("hello again")])
    world.now += timedelta(seconds=1)
    await world.commands([world.text("hello"), world.text("hello", None)])
    noon = first.replace(second=0, microsecond=0)
    assert backend.rejected_mos() == [
        RejectedMo(RejectedMoKey(hash_, noon, "spacing"), first, first, 1, reading(12)),
        RejectedMo(
            RejectedMoKey(hash_, noon, "unknown"),
            first,
            first + timedelta(seconds=59),
            3,
            reading(11),
        ),
        RejectedMo(RejectedMoKey(hash_, world.now, "unknown"), world.now, world.now, 1, reading(5)),
    ]


async def test_commands_that_make_no_request_are_noted(world: World, backend: Backend) -> None:
    commands = ["CLIENT sms stop", "CLIENT sms start"]
    await world.commands([world.text(commands[n % 2]) for n in range(12)])
    await world.commands([world.text("CLIENT sms start"), world.text("CLIENT sms start")])
    kinds = {rejected.key.kind: rejected.count for rejected in backend.rejected_mos()}
    assert kinds == {"limited": 1, "duplicate": 3}


async def test_a_batch_that_comes_again_notes_no_command_twice(
    world: World, backend: Backend
) -> None:
    batch = [world.text("CLIENT info"), world.text("CLIENT info")]
    for _ in range(2):
        await world.commands(batch)
    assert [rejected.count for rejected in backend.rejected_mos()] == [1]


async def test_rejected_mos_are_not_recorded_when_turned_off(backend: Backend) -> None:
    world = World(backend, record_rejected=False)
    await world.commands([world.text("hello"), world.text("CLIENT info")])
    await world.commands([world.text("hello"), world.text("CLIENT info")])
    assert backend.rejected_mos() == []
