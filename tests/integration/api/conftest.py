"""The API over a real PostgreSQL, asked without a socket in between.

A database takes a second to copy, so tests share one and take people and tokens of their own;
those that damage theirs ask for `lone_world`.
"""

import secrets
from collections.abc import AsyncIterator, Iterator

import psycopg
import pytest
from psycopg import sql

from inbound.store.connections import connect
from tests.bench import history
from tests.fix_servers import SharedPostgres
from tests.fix_store import (  # noqa: F401  fixtures
    SUBJECT_KEY,
    VAULT_KEY,
    database_url,
    migrated_template,
)
from tests.integration.api.world import CLIENTS, REQUESTS, World, import_clients
from tests.integration.projections.lines import catch_up


@pytest.fixture(scope="session")
def shared_url(postgres_server: SharedPostgres, migrated_template: str) -> Iterator[str]:  # noqa: F811
    """A database with clients and a month of their requests, for all tests of this folder."""
    name = f"api_{secrets.token_hex(6)}"
    names = {"name": sql.Identifier(name), "template": sql.Identifier(migrated_template)}
    with psycopg.connect(postgres_server.url("postgres"), autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {name} TEMPLATE {template}").format(**names))
        url = postgres_server.url(name)
        history.fill(url, requests=REQUESTS, subject_key=SUBJECT_KEY, vault_key=VAULT_KEY)
        import_clients(url, CLIENTS.items())
        with connect(url, "tests") as filled:
            catch_up(filled)
        yield url
        connection.execute(sql.SQL("DROP DATABASE {name} WITH (FORCE)").format(**names))


@pytest.fixture
async def world(shared_url: str) -> AsyncIterator[World]:
    made = World(shared_url)
    yield made
    await made.close()


@pytest.fixture
async def lone_world(database_url: str) -> AsyncIterator[World]:  # noqa: F811
    made = World(database_url)
    yield made
    await made.close()
