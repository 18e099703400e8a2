"""The ingress on a database of its own."""

from collections.abc import AsyncIterator

import httpx
import pytest

from inbound.ingress.credentials import Credentials
from tests.fix_store import (  # noqa: F401  fixtures
    cipher,
    conn,
    database_url,
    migrated_template,
    settings_of_the_service,
)
from tests.integration.ingress.world import World


@pytest.fixture
async def world(database_url: str) -> AsyncIterator[World]:  # noqa: F811
    made = World(database_url)
    yield made
    await made.close()


@pytest.fixture
def shop(world: World) -> Credentials:
    return world.account("shop")


@pytest.fixture
def http(world: World) -> httpx.AsyncClient:
    return world.client()
