"""Carries out each kind of fault. Every fault ends by itself after its time."""

import asyncio
import signal
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import suppress
from typing import Any, ClassVar, Final, cast

import psutil

from inbound.local.simulator.habits import UNBIND
from tests.chaos import stepped_clock
from tests.chaos.deployment import Deployment
from tests.chaos.schedule import ATTACK, PlannedFault
from tests.fix_service import Role

Action = Callable[[Any, PlannedFault], Awaitable[None]]

MAX_CONCURRENT: Final = 4
"""Faults that may last at the same time; the next one waits."""

_STOP_S: Final = 15.0


class FaultRunner:
    """Carries out a schedule against one deployment. Subclasses add faults of its servers."""

    ACTIONS: ClassVar[Mapping[str, Action]]

    def __init__(self, deployment: Deployment) -> None:
        self.deployment = deployment
        self.finished: Counter[str] = Counter()
        self._room = asyncio.Semaphore(MAX_CONCURRENT)
        self._tasks: set[asyncio.Task[None]] = set()
        self._errors: list[BaseException] = []

    async def run(
        self,
        faults: Iterable[PlannedFault],
        recovered: Callable[[], Awaitable[None]],
        report: Callable[[PlannedFault], None],
    ) -> None:
        """Start each fault when it is due, and wait until all have ended.

        `recovered` waits until the service has recovered enough for another fault. `report` is
        called as each fault starts. Raises the first error of a fault, and what `recovered` raises.
        """
        for fault in faults:
            await asyncio.sleep(fault.pause_s)
            await recovered()
            await self._room.acquire()
            if self._errors:
                break
            report(fault)
            task = asyncio.create_task(self._carry_out(fault))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        if self._tasks:
            await asyncio.wait(self._tasks)
        if self._errors:
            raise self._errors[0]

    async def _carry_out(self, fault: PlannedFault) -> None:
        try:
            await self.ACTIONS[fault.kind](self, fault)
            self.finished[fault.kind] += 1
        except Exception as error:
            self._errors.append(error)
            raise
        finally:
            self._room.release()

    # -- processes --------------------------------------------------------------------

    async def kill(self, fault: PlannedFault) -> None:
        """Kill a role with SIGKILL; it is restarted."""
        if one := self.deployment.find_process(fault.target):
            one.kill()

    async def terminate(self, fault: PlannedFault) -> None:
        """Stop a role with SIGTERM; it is restarted."""
        if one := self.deployment.find_process(fault.target):
            one.terminate()

    async def suspend(self, fault: PlannedFault) -> None:
        """Suspend a role for a while."""
        if one := self.deployment.find_process(fault.target):
            await suspend_all([psutil.Process(one.process.pid)], fault.lasts_s)

    async def rebalance(self, fault: PlannedFault) -> None:
        """Start one more process of a role and stop it again."""
        deployment = self.deployment
        one = await deployment.start_extra(cast("Role", fault.target))
        await asyncio.sleep(fault.lasts_s)
        # If another fault has killed it, a restarted process has replaced it.
        if one not in deployment.running:
            found = deployment.find_process(f"{fault.target} 2")
            if found is None:
                return
            one = found
        deployment.running.remove(one)
        one.terminate()
        try:
            async with asyncio.timeout(_STOP_S):
                await one.process.wait()
        except TimeoutError:
            one.kill()
            raise AssertionError(
                f"{one.role} did not stop within {_STOP_S:g} s of SIGTERM"
            ) from None

    # -- clocks ----------------------------------------------------------------------

    async def step_clock(self, fault: PlannedFault) -> None:
        """Step the wall clock of all roles, until the next step."""
        stepped_clock.set_offset(self.deployment.clock, float(fault.target))

    # -- links ------------------------------------------------------------------------

    async def cut_links(self, fault: PlannedFault) -> None:
        """Cut the link at the next three PDUs of a command."""
        command, _, where = fault.target.partition(" ")
        effect: dict[str, Any] = {"cut": where}
        if where == "lost":
            effect = {"cut": "before", "taken": False}
        await self._apply(fault, command, effect, first=3)

    async def lose_responses(self, fault: PlannedFault) -> None:
        """Leave the next six PDUs of a command without a response."""
        command, _, how = fault.target.partition(" ")
        effect: dict[str, Any] = {"no_answer": True}
        if how == "lost":
            effect["taken"] = False
        await self._apply(fault, command, effect, first=6)

    async def deliver_twice(self, fault: PlannedFault) -> None:
        """Deliver half of the messages or receipts twice."""
        await self._apply(fault, fault.target, {"duplicate": True}, probability=0.5)

    async def throttle(self, fault: PlannedFault) -> None:
        """Refuse half of the messages with a temporary error."""
        await self._apply(fault, "submit_sm", {"status": fault.target}, probability=0.5)

    async def delay(self, fault: PlannedFault) -> None:
        """Answer or deliver half of the PDUs up to 3 s late."""
        await self._apply(fault, fault.target, {"delay_s": [0.1, 3.0]}, probability=0.5)

    async def send_malformed(self, fault: PlannedFault) -> None:
        """Answer the next two messages with a malformed PDU."""
        await self._apply(fault, "submit_sm", {"malformed": fault.target}, first=2)

    async def refuse_binds(self, fault: PlannedFault) -> None:
        """Cut all links of one SMS centre or of both, and accept no bind for a while."""
        how, _, centre = fault.target.partition(" ")
        effect = {"status": "ESME_RBINDFAIL"} if how == "refused" else {"no_answer": True}
        with self.deployment.smsc_faults.apply_to_binds(fault.number, effect, centre):
            await asyncio.sleep(fault.lasts_s)

    async def bend(self, fault: PlannedFault) -> None:
        """Bend half of the PDUs of a command as some SMS centres do."""
        command, _, habit = fault.target.partition(" ")
        if command == "bind":
            with self.deployment.smsc_faults.apply_to_binds(fault.number, {"habit": habit}, ""):
                await asyncio.sleep(fault.lasts_s)
        elif habit == UNBIND:
            await self._apply(fault, command, {"habit": habit}, first=3)
        else:
            await self._apply(fault, command, {"habit": habit}, probability=0.5)

    async def attack(self, fault: PlannedFault) -> None:
        """Have the SMS centres be hostile: half of the PDUs of a command, or a flood of others."""
        command, _, what = fault.target.partition(" ")
        faults, effect = self.deployment.smsc_faults, {"hostile": what}
        if command == ATTACK:
            await faults.attack(what, fault.lasts_s)
        elif command == "bind":
            with faults.apply_to_binds(fault.number, effect, ""):
                await asyncio.sleep(fault.lasts_s)
        elif command == "query_sm":
            with faults.apply_to_queries(fault.number, effect):
                await asyncio.sleep(fault.lasts_s)
        else:
            await self._apply(fault, command, effect, probability=0.5)

    async def _apply(
        self, fault: PlannedFault, command: str, effect: dict[str, Any], **match: float
    ) -> None:
        rule = {"match": {"command": command, **match}, "fault": effect}
        with self.deployment.smsc_faults.apply(fault.number, rule):
            await asyncio.sleep(fault.lasts_s)

    async def undo(self) -> None:
        """End what has outlasted its fault."""


async def suspend_all(processes: list[psutil.Process], seconds: float) -> None:
    """Suspend processes for a while."""
    send_all(processes, signal.SIGSTOP)
    try:
        await asyncio.sleep(seconds)
    finally:
        send_all(processes, signal.SIGCONT)


def send_all(processes: Iterable[psutil.Process], what: signal.Signals) -> None:
    """Send a signal to those processes that still run."""
    for one in processes:
        with suppress(psutil.NoSuchProcess):
            one.send_signal(what)


FaultRunner.ACTIONS = {
    "kill -9": FaultRunner.kill,
    "SIGSTOP": FaultRunner.suspend,
    "SIGTERM": FaultRunner.terminate,
    "rebalance": FaultRunner.rebalance,
    "link cut": FaultRunner.cut_links,
    "lost response": FaultRunner.lose_responses,
    "double delivery": FaultRunner.deliver_twice,
    "throttling": FaultRunner.throttle,
    "late answers": FaultRunner.delay,
    "malformed": FaultRunner.send_malformed,
    "no bind": FaultRunner.refuse_binds,
    "habit": FaultRunner.bend,
    "clock step": FaultRunner.step_clock,
    "hostile": FaultRunner.attack,
}
