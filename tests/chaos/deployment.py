"""The service under test: its own servers, two processes of each role, two simulated SMS centres.

Each gateway has one bind to each SMS centre, with names of its own.
"""

import asyncio
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from itertools import count
from pathlib import Path
from typing import Any, Final

import psutil
import psycopg
from psycopg import sql

from inbound.kafka import admin
from inbound.kafka.connection import KafkaConnection
from inbound.local.ports import LOOPBACK
from inbound.local.servers.kafka import KafkaServer
from inbound.local.servers.kafka_listeners import OPEN
from inbound.local.servers.postgres import PostgresServer
from inbound.local.simulator.phone import Phone
from inbound.local.simulator.server import Simulator, SimulatorSettings
from inbound.store.migrations.runner import migrate
from schemas.topics import TopicNames
from tests.chaos import stepped_clock
from tests.chaos.smsc_faults import SmscFaults
from tests.e2e.collector import Recorder, open_recorder
from tests.e2e.script import ACCOUNT
from tests.fix_service import PAGES, ROLES, WINDOW, Role, RoleProcess, Service, free_port
from tests.searching import POSTGRES_SETTINGS, store_plainly

PROCESSES_PER_ROLE: Final = 2
STARTED_ROLES: Final[tuple[Role, ...]] = (*ROLES, "projector", "scheduler")
STOP_S: Final = 30.0
OPERATOR_COMMANDS: Final = (
    ("timeline", "--phone", "NUMBER"),
    ("deadletters", "list"),
    ("audit",),
    ("binds",),
    ("erasures",),
)
CENTRES: Final = ("north", "south")
_ALL_PHONES: Final = "+7*"
REPOSITORY: Final = Path(__file__).parents[2]

_BIND: Final = """
[[binds]]
centre = "{centre}"
bind = "{centre}-{number}"
host = "{host}"
port = {port}
system_id = "{account.system_id}"
password = "{account.password}"
window = {window}
response_timeout_s = 5
enquire_link_s = 2
reconnect_min_s = 0.05
reconnect_max_s = 0.2
"""

_ENVIRONMENT: Final = {
    # Clients send many different commands an hour here, and all of them have to be answered.
    "SCSERV_POLICIES__COMMANDS_PER_HOUR": "0",
}


class Deployment(Service):
    """The service with servers that may be killed and a clock that can be stepped."""

    def __init__(
        self,
        folder: Path,
        database_url: str,
        bootstrap: str,
        recorder: Recorder,
        host: str = LOOPBACK,
    ) -> None:
        """`host` is the address at which roles reach the SMS centres."""
        super().__init__(folder, database_url, bootstrap, TopicNames(), "")
        self.recorder = recorder
        self.host = host
        self.api_host = LOOPBACK
        self._outputs = count(1)
        self.smsc_faults = SmscFaults()
        self.centres = {name: self._simulator() for name in CENTRES}
        self.centre = self.centres[CENTRES[0]]
        self.smsc_faults.attach(self.centres)
        # Port of each gateway that starts or runs, and the number in the names of its binds.
        self._starting: set[int] = set()
        self._numbers_of_gateways: dict[int, int] = {}
        self.clock = folder / "clock"
        self.clock.write_bytes(bytes(stepped_clock.SIZE))
        self.program = "tests.chaos.stepped_clock"
        self.is_forked = False  # nothing ends a process to fork from
        self.extra_environment |= (
            recorder.environment
            | _ENVIRONMENT
            | {
                "CHAOS_CLOCK": str(self.clock),
                "PYTHONPATH": str(REPOSITORY),
            }
        )

    def _simulator(self) -> Simulator:
        """Return an SMS centre, not started. It enquires every second, as some do."""
        settings = SimulatorSettings(
            host=self.host,
            port=0,
            accounts=(ACCOUNT,),
            retry_s=0.3,
            response_timeout_s=5,
            enquire_link_s=1,
        )
        return Simulator(settings, faults=self.smsc_faults)

    def centre_of(self, number: str) -> Simulator:
        """Return the SMS centre of a phone."""
        return self.centres[CENTRES[int(number[-1]) % len(CENTRES)]]

    def deliver_home(self, source: str, text: bytes, **fields: Any) -> "asyncio.Future[int]":
        """Have the SMS centre of this phone deliver one deliver_sm, as `deliver` does."""
        return self.deliver(source, text, centre=self.centre_of(source), **fields)

    async def _start(self, role: Role) -> RoleProcess:
        one = await super()._start(role)
        self._starting.discard(one.port)
        return one

    def _config(self, role: Role, port: int) -> Sequence[str]:
        """Write the binds of a gateway to a file. A restarted gateway has its names again."""
        if role != "gateway":
            return ()
        self._starting.add(port)
        alive = self._starting | {one.port for one in self.running}
        taken = {number for port, number in self._numbers_of_gateways.items() if port in alive}
        number = next(number for number in count(1) if number not in taken)
        self._numbers_of_gateways[port] = number
        binds = (
            _BIND.format(
                centre=name,
                number=number,
                host=self.host,
                port=centre.port,
                account=ACCOUNT,
                window=WINDOW,
            )
            for name, centre in self.centres.items()
        )
        path = self.folder / f"gateway-{number}.toml"
        path.write_text("".join(binds), "utf-8")
        return ("--config", str(path))

    def find_process(self, target: str) -> RoleProcess | None:
        """Return a running process by "ROLE INDEX"; None when fewer are running."""
        role, _, index = target.partition(" ")
        of_role = [one for one in self.running if one.role == role and _is_running(one)]
        return of_role[int(index or 0)] if int(index or 0) < len(of_role) else None

    async def start_extra(self, role: Role) -> RoleProcess:
        """Start one more process of a role. It is restarted when it ends."""
        one = await self._start(role)
        self.revive(one)
        return one

    async def scserv(self, *arguments: str) -> tuple[int, str]:
        """Run a command; return its status and its output, which is also saved in the folder."""
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "inbound.cli", *arguments),
            cwd=self.folder,
            env=self.environment(free_port()),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        output, _ = await process.communicate()
        self._save_output(f"command-{arguments[0]}", output)
        return process.returncode or 0, output.decode("utf-8", "replace").strip()

    async def save_outputs(self, number: str) -> None:
        """Save the pages of every health port and the output of the operator's commands.

        They are searched for personal data like every other file.
        """
        for one in self.running:
            for page in PAGES:
                self._save_output(f"page-{one.role}", await asyncio.to_thread(one.page, page))
        for command in OPERATOR_COMMANDS:
            words = (number if word == "NUMBER" else word for word in command)
            await self.scserv(*words)

    async def stop_all(self) -> None:
        """Stop every role with SIGTERM, so that it exports and logs everything it has."""
        running, self.running[:] = list(self.running), []
        for one in running:
            one.terminate()
        async with asyncio.timeout(STOP_S):
            await asyncio.gather(*(one.process.wait() for one in running))

    def _save_output(self, name: str, output: bytes) -> None:
        (self.folder / f"output-{next(self._outputs)}-{name}.txt").write_bytes(output)


