"""The fixture `service`: one running service for all tests of a module."""

import os
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import psycopg
import pytest
import pytest_asyncio
from psycopg import sql

from inbound.kafka.connection import KafkaConnection
from inbound.store.migrations.runner import migrate
from schemas.topics import PARTITIONS, TopicNames
from tests.databases import COPY_DATABASE
from tests.fix_servers import MIGRATED, SharedKafka, SharedPostgres
from tests.keys import begin_anew
from tests.service.clients import STARTED, STOPPED, UNKNOWN_NUMBER, Client
from tests.service.ports import free_port
from tests.service.processes import CONFIG, PROGRAM
from tests.service.role_process import PAGES, ROLES, Role, RoleProcess
from tests.service.service import SUBJECT_KEY, VAULT_KEY, WINDOW, Service
from tests.service.stored import Event
from tests.service.waiting import eventually

__all__ = [
    "CONFIG",
    "PAGES",
    "PROGRAM",
    "ROLES",
    "STARTED",
    "STOPPED",
    "SUBJECT_KEY",
    "UNKNOWN_NUMBER",
    "VAULT_KEY",
    "WINDOW",
    "Client",
    "Event",
    "Role",
    "RoleProcess",
    "Service",
    "eventually",
    "free_port",
    "open_service",
    "service",
    "service_environment",
]


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
    if has_template:
        begin_anew(server_url(name))
    else:
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
