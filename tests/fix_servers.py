"""One real PostgreSQL and one real Kafka per test run, and a corner of them for each test.

A run that needs neither starts neither; one that needs both starts them side by side.
Both work as in production: nothing is faked, `fsync` included. Only the write-ahead log is not
packed, because it is searched (`tests.searching`).
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest
from psycopg import sql

from inbound.local.servers.postgres import PostgresServer
from schemas.topics import TopicNames
from tests.searching import POSTGRES_SETTINGS

# kafka-python is imported when the first test needs it: it takes its time, and warns.
if TYPE_CHECKING:
    from inbound.local.servers.kafka import KafkaServer


class _Servers:
    """The servers of this run, each started in a thread at its first mention."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._threads = ThreadPoolExecutor(2, thread_name_prefix="servers")
        self._postgres: Future[PostgresServer] | None = None
        self._kafka: Future[KafkaServer] | None = None

    def begin_postgres(self) -> Future[PostgresServer]:
        if self._postgres is None:
            server = PostgresServer(self._folder / "postgres", settings=POSTGRES_SETTINGS)
            self._postgres = self._threads.submit(server.start)
        return self._postgres

    def begin_kafka(self) -> Future[KafkaServer]:
        if self._kafka is None:
            from inbound.local.servers.kafka import KafkaServer

            server = KafkaServer(self._folder / "kafka", heap_mb=256)
            self._kafka = self._threads.submit(server.start)
        return self._kafka

    def stop(self) -> None:
        begun = [future for future in (self._postgres, self._kafka) if future is not None]
        stops = [self._threads.submit(_stop, future) for future in begun]
        self._threads.shutdown()
        for stop in stops:
            stop.result()


def _stop(future: Future[PostgresServer] | Future[KafkaServer]) -> None:
    # One that never started has told the test that asked for it.
    if future.exception() is None:
        future.result().stop()


@pytest.fixture(scope="session")
def _servers(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[_Servers]:
    servers = _Servers(tmp_path_factory.mktemp("servers"))
    wanted = {name for item in request.session.items for name in _fixtures_of(item)}
    if "postgres_server" in wanted:
        servers.begin_postgres()
    if "kafka_server" in wanted:
        servers.begin_kafka()
    yield servers
    servers.stop()


def _fixtures_of(item: pytest.Item) -> list[str]:
    return item.fixturenames if isinstance(item, pytest.Function) else []


@pytest.fixture(scope="session")
def postgres_server(_servers: _Servers) -> PostgresServer:
    """The PostgreSQL of this test run; don't stop it."""
    return _servers.begin_postgres().result()


@pytest.fixture(scope="session")
def kafka_server(_servers: _Servers) -> KafkaServer:
    """The Kafka of this test run; don't stop it."""
    return _servers.begin_kafka().result()


@pytest.fixture
def new_database(postgres_server: PostgresServer) -> Iterator[Callable[[str], str]]:
    """A function that copies a template to a database of this test alone; returns its URL."""
    made: list[str] = []

    def create(template: str = "template1") -> str:
        name = f"test_{secrets.token_hex(6)}"
        _administer(postgres_server, "create database {} template {}", name, template)
        made.append(name)
        return postgres_server.url(name)

    yield create
    for name in made:
        _administer(postgres_server, "drop database {} with (force)", name)


def _administer(server: PostgresServer, statement: str, *names: str) -> None:
    with psycopg.connect(server.url("postgres"), autocommit=True) as connection:
        connection.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))


@pytest.fixture
def empty_database_url(new_database: Callable[[], str]) -> str:
    """An empty database of this test alone."""
    return new_database()


@pytest.fixture
def kafka_bootstrap(kafka_server: KafkaServer) -> str:
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
    admin.apply(kafka_bootstrap, specs, replication_factor=1)
    yield topic_names
    # A test may have killed the broker's last connection; what is left goes with the run.
    with suppress(Exception):
        admin.delete(kafka_bootstrap, [spec.name for spec in specs])
