"""The faults of the servers of a campaign on one machine."""

import asyncio
from contextlib import suppress
from typing import Final

import psycopg
from typing_extensions import override

from tests.chaos.deployment import OneMachine, delay_commits, process_tree
from tests.chaos.fault_runner import FaultRunner, suspend_all
from tests.chaos.schedule import PlannedFault

_SLOW_COMMIT_US: Final = 100_000


class ServerFaults(FaultRunner):
    """Carries out a schedule against the service on one machine."""

    def __init__(self, deployment: OneMachine) -> None:
        super().__init__(deployment)
        self._servers = deployment
        self._server_locks = {"kafka": asyncio.Lock(), "postgres": asyncio.Lock()}

    async def kill_server(self, fault: PlannedFault) -> None:
        """Kill a server and start it again after a while."""
        deployment = self._servers
        server = deployment.kafka if fault.target == "kafka" else deployment.postgres
        async with self._server_locks[fault.target]:
            await asyncio.to_thread(server.kill)
            await asyncio.sleep(fault.lasts_s)
            await asyncio.to_thread(server.start)

    async def suspend_server(self, fault: PlannedFault) -> None:
        """Suspend all processes of a server for a while."""
        deployment = self._servers
        server = deployment.kafka if fault.target == "kafka" else deployment.postgres
        async with self._server_locks[fault.target]:
            await suspend_all(process_tree(server.pid or 0), fault.lasts_s)

    async def slow_disk(self, fault: PlannedFault) -> None:
        """Make every commit of PostgreSQL take 0.1 s longer for a while."""
        async with self._server_locks["postgres"]:
            await asyncio.to_thread(delay_commits, self.deployment.database_url, _SLOW_COMMIT_US)
            try:
                await asyncio.sleep(fault.lasts_s)
            finally:
                await asyncio.to_thread(delay_commits, self.deployment.database_url, 0)

    @override
    async def undo(self) -> None:
        """End a slow disk that outlasted its fault because PostgreSQL was killed meanwhile."""
        with suppress(psycopg.Error):
            await asyncio.to_thread(delay_commits, self.deployment.database_url, 0)


ServerFaults.ACTIONS = {
    **FaultRunner.ACTIONS,
    "kill -9 server": ServerFaults.kill_server,
    "SIGSTOP server": ServerFaults.suspend_server,
    "slow disk": ServerFaults.slow_disk,
}
