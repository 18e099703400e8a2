"""The whole service: real processes, real servers, and a scripted SMS centre.

Gateway, worker and relay run as in production, each in its own process that a test may kill. The
SMS centre is the simulator in the test's own process: every deliver_sm and submit_sm passes
through a `Script`.
"""

import asyncio
import csv
import os
import random
import socket
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any, Final, Literal, LiteralString, NoReturn
from uuid import UUID

import psycopg
import pytest
import pytest_asyncio
from psycopg import sql
from tenacity import (
    AsyncRetrying,
    retry_if_exception_type,
    retry_if_result,
    stop_after_delay,
    wait_exponential,
)

from inbound.cli._client_import import run_import
from inbound.kafka.connection import KafkaConnection
from inbound.keys import SubjectHasher
from inbound.local.simulator.delivery_queue import QueuedMessage
from inbound.local.simulator.phone import FEDERAL_NUMBER, Phone
from inbound.local.simulator.server import Simulator, SimulatorSettings
from inbound.smpp.address import number_to_address
from inbound.smpp.pdu import DeliverSm
from inbound.smpp.status import Status
from inbound.store.migrations.runner import migrate
from inbound.terminal import Terminal
from schemas.topics import PARTITIONS, TopicNames
from tests import forks
from tests.ceilings import NO_CEILINGS
from tests.e2e.script import ACCOUNT, Script
from tests.fix_servers import COPY_DATABASE, MIGRATED, SharedKafka, SharedPostgres
from tests.patience import PATIENCE_S
from tests.searching import records

PAGES: Final = ("/health", "/health/ready", "/health/live", "/metrics")

_Cursor = psycopg.Cursor[tuple[Any, ...]]
Role = Literal["gateway", "worker", "relay", "scheduler", "projector", "api", "desk", "ingress"]
# The roles that a reply needs; a test that needs a projector starts one.
ROLES: Final[tuple[Role, ...]] = ("relay", "worker", "gateway")

STOPPED: Final = "СМС-уведомления и СМС-оповещения отключены. Включить: CLIENT sms start"
STARTED: Final = "СМС-уведомления и СМС-оповещения включены. Отключить: CLIENT sms stop"
UNKNOWN_NUMBER: Final = "Запрос не выполнен: этот номер не зарегистрирован в SCSERV."

VAULT_KEY: Final = bytes(range(32))
SUBJECT_KEY: Final = bytes(range(32, 64))
WINDOW: Final = 20
CONFIG: Final = "scserv.toml"
PROGRAM: Final = "inbound.cli"
"""The module that holds `scserv`."""

# Below the ephemeral ports, which systems use for connections and for port 0.
_PORTS: Final = range(10_000, 32_000)
_WORKERS: Final = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
_WORKER: Final = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
_given_out: Final[set[int]] = set()


@dataclass(frozen=True, slots=True)
class Client:
    """One line of the file that operators import."""

    number: str
    personal_code: str = "1234"
    login: str = "ivanov"
    password: str = "1a2b3c4d"

    @property
    def registration(self) -> str:
        """The text of this client's `CLIENT info` fulfilment, as specified."""
        return (
            f"ЦЕНТР РЕГИСТРАЦИИ. Персональный код: {self.personal_code}. КЛИЕНТСКИЙ ПОРТАЛ: "
            f"имя входа: {self.login}, пароль: {self.password}. "
            "Никому не сообщайте свои регистрационные данные."
        )


@dataclass(frozen=True, slots=True)
class Event:
    """A row of the event log, for assertions."""

    position: int
    stream_id: UUID
    version: int
    type: str
    data: dict[str, Any]
    metadata: dict[str, Any]


@dataclass(slots=True)
class RoleProcess:
    """One running role."""

    role: Role
    process: asyncio.subprocess.Process | forks.Forked
    port: int
    killed: bool = False
    host: str = "127.0.0.1"

    @property
    def is_alive(self) -> bool:
        """Whether it runs: it has not ended, and `kill` is not ending it."""
        return not self.killed and self.process.returncode is None

    def kill(self) -> None:
        """Send SIGKILL, as a crash would. Safe to repeat, also after its end."""
        self.killed = True
        with suppress(ProcessLookupError):
            self.process.kill()

    def terminate(self) -> None:
        """Send SIGTERM, as an operator would. Safe to repeat, also after its end."""
        with suppress(ProcessLookupError):
            self.process.terminate()

    def page(self, path: str) -> bytes:
        """Return a page of its health port, or b"" when nothing listens there. Blocks."""
        url = f"http://{self.host}:{self.port}{path}"
        try:
            with urllib.request.urlopen(url, timeout=PATIENCE_S) as answer:
                body: bytes = answer.read()
                return body
        except urllib.error.HTTPError as error:
            return error.read()
        except OSError:
            return b""

    def not_ready(self) -> str:
        """Return why it is not ready, or "" when it is. Blocks, 2 s at most.

        A process that is only slow is "not ready" too: poll, or use `Service.ready`.
        """
        if self.process.returncode is not None:
            return f"{self.role} has ended with status {self.process.returncode}"
        try:
            with urllib.request.urlopen(f"http://{self.host}:{self.port}/health/ready", timeout=2):
                return ""
        except urllib.error.HTTPError as error:
            return f"{self.role}: {error.read().decode()}"
        except OSError as error:
            return f"{self.role}: {error}"


