"""How each kind of fault strikes, and how it ends. Each heals by itself after its time."""

import asyncio
import signal
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from typing import Any, Final, cast

import psutil
import psycopg

from tests.chaos import stepped
from tests.chaos.plan import Planned
from tests.chaos.world import World, family, slow_commits
from tests.fix_service import Role

Strike = Callable[["Striker", Planned], Awaitable[None]]

AT_ONCE: Final = 4
"""Faults that last at the same time; the next one waits."""


class Striker:
    """Carries out a schedule against one world."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.struck: Counter[str] = Counter()
        self._room = asyncio.Semaphore(AT_ONCE)
        self._servers = {"kafka": asyncio.Lock(), "postgres": asyncio.Lock()}
        self._under_way: set[asyncio.Task[None]] = set()
        self._failed: list[BaseException] = []

    async def run(self, faults: Iterable[Planned], say: Callable[[Planned], None]) -> None:
        """Strike with each fault when it is due, and wait until all have ended."""
        for fault in faults:
            await asyncio.sleep(fault.pause_s)
            await self._room.acquire()
            if self._failed:
                break
            say(fault)
            task = asyncio.create_task(self._strike(fault))
            self._under_way.add(task)
            task.add_done_callback(self._under_way.discard)
        if self._under_way:
            await asyncio.wait(self._under_way)
        if self._failed:
            raise self._failed[0]

    async def _strike(self, fault: Planned) -> None:
        try:
            await _STRIKES[fault.kind](self, fault)
            self.struck[fault.kind] += 1
        except Exception as error:
            self._failed.append(error)
            raise
        finally:
            self._room.release()

    # -- processes --------------------------------------------------------------------

    async def kill(self, fault: Planned) -> None:
        """Kill a role; its supervisor starts it again."""
        if one := self.world.process(fault.target):
            one.kill()

    async def terminate(self, fault: Planned) -> None:
        """Ask a role to end."""
        if one := self.world.process(fault.target):
            one.terminate()

    async def suspend(self, fault: Planned) -> None:
        """Let a role stand still for a while."""
        if one := self.world.process(fault.target):
            await _suspended([psutil.Process(one.process.pid)], fault.lasts_s)

    async def rebalance(self, fault: Planned) -> None:
        """Let one more of a role join and leave again."""
        world = self.world
        one = await world.one_more(cast("Role", fault.target))
        await asyncio.sleep(fault.lasts_s)
        # Killed and started again meanwhile, it may be another one.
        if one not in world.running:
            found = world.process(f"{fault.target} 2")
            if found is None:
                return
            one = found
        world.running.remove(one)
        one.terminate()
        try:
            async with asyncio.timeout(15):
                await one.process.wait()
        except TimeoutError:
            one.kill()
            raise AssertionError(f"{one.role} did not end 15 s after SIGTERM") from None

    # -- servers ----------------------------------------------------------------------

    async def kill_server(self, fault: Planned) -> None:
        """Kill a server and start it again after a while."""
        server = self.world.kafka if fault.target == "kafka" else self.world.postgres
        async with self._servers[fault.target]:
            await asyncio.to_thread(server.kill)
            await asyncio.sleep(fault.lasts_s)
            await asyncio.to_thread(server.start)

    async def suspend_server(self, fault: Planned) -> None:
        """Let a server stand still, every process of it."""
        server = self.world.kafka if fault.target == "kafka" else self.world.postgres
        async with self._servers[fault.target]:
            await _suspended(family(server.pid or 0), fault.lasts_s)

    async def slow_disk(self, fault: Planned) -> None:
        """Let every commit of PostgreSQL take a tenth of a second longer."""
        async with self._servers["postgres"]:
            await asyncio.to_thread(slow_commits, self.world.database_url, 100_000)
            try:
                await asyncio.sleep(fault.lasts_s)
            finally:
                await asyncio.to_thread(slow_commits, self.world.database_url, 0)

    async def step(self, fault: Planned) -> None:
        """Step the wall clock of all roles, until the next step."""
        stepped.step(self.world.clock, float(fault.target))

    # -- links ------------------------------------------------------------------------

    async def cut(self, fault: Planned) -> None:
        """Cut links around PDUs."""
        command, _, where = fault.target.partition(" ")
        effect: dict[str, Any] = {"cut": where}
        if where == "lost":
            effect = {"cut": "before", "taken": False}
        await self._weather(fault, command, effect, first=3)

    async def lose(self, fault: Planned) -> None:
        """Lose responses."""
        command, _, how = fault.target.partition(" ")
        effect: dict[str, Any] = {"no_answer": True}
        if how == "lost":
            effect["taken"] = False
        await self._weather(fault, command, effect, first=6)

    async def double(self, fault: Planned) -> None:
        """Deliver twice."""
        await self._weather(fault, fault.target, {"duplicate": True}, probability=0.5)

    async def throttle(self, fault: Planned) -> None:
        """Refuse for now."""
        await self._weather(fault, "submit_sm", {"status": fault.target}, probability=0.5)

    async def delay(self, fault: Planned) -> None:
        """Answer or deliver late, some of it too late."""
        await self._weather(fault, fault.target, {"delay_s": [0.1, 3.0]}, probability=0.5)

    async def malform(self, fault: Planned) -> None:
        """Send what can't be read."""
        await self._weather(fault, "submit_sm", {"malformed": fault.target}, first=2)

    async def refuse_binds(self, fault: Planned) -> None:
        """Cut all links and let nobody in for a while."""
        effect = {"status": "ESME_RBINDFAIL"} if fault.target == "refused" else {"no_answer": True}
        rule = {"match": {"command": "bind"}, "fault": effect}
        with self.world.weather.front(fault.number, rule):
            self.world.weather.cut_all("the campaign cuts every link")
            await asyncio.sleep(fault.lasts_s)

    async def _weather(
        self, fault: Planned, command: str, effect: dict[str, Any], **match: float
    ) -> None:
        rule = {"match": {"command": command, **match}, "fault": effect}
        with self.world.weather.front(fault.number, rule):
            await asyncio.sleep(fault.lasts_s)

    async def heal(self) -> None:
        """Take back what outlasts its fault: a slow disk set before PostgreSQL was killed."""
        with suppress(psycopg.Error):
            await asyncio.to_thread(slow_commits, self.world.database_url, 0)


async def _suspended(processes: list[psutil.Process], seconds: float) -> None:
    for one in processes:
        with suppress(psutil.NoSuchProcess):
            one.send_signal(signal.SIGSTOP)
    try:
        await asyncio.sleep(seconds)
    finally:
        for one in processes:
            with suppress(psutil.NoSuchProcess):
                one.send_signal(signal.SIGCONT)


_STRIKES: Final[dict[str, Strike]] = {
    "kill -9": Striker.kill,
    "SIGSTOP": Striker.suspend,
    "SIGTERM": Striker.terminate,
    "rebalance": Striker.rebalance,
    "kill -9 server": Striker.kill_server,
    "SIGSTOP server": Striker.suspend_server,
    "slow disk": Striker.slow_disk,
    "link cut": Striker.cut,
    "lost response": Striker.lose,
    "double delivery": Striker.double,
    "throttling": Striker.throttle,
    "late answers": Striker.delay,
    "malformed": Striker.malform,
    "no bind": Striker.refuse_binds,
    "clock step": Striker.step,
}
