"""Loops run side by side, survive outages, and finish what they began."""

import asyncio
import logging

import pytest

from inbound.errors import RetryableError
from inbound.ops.health import Health
from inbound.scheduler.loops import LoopHealth, Scheduler
from tests.patience import PATIENCE_S


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


class Reporting:
    """Fails once, and then reports that it works."""

    def __init__(self, report: LoopHealth) -> None:
        self.report = report
        self.has_failed = False
        self.works = asyncio.Event()

    async def run(self, stop: asyncio.Event) -> None:
        if not self.has_failed:
            self.has_failed = True
            raise RetryableError("the database is away")
        self.report.works()
        self.works.set()
        await stop.wait()


async def test_begin_and_end_of_an_outage_are_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    health = Health()
    report = LoopHealth(health, "broadcasts")
    loop = Reporting(report)
    scheduler = Scheduler({"broadcasts": loop}, health, {"broadcasts": report})
    running = asyncio.create_task(scheduler.run())
    async with asyncio.timeout(PATIENCE_S):
        await loop.works.wait()
    await cancelled(running)
    assert caplog.messages == [
        "broadcasts wait: the database is away",
        "the database can be reached again: broadcasts continue",
    ]


async def test_a_bug_ends_the_process() -> None:
    steady = Steady()
    with pytest.raises(ValueError, match="a bug"):
        await Scheduler({"bad": Failing(ValueError("a bug")), "good": steady}, Health()).run()
    assert steady.finished