class Service:
    """The service with its own database and topics. Use `open_service`."""

    def __init__(
        self, folder: Path, database_url: str, bootstrap: str, names: TopicNames, prefix: str
    ) -> None:
        self.folder = folder
        self.database_url = database_url
        self.bootstrap = bootstrap
        self.names = names
        self.script = Script()
        self.centre = Simulator(
            SimulatorSettings(port=free_port(), accounts=(ACCOUNT,), retry_s=0.1),
            faults=self.script,
        )
        self.running: list[RoleProcess] = []
        self.extra_environment: dict[str, str] = {}
        self.program = PROGRAM
        self._database = _Database(database_url)
        self._prefix = prefix
        self._hasher = SubjectHasher(SUBJECT_KEY)
        self._numbers = count(1)
        self._client_ids: dict[str, str] = {}
        self._files = count(1)
        self._revivals: set[asyncio.Task[None]] = set()
        self._revived: list[RoleProcess] = []

    # -- processes --------------------------------------------------------------------

    async def start(self, *roles: Role) -> list[RoleProcess]:
        """Start one more process of each role (of `ROLES`, when none is named) and return them."""
        started = [await self._start(role) for role in roles or ROLES]
        await self.ready()
        return started

    async def launch(self, role: Role) -> RoleProcess:
        """Start one more process of a role that may never be ready."""
        return await self._start(role)

    async def ready(self) -> None:
        """Wait until the health port of every running process says that it is ready.

        A process that is restarted when it ends has to be replaced first; no other may have ended.
        """
        await eventually(
            lambda: not any(one.not_ready() for one in self.running) or self._any_ended(),
            self._explain,
        )
        assert not self._any_ended(), self._explain()

    def _any_ended(self) -> bool:
        return any(
            one.process.returncode is not None and one not in self._revived
            for one in list(self.running)
        )

    def _explain(self) -> str:
        late = [(one.role, reason) for one in self.running if (reason := one.not_ready())]
        return "\n".join(f"{reason}\n{self.log_of(role)[-2000:]}" for role, reason in late)

    async def kill(self, victim: RoleProcess) -> None:
        """Send SIGKILL to a process and wait until it has ended. It is not restarted."""
        self.running.remove(victim)
        victim.kill()
        await victim.process.wait()

    async def stop(self, one: RoleProcess) -> int:
        """Send SIGTERM to a process and return its exit status; fail the test if it stays."""
        self.running.remove(one)
        one.terminate()
        try:
            async with asyncio.timeout(PATIENCE_S):
                return await one.process.wait()
        except TimeoutError:
            one.kill()
            pytest.fail(f"{one.role} did not end {PATIENCE_S:g} s after SIGTERM")

    def revive(self, *processes: RoleProcess) -> None:
        """Restart these processes (default: all) from now on whenever they end.

        In production a supervisor does this. A process that `stop` has stopped stays down.
        """
        for one in processes or tuple(self.running):
            self._watch(one)

    def one(self, role: Role) -> RoleProcess:
        """Return the process of a role: the first that is alive, when there are several.

        Where processes are restarted, a killed one is listed until it is replaced: see `alive`.
        """
        of_role = [one for one in self.running if one.role == role]
        assert of_role, f"the test runs no {role}"
        return next((one for one in of_role if one.is_alive), of_role[0])

    async def alive(self, role: Role) -> RoleProcess:
        """Wait until a role has a process that was not killed, and return it."""
        await eventually(lambda: self.one(role).is_alive, lambda: f"no {role} was started again")
        return self.one(role)

    def log_of(self, role: Role) -> str:
        """Return the logs of all processes that this role has had."""
        return "".join(path.read_text("utf-8") for path in sorted(self.folder.glob(f"{role}*.log")))

    async def command(self, *arguments: str) -> forks.Ran:
        """Run a command of `scserv` and wait for its end."""
        return await forks.run(arguments, self.environment(), self.folder)

    # -- phones and clients --------------------------------------------------------------

    def phone(self, number: str) -> Phone:
        """Return a phone, to be used with `async with`."""
        return Phone("127.0.0.1", self.centre.port, number)

    def deliver(
        self, source: str, text: str | bytes, *, centre: Simulator | None = None, **fields: Any
    ) -> "asyncio.Future[int]":
        """Have a centre deliver one deliver_sm; return the future of its final status.

        The service's own centre, unless another is named. `fields` are those of the PDU and
        win over what `source` and `text` make of them.
        """
        short_message = text if isinstance(text, bytes) else text.encode("ascii")
        to = number_to_address(FEDERAL_NUMBER)
        values: dict[str, Any] = {
            "source_addr_ton": 1,
            "source_addr_npi": 1,
            "source_addr": source.removeprefix("+"),
            "dest_addr_ton": to.ton,
            "dest_addr_npi": to.npi,
            "destination_addr": to.addr,
            "short_message": short_message,
        }
        settled: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        message = QueuedMessage(DeliverSm(**(values | fields)), settled.set_result)
        queue = (centre or self.centre).queue(ACCOUNT.system_id)
        assert queue.put(message), "the delivery queue is full"
        return settled

    async def text(self, source: str, text: str | bytes, **fields: Any) -> None:
        """Deliver a text and wait for the positive answer."""
        try:
            status = await asyncio.wait_for(self.deliver(source, text, **fields), PATIENCE_S)
        except TimeoutError:
            pytest.fail(
                f"a text was never accepted; the gateway says:\n{self.log_of('gateway')[-3000:]}"
            )
        assert status == Status.ESME_ROK

    def new_numbers(self, how_many: int) -> list[str]:
        """Return numbers that no other test of this service uses."""
        return [f"+7916{next(self._numbers):07d}" for _ in range(how_many)]

    def key_of(self, number: str) -> bytes:
        """Return the Kafka key of a number's records."""
        return self._hasher.hash(number).hex().encode()

    def import_clients(self, clients: Iterable[Client]) -> None:
        """Load clients as operators do: from a CSV file."""
        path = self.folder / f"clients-{next(self._files)}.csv"
        with path.open("w", encoding="utf-8", newline="") as file:
            lines = csv.writer(file)
            lines.writerow(("msisdn", "client_id", "personal_code", "login", "password"))
            for one in clients:
                client_id = self._client_ids.setdefault(one.number, f"C{len(self._client_ids)}")
                lines.writerow((one.number, client_id, one.personal_code, one.login, one.password))
        self._load_clients(path)
        path.unlink()  # it holds secrets in the clear; tests search this folder for them

    def _load_clients(self, file: Path) -> None:
        status = run_import(file, self.database_url, SUBJECT_KEY, VAULT_KEY, Terminal(quiet=True))
        assert status == 0

    def import_clients_of(self, numbers: Iterable[str]) -> None:
        """Load a client for each number."""
        self.import_clients(Client(number) for number in numbers)

    def new_client(self, **fields: str) -> Client:
        """Import a client with a new number, and return it."""
        client = Client(self.new_numbers(1)[0], **fields)
        self.import_clients([client])
        return client

    # -- what is stored -----------------------------------------------------------------

    def rows(self, query: LiteralString, *parameters: object) -> list[tuple[Any, ...]]:
        """Run one statement and return its rows."""
        return self._database.run(query, parameters).fetchall()

    def execute(self, query: LiteralString, *parameters: object) -> None:
        """Run one statement that returns nothing."""
        self._database.run(query, parameters)

    def value(self, query: LiteralString, *parameters: object) -> Any:
        """Run one statement and return its only value."""
        return self.rows(query, *parameters)[0][0]

    def sizes(self, *tables: str) -> dict[str, int]:
        """Return how many rows each table has."""
        count_rows: LiteralString = "SELECT count(*) FROM {}"
        return {
            table: self._database.run(
                sql.SQL(count_rows).format(sql.Identifier(table)), ()
            ).fetchall()[0][0]
            for table in tables
        }

    def events(self, number: str | None = None) -> list[Event]:
        """Return the events of one number, or the whole log."""
        columns: LiteralString = (
            "SELECT position, stream_id, version, type, data, metadata FROM events "
        )
        if number is None:
            found = self.rows(columns + "ORDER BY position")
        else:
            found = self.rows(
                columns + "JOIN subjects ON subject_id = stream_id WHERE number_hash = %s"
                " ORDER BY version",
                self._hasher.hash(number),
            )
        return [Event(*row) for row in found]

    def accepted(self, number: str) -> list[str]:
        """Return the commands of a number that made requests, in order."""
        events = self.events(number)
        return [event.data["command"] for event in events if event.type == "request.accepted"]

    def records(self, topic: str) -> list[Any]:
        """Return every record that a topic holds now. Blocks; joins no consumer group."""
        return list(records(self.bootstrap, topic))

    async def completed(self, *numbers: str, requests: int = 1) -> None:
        """Wait until each number has this many completed requests."""
        hashes = [self._hasher.hash(number) for number in numbers]
        wanted = requests * len(numbers)
        await eventually(
            lambda: self._completed(hashes) >= wanted,
            lambda: f"{self._completed(hashes)} of {wanted} requests are completed",
        )

    async def projected(self) -> None:
        """Wait until the projections show the whole log; needs a running projector."""
        query: LiteralString = (
            "SELECT count(*) FROM projections.progress"
            " WHERE position < (SELECT max(position) FROM events)"
        )
        await eventually(
            lambda: self.value(query) == 0,
            lambda: f"the projections lag; the projector says:\n{self.log_of('projector')}",
        )

    def _completed(self, hashes: Sequence[bytes]) -> int:
        done: int = self.value(
            "SELECT count(*) FROM events JOIN subjects ON subject_id = stream_id"
            " WHERE type = 'request.completed' AND number_hash = ANY(%s)",
            list(hashes),
        )
        return done

    # -- processes, privately ---------------------------------------------------------

    async def _start(self, role: Role) -> RoleProcess:
        port = free_port()
        one = RoleProcess(role, await self._run(role, port), port)
        self.running.append(one)
        return one

    async def _run(self, role: Role, port: int) -> asyncio.subprocess.Process | forks.Forked:
        arguments, environment = (role, *self._config(role, port)), self.environment(port)
        log = self.folder / f"{role}-{port}.log"
        if self.program == PROGRAM:
            return await forks.start(
                forks.Wanted(arguments, environment, str(self.folder), str(log), str(log))
            )
        with log.open("wb") as out:
            return await asyncio.create_subprocess_exec(
                *(*self._entering(port), sys.executable, "-m", self.program, *arguments),
                cwd=self.folder,
                env=environment,
                stdout=out,
                stderr=out,
            )

    def _entering(self, _port: int) -> Sequence[str]:
        """Return the words that start a process somewhere else, before those of its own."""
        return ()

    def _config(self, _role: Role, _port: int) -> Sequence[str]:
        """Return the option for the TOML file, if the test has written one into the folder."""
        return ("--config", CONFIG) if (self.folder / CONFIG).exists() else ()

    def environment(self, health_port: int = 0) -> dict[str, str]:
        """Return the environment of its processes and commands."""
        inherited = {k: v for k, v in os.environ.items() if not k.startswith(("SCSERV_", "OTEL_"))}
        return inherited | {
            "SCSERV_DATABASE_URL": self.database_url,
            "SCSERV_KAFKA_BOOTSTRAP_SERVERS": self.bootstrap,
            "SCSERV_TOPIC_PREFIX": self._prefix,
            "SCSERV_VAULT_KEY": VAULT_KEY.hex(),
            "SCSERV_SUBJECT_KEY": SUBJECT_KEY.hex(),
            "SCSERV_HEALTH_PORT": str(health_port),
            "SCSERV_SMPP__PORT": str(self.centre.port),
            "SCSERV_SMPP__SYSTEM_ID": ACCOUNT.system_id,
            "SCSERV_SMPP__PASSWORD": ACCOUNT.password,
            "SCSERV_SMPP__WINDOW": str(WINDOW),
            "SCSERV_SMPP__RESPONSE_TIMEOUT_S": "5",
            "SCSERV_SMPP__RECONNECT_MIN_S": "0.05",
            "SCSERV_SMPP__RECONNECT_MAX_S": "0.2",
            **NO_CEILINGS,
            **self.extra_environment,
        }

    def _watch(self, one: RoleProcess) -> None:
        self._revived.append(one)
        task = asyncio.create_task(self._start_again(one))
        self._revivals.add(task)
        task.add_done_callback(self._revivals.discard)

    async def _start_again(self, one: RoleProcess) -> None:
        await one.process.wait()
        if one in self.running:
            # The successor is listed first: at no moment does a role have no process.
            successor = await self._start(one.role)
            self._watch(successor)
            with suppress(ValueError):  # the test ended it meanwhile
                self.running.remove(one)

    async def close(self) -> None:
        """End every process and the centre."""
        for task in self._revivals:
            task.cancel()
        await asyncio.gather(*(self.kill(one) for one in list(self.running)))
        await self.centre.close()
        self._database.close()


