"""One real PostgreSQL and one real Kafka per test run, with a database and topics for each test.

Both are the servers of production. Only PostgreSQL's `fsync` is off: it protects against power
loss, not against a killed process. A run that needs neither server starts neither. Their data is
in memory if there is room (`tests.ram_disk`).

When pytest-xdist runs the tests in several workers, the controller starts both servers before
the first worker, tells each worker where they are, and stops them after the last one has ended,
however the run ends; unit tests need none. Names of databases and topics are random, so that
tests which run at the same time never meet.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self

import psycopg
import pytest
from psycopg import sql

from inbound.kafka.connection import KafkaConnection
from inbound.local.servers.postgres import PostgresServer
from inbound.store.connections import connect
from inbound.store.migrations.runner import migrate
from schemas.topics import TopicNames
from tests.databases import Databases
from tests.keys import begin_as_older_release
from tests.ram_disk import server_folder
from tests.searching import POSTGRES_SETTINGS

# kafka-python is imported when the first test needs it: that takes a while, and it warns.
if TYPE_CHECKING:
    from inbound.local.servers.kafka import KafkaServer

_SETTINGS: Final = {
    **POSTGRES_SETTINGS,
    # Several workers, each with the processes of a whole service.
    "max_connections": "300",
    # Copying a database ends with a checkpoint, most of which is waiting for the disk.
    "fsync": "off",
    # Hundreds of short-lived databases: an autovacuum worker in a template would block its copying.
    "autovacuum": "off",
}

MIGRATED: Final = "template_migrated"
"""A database with all tables, to be copied: quicker than to migrate for each test."""


@dataclass(frozen=True, slots=True)
class SharedPostgres:
    """The PostgreSQL of this test run. Another process may own it, so no test can stop it."""

    data_dir: Path
    log: Path
    pid: int
    server_url: str

    @classmethod
    def of(cls, server: PostgresServer) -> Self:
        """Describe a server that runs."""
        assert server.pid is not None
        return cls(server.data_dir, server.log, server.pid, server.url(""))

    def url(self, database: str = "scserv") -> str:
        """Return the connection URL of a database, password included."""
        return self.server_url.replace("/?", f"/{database}?")


@dataclass(frozen=True, slots=True)
class SharedKafka:
    """The Kafka of this test run. Another process may own it, so no test can stop it."""

    data_dir: Path
    log: Path
    pid: int
    bootstrap: str

    @classmethod
    def of(cls, server: KafkaServer) -> Self:
        """Describe a server that runs."""
        assert server.pid is not None
        return cls(server.data_dir, server.log, server.pid, server.bootstrap)


class Servers:
    """The servers of this process, each started in a thread when it is first asked for."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._threads = ThreadPoolExecutor(2, thread_name_prefix="servers")
        self._postgres: Future[PostgresServer] | None = None
        self._kafka: Future[KafkaServer] | None = None

    def begin_postgres(self) -> Future[PostgresServer]:
        """Start PostgreSQL unless that was done already; does not wait for it."""
        if self._postgres is None:
            self._postgres = self._threads.submit(self._start_postgres)
        return self._postgres

    def _start_postgres(self) -> PostgresServer:
        server = PostgresServer(self._folder / "postgres", settings=_SETTINGS).start()
        with psycopg.connect(server.url("postgres"), autocommit=True) as connection:
            _shorten_handshakes(connection)
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(MIGRATED)))
        migrate(server.url(MIGRATED))
        with connect(server.url(MIGRATED), "tests") as connection:
            begin_as_older_release(connection)
        return server

    def begin_kafka(self) -> Future[KafkaServer]:
        """Start Kafka unless that was done already; does not wait for it."""
        if self._kafka is None:
            from inbound.local.servers.kafka import KafkaServer
            from inbound.local.servers.kafka_listeners import OPEN

            server = KafkaServer(self._folder / "kafka", heap_mb=384, listener=OPEN)
            self._kafka = self._threads.submit(server.start)
        return self._kafka

    def postgres(self) -> SharedPostgres:
        """Return the PostgreSQL. Blocks until it runs; raises what kept it from starting."""
        return SharedPostgres.of(self.begin_postgres().result())

    def kafka(self) -> SharedKafka:
        """Return the Kafka. Blocks until it runs; raises what kept it from starting."""
        return SharedKafka.of(self.begin_kafka().result())

    def stop(self) -> None:
        """Stop the servers that were started. Blocks until they have ended."""
        begun = [future for future in (self._postgres, self._kafka) if future is not None]
        stops = [self._threads.submit(_stop, future) for future in begun]
        self._threads.shutdown()
        for stop in stops:
            stop.result()