def _is_running(one: RoleProcess) -> bool:
    return one.process.returncode is None


def process_tree(pid: int) -> list[psutil.Process]:
    """Return a process and its descendants; empty if it has ended."""
    try:
        parent = psutil.Process(pid)
        return [parent, *parent.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


class OneMachine(Deployment):
    """The service with one PostgreSQL and one Kafka, beside it."""

    def __init__(
        self, folder: Path, postgres: PostgresServer, kafka: KafkaServer, recorder: Recorder
    ) -> None:
        super().__init__(folder, postgres.url(), kafka.bootstrap, recorder)
        self.postgres = postgres
        self.kafka = kafka


@asynccontextmanager
async def open_deployment(folder: Path) -> AsyncIterator[OneMachine]:
    """Start servers, SMS centres and roles on this machine; stop all of them after the block."""
    with (
        PostgresServer(folder / "postgres", settings=POSTGRES_SETTINGS) as postgres,
        KafkaServer(folder / "kafka", heap_mb=256, listener=OPEN) as kafka,
    ):
        prepare_servers(postgres.url(), kafka.bootstrap, replicas=1)
        async with open_recorder(folder / "telemetry") as recorder:
            deployment = OneMachine(folder, postgres, kafka, recorder)
            async with running(deployment):
                yield deployment


def prepare_servers(database_url: str, bootstrap: str, *, replicas: int) -> None:
    """Create tables and topics. Blocks."""
    migrate(database_url)
    store_plainly(database_url)
    admin.apply(KafkaConnection(bootstrap), TopicNames().specs(), replication_factor=replicas)


@asynccontextmanager
async def running(deployment: Deployment) -> AsyncIterator[None]:
    """Start SMS centres and roles, which are restarted when they end; stop them after the block."""
    async with AsyncExitStack() as stack:
        for centre in deployment.centres.values():
            await stack.enter_async_context(centre)
            # Every client's phone is on, so the SMS centres report deliveries.
            await stack.enter_async_context(Phone(deployment.host, centre.port, _ALL_PHONES))
        stack.push_async_callback(deployment.close)
        for _ in range(PROCESSES_PER_ROLE):
            await deployment.start(*STARTED_ROLES)
        deployment.revive()
        yield


def delay_commits(url: str, micros: int) -> None:
    """Delay every commit before its flush, as a slow disk would; 0 ends the delay."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(sql.SQL("ALTER SYSTEM SET commit_delay = {}").format(micros))
        connection.execute("ALTER SYSTEM SET commit_siblings = 0")
        connection.execute("SELECT pg_reload_conf()")