class _Database:
    """One connection of the tests to a database, made again after its server was restarted.

    Tests poll, and a new connection for each look costs ten times as much as the look.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._connection: psycopg.Connection | None = None
        self._turn = threading.Lock()

    def run(self, query: sql.Composed | LiteralString, parameters: Sequence[object]) -> _Cursor:
        """Run one statement. Raises OperationalError while the server is away."""
        with self._turn:
            if self._connection is not None:
                try:
                    return self._connection.execute(query, parameters)
                except psycopg.OperationalError:
                    if not self._connection.closed:
                        raise
            # Without prepared statements: tests change tables.
            self._connection = psycopg.connect(self._url, autocommit=True, prepare_threshold=None)
            return self._connection.execute(query, parameters)

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()


@asynccontextmanager
async def open_service(
    folder: Path,
    server_url: Callable[[str], str],
    kafka: str | KafkaConnection,
    environment: Mapping[str, str] | None = None,
    program: str = PROGRAM,
) -> AsyncIterator[Service]:
    """Prepare a database and topics, start the centre and one process of each role.

    `server_url` returns the URL of a database by its name. `kafka` is an address, or a connection
    with credentials, whose settings `environment` then has to name. `program` is the module that
    is run with the name of a role as its argument.
    """
    from inbound.kafka import admin

    mark = os.urandom(6).hex()
    database_url = _new_database(server_url, f"e2e_{mark}")
    names = TopicNames.prefixed(f"e2e-{mark}.")
    broker = kafka if isinstance(kafka, KafkaConnection) else KafkaConnection(kafka)
    partitions = int((environment or {}).get("SCSERV_KAFKA_PARTITIONS", PARTITIONS))
    admin.apply(broker, names.specs(partitions), replication_factor=1)
    service = Service(folder, database_url, broker.bootstrap, names, f"e2e-{mark}.")
    service.extra_environment.update(environment or {})
    service.program = program
    await service.centre.start()
    try:
        await service.start()
        yield service
    finally:
        await service.close()


def _new_database(server_url: Callable[[str], str], name: str) -> str:
    """Create a database with all tables: a copy, if the server has a template."""
    with psycopg.connect(server_url("postgres"), autocommit=True) as connection:
        has_template = connection.execute(
            "SELECT count(*) > 0 FROM pg_database WHERE datname = %s", [MIGRATED]
        ).fetchone() == (True,)
        names = (name, MIGRATED if has_template else "template1")
        connection.execute(sql.SQL(COPY_DATABASE).format(*map(sql.Identifier, names)))
    if not has_template:
        migrate(server_url(name))
    return server_url(name)


@pytest.fixture(scope="module")
def service_environment() -> Mapping[str, str]:
    """What a module sets for its `service`; modules override this."""
    return {}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def service(
    tmp_path_factory: pytest.TempPathFactory,
    postgres_server: SharedPostgres,
    kafka_server: SharedKafka,
    service_environment: Mapping[str, str],
) -> AsyncIterator[Service]:
    """One service for all tests of a module; each test uses its own numbers."""
    folder = tmp_path_factory.mktemp("service")
    async with open_service(
        folder, postgres_server.url, kafka_server.bootstrap, service_environment
    ) as service:
        yield service


async def eventually(look: Callable[[], bool], what: Callable[[], str]) -> None:
    """Poll until `look` is true, for a condition without a signal; or fail with `what`."""

    def fail(_: object) -> NoReturn:
        pytest.fail(f"not within {PATIENCE_S:g} s: {what()}")

    looking = AsyncRetrying(
        # A test may have killed the database.
        retry=retry_if_result(lambda found: not found)
        | retry_if_exception_type(psycopg.OperationalError),
        # Looking costs processes CPU that they need, so a long wait is looked at less often.
        wait=wait_exponential(multiplier=0.05, exp_base=1.2, max=0.25),
        stop=stop_after_delay(PATIENCE_S),
        retry_error_callback=fail,
    )
    await looking(asyncio.to_thread, look)


def free_port() -> int:
    """Return a free loopback port outside the ephemeral range.

    A port from bind(0) could be given to another process before ours listens on it. For the same
    reason each worker of this run has ports of its own, and gives each out once.
    """
    while True:
        port = random.choice(_PORTS[_WORKER::_WORKERS])
        if port in _given_out:
            continue
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            _given_out.add(port)
            return port
