"""The service on three machines: two processes of each role, three brokers, a pair of databases."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path
from typing import Final

from typing_extensions import override

from tests import forks
from tests.chaos.deployment import Deployment, prepare_servers, running
from tests.chaos.machines.brokers import REPLICAS, BrokerCluster
from tests.chaos.machines.databases import DatabasePair
from tests.chaos.machines.network import OUTSIDE, Machine, open_network
from tests.e2e.collector import Recorder, open_recorder
from tests.fix_service import Role, RoleProcess
from tests.searching import POSTGRES_SETTINGS

MACHINES: Final = 3

_PLACES: Final[Mapping[Role, Sequence[int]]] = {"api": (3,), "ingress": (3,)}
"""Machines that may run a role; the others run anywhere. A program knows one address."""

_LISTENERS: Final = ("HEALTH_HOST", "API__HOST", "INGRESS__HOST", "SMPP_SERVER__HOST")


class MachinesDeployment(Deployment):
    """The service on machines that lose their power and their network."""

    def __init__(
        self,
        folder: Path,
        machines: Sequence[Machine],
        brokers: BrokerCluster,
        databases: DatabasePair,
        recorder: Recorder,
    ) -> None:
        super().__init__(folder, databases.url(), brokers.bootstrap, recorder, OUTSIDE)
        self.machines = machines
        self.brokers = brokers
        self.databases = databases
        self.api_host = machines[_PLACES["api"][0] - 1].address
        self._has_power = {machine.number: asyncio.Event() for machine in machines}
        for power in self._has_power.values():
            power.set()
        self._places: dict[int, Machine] = {}
        """Where each process runs, by its health port."""

    def machine(self, number: int) -> Machine:
        """Return a machine."""
        return self.machines[number - 1]

    def roles_on(self, machine: Machine) -> list[RoleProcess]:
        """Return the processes of a machine."""
        return [one for one in self.running if self._places.get(one.port) is machine]

    def cut_power(self, machine: Machine) -> None:
        """Kill every role of a machine; none starts there until `restore_power`."""
        self._has_power[machine.number].clear()
        for one in self.roles_on(machine):
            one.kill()

    def restore_power(self, machine: Machine) -> None:
        """Let roles start on a machine again."""
        self._has_power[machine.number].set()

    @override
    def environment(self, health_port: int = 0) -> dict[str, str]:
        found = super().environment(health_port)
        if place := self._places.get(health_port):
            found |= {f"SCSERV_{name}": place.address for name in _LISTENERS}
        return found

    @override
    async def _start(self, role: Role) -> RoleProcess:
        one = await super()._start(role)
        one.host = self._places[one.port].address
        return one

    @override
    async def _run(self, role: Role, port: int) -> asyncio.subprocess.Process | forks.Forked:
        self._places[port] = place = self._choose(role)
        await self._has_power[place.number].wait()
        return await super()._run(role, port)

    @override
    def _entering(self, port: int) -> Sequence[str]:
        return self._places[port].entering

    def _choose(self, role: Role) -> Machine:
        """Return the machine with the fewest processes of a role; of equal ones a busy one last."""
        alive = [one for one in self.running if one.is_alive and one.port in self._places]
        of_role = Counter(self._places[one.port].number for one in alive if one.role == role)
        of_all = Counter(self._places[one.port].number for one in alive)
        allowed = _PLACES.get(role, [machine.number for machine in self.machines])
        number = min(allowed, key=lambda number: (of_role[number], of_all[number], number))
        return self.machine(number)


@asynccontextmanager
async def open_machines(folder: Path) -> AsyncIterator[MachinesDeployment]:
    """Start machines, servers, SMS centres and roles; stop all of them after the block."""
    with ExitStack() as stack:
        machines = stack.enter_context(open_network(MACHINES))
        brokers = BrokerCluster(machines, folder)
        databases = DatabasePair((machines[0], machines[1]), folder, POSTGRES_SETTINGS)
        stack.callback(brokers.stop)
        stack.callback(databases.stop)
        await asyncio.gather(asyncio.to_thread(brokers.open), asyncio.to_thread(databases.open))
        prepare_servers(databases.url(), brokers.bootstrap, replicas=REPLICAS)
        async with open_recorder(folder / "telemetry", OUTSIDE) as recorder:
            deployment = MachinesDeployment(folder, machines, brokers, databases, recorder)
            async with running(deployment):
                yield deployment
