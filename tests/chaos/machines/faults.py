"""The faults of machines: their power, their network, brokers and databases."""

import asyncio
import signal
import time
from collections import defaultdict
from contextlib import suppress
from typing import Final

import psycopg
from typing_extensions import override

from tests.chaos.deployment import delay_commits, process_tree
from tests.chaos.fault_runner import FaultRunner, send_all, suspend_all
from tests.chaos.machines.deployment import MachinesDeployment
from tests.chaos.machines.network import disturbed
from tests.chaos.schedule import PlannedFault

_SLOW_COMMIT_US: Final = 100_000
_STOPPED_S, _RUNNING_S = 0.4, 0.2
_NOTICED_S: Final = 1.0
"""How long the manager takes to see that the standby is gone; commits wait until then."""


class MachineFaults(FaultRunner):
    """Carries out a schedule against the service on three machines.

    One machine, broker or database at a time is away: with two of three the service has to stand
    still. Lines may be bad at any time.
    """

    def __init__(self, deployment: MachinesDeployment) -> None:
        super().__init__(deployment)
        self._service = deployment
        self._one_away = asyncio.Lock()
        self._lines: defaultdict[int, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def break_broker(self, fault: PlannedFault) -> None:
        """Kill a broker and start it again, or suspend it, for a while."""
        number, _, how = fault.target.partition(" ")
        brokers = self._service.brokers
        node = brokers.node(int(number))
        async with self._one_away:
            if how == "SIGSTOP":
                await suspend_all(process_tree(node.pid or 0), fault.lasts_s)
            else:
                await asyncio.to_thread(node.kill)
                await asyncio.sleep(fault.lasts_s)
                await asyncio.to_thread(node.launch)
            await asyncio.to_thread(brokers.wait_until_in_sync)

    async def slow_disk(self, fault: PlannedFault) -> None:
        """Make commits take 0.1 s longer, or a broker stand still two thirds of the time.

        A broker writes to the page cache and never waits for its disk, until the cache is full:
        then all its threads stand still together, as here.
        """
        kind, _, number = fault.target.partition(" ")
        async with self._one_away:
            if kind == "broker":
                node = self._service.brokers.node(int(number))
                await _stutter(node.pid or 0, fault.lasts_s)
                return
            url = self._service.database_url
            await asyncio.to_thread(delay_commits, url, _SLOW_COMMIT_US)
            try:
                await asyncio.sleep(fault.lasts_s)
            finally:
                await asyncio.to_thread(delay_commits, url, 0)

    async def fail_over(self, fault: PlannedFault) -> None:
        """Promote the standby after the primary was killed, or lost its way to the other machines.

        In a split the old primary lives on beside the new one, with the roles of its machine. It is
        killed before the split ends, as a manager has to.
        """
        databases = self._service.databases
        async with self._one_away:
            old = databases.primary
            if fault.target == "split":
                async with disturbed(old.machine, "split"):
                    await asyncio.to_thread(databases.fail_over)
                    await asyncio.sleep(fault.lasts_s)
                    await asyncio.to_thread(old.kill)
            else:
                await asyncio.to_thread(old.kill)
                await asyncio.to_thread(databases.fail_over)
                await asyncio.sleep(fault.lasts_s)
            await asyncio.to_thread(databases.renew_standby)

    async def break_standby(self, fault: PlannedFault) -> None:
        """Kill the standby and start it again, or suspend it: commits wait for it."""
        databases = self._service.databases
        async with self._one_away:
            standby = databases.standby
            if fault.target == "SIGSTOP":
                await suspend_all(process_tree(standby.pid or 0), fault.lasts_s)
                return
            await asyncio.to_thread(standby.kill)
            await asyncio.sleep(_NOTICED_S)
            await asyncio.to_thread(databases.stand_alone)
            await asyncio.sleep(fault.lasts_s)
            await asyncio.to_thread(databases.restart_standby)

    async def cut_power(self, fault: PlannedFault) -> None:
        """Kill everything on a machine, and start it again after a while."""
        service, number = self._service, int(fault.target)
        databases, node = service.databases, service.brokers.node(number)
        machine = service.machine(number)
        async with self._one_away:
            has_primary = databases.primary.machine is machine
            has_standby = databases.standby.machine is machine
            service.cut_power(machine)
            await asyncio.to_thread(node.kill)
            if has_primary:
                await asyncio.to_thread(databases.primary.kill)
                await asyncio.to_thread(databases.fail_over)
            elif has_standby:
                await asyncio.to_thread(databases.standby.kill)
                await asyncio.sleep(_NOTICED_S)
                await asyncio.to_thread(databases.stand_alone)
            await asyncio.sleep(fault.lasts_s)
            await asyncio.to_thread(node.launch)
            service.restore_power(machine)
            if has_primary:
                await asyncio.to_thread(databases.renew_standby)
            elif has_standby:
                await asyncio.to_thread(databases.restart_standby)
            await asyncio.to_thread(service.brokers.wait_until_in_sync)

    async def part(self, fault: PlannedFault) -> None:
        """Separate a machine from the others, in one direction, or from everybody."""
        number, _, how = fault.target.partition(" ")
        async with self._one_away:
            async with disturbed(self._service.machine(int(number)), how):
                await asyncio.sleep(fault.lasts_s)
            await asyncio.to_thread(self._service.brokers.wait_until_in_sync)

    async def spoil_line(self, fault: PlannedFault) -> None:
        """Lose a part of what a machine is sent, or make its line slow."""
        number, _, how = fault.target.partition(" ")
        async with self._lines[int(number)], disturbed(self._service.machine(int(number)), how):
            await asyncio.sleep(fault.lasts_s)

    @override
    async def undo(self) -> None:
        """End a slow disk that outlasted its fault because the primary was killed meanwhile."""
        with suppress(psycopg.Error):
            await asyncio.to_thread(delay_commits, self.deployment.database_url, 0)


async def _stutter(pid: int, seconds: float) -> None:
    """Let a process run a third of the time, for a while."""
    processes = process_tree(pid)
    end = time.monotonic() + seconds
    try:
        while time.monotonic() < end:
            send_all(processes, signal.SIGSTOP)
            await asyncio.sleep(_STOPPED_S)
            send_all(processes, signal.SIGCONT)
            await asyncio.sleep(_RUNNING_S)
    finally:
        send_all(processes, signal.SIGCONT)


MachineFaults.ACTIONS = {
    **FaultRunner.ACTIONS,
    "broker": MachineFaults.break_broker,
    "slow disk": MachineFaults.slow_disk,
    "failover": MachineFaults.fail_over,
    "standby": MachineFaults.break_standby,
    "power": MachineFaults.cut_power,
    "partition": MachineFaults.part,
    "line": MachineFaults.spoil_line,
}
