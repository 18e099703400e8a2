"""When a gateway counts as unable to send, and when as able again."""

import asyncio
from collections.abc import Callable
from typing import cast

import pytest

from inbound.gateway.ability import (
    CHECK_EVERY_S,
    FIRST_HOLD_S,
    LONGEST_HOLD_S,
    STEADY_S,
    UNABLE_AFTER_S,
    SendingAbility,
)
from inbound.gateway.sending_binds import SendingBinds
from inbound.store.errors import StoreUnavailable


class World:
    """Binds and reports by the time of a clock that only sleeping moves."""

    def __init__(self) -> None:
        self.now = 0.0
        self.up: Callable[[float], bool] = lambda _: True
        self.another: Callable[[float], bool] = lambda _: True
        self.down_since: float | None = None
        self.ability = SendingAbility(
            cast("SendingBinds", self), self.another_can, clock=lambda: self.now, sleep=self.sleep
        )

    def are_down(self, seconds: float) -> bool:
        if self.up(self.now):
            self.down_since = None
            return False
        if self.down_since is None:
            self.down_since = self.now
        return self.now - self.down_since >= seconds

    async def another_can(self) -> bool:
        return self.another(self.now)

    async def sleep(self, seconds: float) -> None:
        self.now += seconds
        assert self.now < 10_000, "it waits for ever"
        await asyncio.sleep(0)


@pytest.fixture
def world() -> World:
    return World()


async def test_a_gateway_joins_with_its_first_bind(world: World) -> None:
    world.up = lambda now: now >= 7
    await world.ability.gained()
    assert world.now == 7


async def test_it_is_unable_while_another_one_sends(world: World) -> None:
    world.up = lambda _: False
    await world.ability.lost()
    assert UNABLE_AFTER_S <= world.now <= 2 * UNABLE_AFTER_S + 2 * CHECK_EVERY_S


@pytest.mark.parametrize("failing", [False, True])
async def test_nobody_gives_work_up_without_another_that_sends(
    world: World, *, failing: bool
) -> None:
    def another(now: float) -> bool:
        if now < 100 and failing:
            raise StoreUnavailable("the database is down")
        return now >= 100

    world.up, world.another = lambda _: False, another
    await world.ability.lost()
    assert world.now >= 100 + UNABLE_AFTER_S


async def test_a_short_loss_of_the_bind_changes_nothing(world: World) -> None:
    world.up = lambda now: now % (UNABLE_AFTER_S + 1) > UNABLE_AFTER_S and now < 1000
    await world.ability.lost()
    assert world.now >= 1000


async def test_a_bind_that_goes_up_and_down_is_trusted_later_each_time(world: World) -> None:
    held = []
    for _ in range(8):
        world.up = lambda _: True
        before = world.now
        await world.ability.gained()
        held.append(world.now - before)
        world.up = lambda _: False
        await world.ability.lost()
    assert held[:4] == [0, FIRST_HOLD_S, 2 * FIRST_HOLD_S, 4 * FIRST_HOLD_S]
    assert held[-1] == LONGEST_HOLD_S
    world.up = lambda _: True
    await world.ability.gained()
    world.now += STEADY_S
    world.up = lambda _: False
    await world.ability.lost()
    world.up = lambda _: True
    before = world.now
    await world.ability.gained()
    assert world.now - before == FIRST_HOLD_S
