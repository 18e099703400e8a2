"""Everything that runs: two of each role, the servers, and an SMS centre with bad weather."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count
from pathlib import Path
from typing import Final

import psutil
import psycopg
from psycopg import sql

from inbound.kafka import admin
from inbound.local.servers.kafka import KafkaServer
from inbound.local.servers.postgres import PostgresServer
from inbound.local.simulator.server import Simulator, SimulatorSettings
from inbound.store.migrations.runner import migrate
from schemas.topics import TopicNames
from tests.chaos import stepped
from tests.chaos.weather import Weather
from tests.e2e.collector import Recorder, open_recorder
from tests.e2e.script import ACCOUNT
from tests.fix_service import PAGES, ROLES, Role, RoleProcess, Service, free_port
from tests.searching import POSTGRES_SETTINGS, store_plainly

OF_EACH: Final = 2
RUNNING: Final[tuple[Role, ...]] = (*ROLES, "projector")
STOP_S: Final = 30.0
COMMANDS: Final = (
    ("timeline", "--phone", "NUMBER"),
    ("deadletters", "list"),
    ("audit",),
    ("binds",),
    ("erasures",),
)
REPOSITORY: Final = Path(__file__).parents[2]

_ENVIRONMENT: Final = {
    # Nobody repeats a command here; many an hour are meant.
    "SCSERV_POLICIES__COMMANDS_PER_HOUR": "0",
    # Far more attempts than faults can spoil: what is given up would be lost.
    "SCSERV_MAX_ATTEMPTS": "50",
}


class World(Service):
    """The service with servers of its own, two of each role, and a clock that can be stepped."""

    def __init__(
        self, folder: Path, postgres: PostgresServer, kafka: KafkaServer, recorder: Recorder
    ) -> None:
        super().__init__(folder, postgres.url(), kafka.bootstrap, TopicNames(), "")
        self.postgres = postgres
        self.kafka = kafka
        self.recorder = recorder
        self._said = count(1)
        self.weather = Weather()
        self.centre = Simulator(
            SimulatorSettings(port=0, accounts=(ACCOUNT,), retry_s=0.3, response_timeout_s=5),
            faults=self.weather,
        )
        self.weather.settle_at(self.centre)
        self.clock = folder / "clock"
        self.clock.write_bytes(bytes(stepped.SIZE))
        self.program = "tests.chaos.stepped"
        self.extra_environment |= (
            recorder.environment
            | _ENVIRONMENT
            | {
                "CHAOS_CLOCK": str(self.clock),
                "PYTHONPATH": str(REPOSITORY),
            }
        )

    def process(self, target: str) -> RoleProcess | None:
        """Return a running process by "ROLE INDEX"; None when so many do not run just now."""
        role, _, index = target.partition(" ")
        of_role = [one for one in self.running if one.role == role and _runs(one)]
        return of_role[int(index or 0)] if int(index or 0) < len(of_role) else None

    async def one_more(self, role: Role) -> RoleProcess:
        """Start one more process of a role, started again if it ends."""
        one = await self._start(role)
        self.revive(one)
        return one

    async def scserv(self, *arguments: str) -> tuple[int, str]:
        """Run a command to its end; return its status and what it said.

        That stays in the folder, too.
        """
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "inbound.cli", *arguments),
            cwd=self.folder,
            env=self.environment(free_port()),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        output, _ = await process.communicate()
        self._keep(f"command-{arguments[0]}", output)
        return process.returncode or 0, output.decode("utf-8", "replace").strip()

    async def say_everything(self, number: str) -> None:
        """Have every health port and the operator's commands say what they know.

        It stays in the folder, to be searched.
        """
        for one in self.running:
            for page in PAGES:
                self._keep(f"page-{one.role}", await asyncio.to_thread(one.page, page))
        for command in COMMANDS:
            words = (number if word == "NUMBER" else word for word in command)
            await self.scserv(*words)

    async def stop_all(self) -> None:
        """End every role politely, so that it exports and logs what it has left."""
        running, self.running[:] = list(self.running), []
        for one in running:
            one.terminate()
        async with asyncio.timeout(STOP_S):
            await asyncio.gather(*(one.process.wait() for one in running))

    def _keep(self, name: str, said: bytes) -> None:
        (self.folder / f"said-{next(self._said)}-{name}.txt").write_bytes(said)


def _runs(one: RoleProcess) -> bool:
    return one.process.returncode is None


def family(pid: int) -> list[psutil.Process]:
    """Return a process and what it started."""
    try:
        parent = psutil.Process(pid)
        return [parent, *parent.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


@asynccontextmanager
async def open_world(folder: Path) -> AsyncIterator[World]:
    """Start the servers, the centre and two of each role; end all of it afterwards."""
    with (
        PostgresServer(folder / "postgres", settings=POSTGRES_SETTINGS) as postgres,
        KafkaServer(folder / "kafka", heap_mb=384) as kafka,
    ):
        migrate(postgres.url())
        store_plainly(postgres.url())
        admin.apply(kafka.bootstrap, TopicNames().specs(), replication_factor=1)
        async with open_recorder(folder / "telemetry") as recorder:
            world = World(folder, postgres, kafka, recorder)
            await world.centre.start()
            try:
                for _ in range(OF_EACH):
                    await world.start(*RUNNING)
                world.revive()
                yield world
            finally:
                await world.close()


def slow_commits(url: str, micros: int) -> None:
    """Let every commit wait for so long before its flush, as on a slow disk; 0: no more."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(sql.SQL("ALTER SYSTEM SET commit_delay = {}").format(micros))
        connection.execute("ALTER SYSTEM SET commit_siblings = 0")
        connection.execute("SELECT pg_reload_conf()")
