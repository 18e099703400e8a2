"""A generated log on a real PostgreSQL, which no projection shows yet."""

import secrets
from collections.abc import Callable, Iterator

import psycopg
import pytest
from psycopg import sql

from inbound.store.connections import connect
from tests.bench import history
from tests.fix_servers import SharedPostgres
from tests.fix_store import migrated_template

__all__ = ["migrated_template"]

REQUESTS = 200


@pytest.fixture(scope="session")
def filled_template(postgres_server: SharedPostgres, migrated_template: str) -> str:
    """A database with the events of `REQUESTS` requests, to be copied."""
    name = f"filled_{secrets.token_hex(6)}"
    with psycopg.connect(postgres_server.url("postgres"), autocommit=True) as connection:
        names = map(sql.Identifier, (name, migrated_template))
        connection.execute(sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(*names))
    history.fill(postgres_server.url(name), requests=REQUESTS)
    return name


@pytest.fixture
def url(new_database: Callable[[str], str], filled_template: str) -> str:
    """A database of its own for one test."""
    return new_database(filled_template)


@pytest.fixture
def conn(url: str) -> Iterator[psycopg.Connection]:
    """A connection to it."""
    with connect(url, "tests") as connection:
        yield connection
