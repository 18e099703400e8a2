"""Loops run side by side, survive outages, and finish what they began."""

import asyncio

import pytest

from inbound.errors import RetryableError
from inbound.ops.health import Health
from inbound.scheduler.loops import Scheduler


class Steady:
    """Runs until it is told to stop, and then takes a moment."""

    def __init__(self) -> None:
        self.began = asyncio.Event()
        self.finished = False

    async def run(self, stop: asyncio.Event) -> None:
        self.began.set()
        await stop.wait()
        await asyncio.sleep(0)
        self.finished = True


class Failing:
    """Fails as often as `errors` says, then waits."""

    def __init__(self, *errors: Exception) -> None:
        self.errors = list(errors)
        self.recovered = asyncio.Event()

    async def run(self, stop: asyncio.Event) -> None:
        if self.errors:
            raise self.errors.pop()
        self.recovered.set()
        await stop.wait()


async def cancelled(running: "asyncio.Task[None]") -> None:
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running


async def test_each_loop_finishes_its_round_when_the_process_stops() -> None:
    loops = {"one": Steady(), "two": Steady()}
    running = asyncio.create_task(Scheduler(loops, Health()).run())
    for loop in loops.values():
        await loop.began.wait()
    await cancelled(running)
    assert all(loop.finished for loop in loops.values())


async def test_an_outage_of_one_loop_is_reported_and_stops_no_other() -> None:
    health, steady = Health(), Steady()
    failing = Failing(RetryableError("the database is away"))
    running = asyncio.create_task(Scheduler({"bad": failing, "good": steady}, health).run())
    await steady.began.wait()
    await failing.recovered.wait()
    assert health.ready().reasons == ["bad: the database is away"]
    await cancelled(running)
    assert steady.finished


async def test_a_bug_ends_the_process() -> None:
    steady = Steady()
    with pytest.raises(ValueError, match="a bug"):
        await Scheduler({"bad": Failing(ValueError("a bug")), "good": steady}, Health()).run()
    assert steady.finished
