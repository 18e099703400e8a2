"""The API over a real PostgreSQL, asked without a socket in between.

A database takes a second to copy, so tests share one and take people and tokens of their own;
those that damage theirs ask for `lone_world`.
"""

from collections.abc import AsyncIterator, Iterator

import pytest

from inbound.store.connections import connect
from tests.fix_servers import SharedPostgres
from tests.fix_store import (  # noqa: F401  fixtures
    database_url,
    migrated_template,
)
from tests.integration.api.world import World, filled_database
from tests.integration.projections.lines import catch_up


@pytest.fixture(scope="session")
def shared_url(postgres_server: SharedPostgres, migrated_template: str) -> Iterator[str]:  # noqa: F811
    """A database with clients and a month of their requests, for all tests of this folder."""
    with filled_database(postgres_server, migrated_template) as url:
        with connect(url, "tests") as filled:
            catch_up(filled)
        yield url


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
