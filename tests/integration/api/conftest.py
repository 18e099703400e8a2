"""The API over a real PostgreSQL, asked without a socket in between.

A database takes a second to copy, so tests share one and take people and tokens of their own;
those that damage theirs ask for `lone_world`.
"""

import secrets
from collections.abc import AsyncIterator, Iterator

import psycopg
import pytest
from psycopg import sql

from inbound.servers.postgres import PostgresServer
from tests.fix_store import (  # noqa: F401  fixtures
    database_url,
    migrated_template,
)
from tests.integration.api.world import World


@pytest.fixture(scope="session")
def shared_url(postgres_server: PostgresServer, migrated_template: str) -> Iterator[str]:  # noqa: F811
    """A database with all tables, for all tests of this folder."""
    name = f"api_{secrets.token_hex(6)}"
    names = {"name": sql.Identifier(name), "template": sql.Identifier(migrated_template)}
    with psycopg.connect(postgres_server.url("postgres"), autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {name} TEMPLATE {template}").format(**names))
        yield postgres_server.url(name)
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