def _shorten_handshakes(connection: psycopg.Connection) -> None:
    """Hash the password once instead of 4,096 times: 4 ms of a client's CPU for each connection."""
    connection.execute("SET scram_iterations = 1")
    password = sql.Literal(connection.info.password)
    connection.execute(sql.SQL("ALTER ROLE CURRENT_USER PASSWORD {}").format(password))


def _stop(future: Future[PostgresServer] | Future[KafkaServer]) -> None:
    # A server that did not start has already failed the test that asked for it.
    if future.exception() is None:
        future.result().stop()


# -- a run with several workers --------------------------------------------------------------

_controllers = pytest.StashKey[Servers]()


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """In the controller, before each worker: tell it where the servers are."""
    config: pytest.Config = node.config
    if all(Path(argument).parts[:2] == ("tests", "unit") for argument in config.args):
        return
    servers = config.stash.get(_controllers, None)
    if servers is None:
        on_disk = config._tmp_path_factory.mktemp("servers")  # type: ignore[attr-defined]
        stack = ExitStack()
        folder = stack.enter_context(server_folder("servers", on_disk))
        servers = config.stash[_controllers] = Servers(folder)
        stack.callback(servers.stop)
        config.add_cleanup(stack.close)
        servers.begin_kafka()
    postgres, kafka = servers.postgres(), servers.kafka()
    node.workerinput["postgres"] = (
        *(str(postgres.data_dir), str(postgres.log), postgres.pid, postgres.server_url),
    )
    node.workerinput["kafka"] = (
        *(str(kafka.data_dir), str(kafka.log), kafka.pid, kafka.bootstrap),
    )


def _controller_address(config: pytest.Config, server: str) -> tuple[Path, Path, int, str] | None:
    """Return the server of this run from the controller; None if it has started none."""
    given = getattr(config, "workerinput", {}).get(server)
    if given is None:
        return None
    data_dir, log, pid, address = given
    return Path(data_dir), Path(log), pid, address


# -- fixtures ----------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def _servers(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Servers]:
    with server_folder("servers", tmp_path_factory.mktemp("servers")) as folder:
        servers = Servers(folder)
        wanted = {name for item in request.session.items for name in _fixtures_of(item)}
        # Side by side, when the run needs both.
        if "postgres_server" in wanted:
            servers.begin_postgres()
        if "kafka_server" in wanted:
            servers.begin_kafka()
        yield servers
        servers.stop()


def _fixtures_of(item: pytest.Item) -> list[str]:
    return item.fixturenames if isinstance(item, pytest.Function) else []


@pytest.fixture(scope="session")
def postgres_server(request: pytest.FixtureRequest) -> SharedPostgres:
    """The PostgreSQL of this test run."""
    if told := _controller_address(request.config, "postgres"):
        return SharedPostgres(*told)
    servers: Servers = request.getfixturevalue("_servers")
    return servers.postgres()


@pytest.fixture(scope="session")
def kafka_server(request: pytest.FixtureRequest) -> SharedKafka:
    """The Kafka of this test run."""
    if told := _controller_address(request.config, "kafka"):
        return SharedKafka(*told)
    servers: Servers = request.getfixturevalue("_servers")
    return servers.kafka()


@pytest.fixture(scope="session")
def databases(postgres_server: SharedPostgres) -> Iterator[Databases]:
    """The databases of this process; `new_database` is what tests use."""
    made = Databases(postgres_server.url, MIGRATED)
    yield made
    made.close()


@pytest.fixture
def new_database(databases: Databases) -> Iterator[Callable[[str], str]]:
    """A function that returns the URL of a database of this test alone, like a template."""
    with ExitStack() as lent:

        def create(template: str = "template1") -> str:
            return lent.enter_context(databases.lend(template))

        yield create


@pytest.fixture
def empty_database_url(new_database: Callable[[], str]) -> str:
    """An empty database of this test alone."""
    return new_database()


@pytest.fixture
def kafka_bootstrap(kafka_server: SharedKafka) -> str:
    """HOST:PORT of the Kafka of this test run; use `topic_names` on it."""
    return kafka_server.bootstrap


@pytest.fixture
def topic_names() -> TopicNames:
    """Names of this test alone; nothing is created."""
    return TopicNames.prefixed(f"test-{secrets.token_hex(6)}.")


@pytest.fixture
def topics(kafka_bootstrap: str, topic_names: TopicNames) -> Iterator[TopicNames]:
    """All topics of the service, created under the names of this test alone."""
    from inbound.kafka import admin

    specs = topic_names.specs()
    admin.apply(KafkaConnection(kafka_bootstrap), specs, replication_factor=1)
    yield topic_names
    # A test may have killed the broker's last connection; the topics go with the run anyway.
    with suppress(Exception):
        admin.delete(KafkaConnection(kafka_bootstrap), [spec.name for spec in specs])
