"""The desk over a real PostgreSQL, asked without a socket in between; tests share a database."""

from collections.abc import AsyncIterator, Callable, Iterator
from urllib.parse import urlsplit

import pytest

from inbound.desk.identity import passwords
from tests.fix_servers import SharedPostgres
from tests.fix_store import (  # noqa: F401  fixtures
    database_url,
    migrated_template,
)
from tests.integration.api.world import filled_database
from tests.integration.desk.openid_provider import OpenIdProvider
from tests.integration.desk.world import NOW, QUICK_HASHER, DeskWorld


@pytest.fixture(autouse=True)
def quick_hasher(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "_HASHER", QUICK_HASHER)


@pytest.fixture(scope="session")
def desk_url(postgres_server: SharedPostgres, migrated_template: str) -> Iterator[str]:  # noqa: F811
    """A database for all tests of this folder; each has users of its own."""
    with filled_database(postgres_server, migrated_template) as url:
        yield url


@pytest.fixture
def own_desk_url(new_database: Callable[[str], str], desk_url: str) -> str:
    """A copy of the folder's database for one test, which changes what all would see."""
    return new_database(urlsplit(desk_url).path[1:])


@pytest.fixture
async def handset_world(desk_url: str) -> AsyncIterator[DeskWorld]:
    made = DeskWorld(desk_url, has_handset=True)
    yield made
    await made.close()


@pytest.fixture
async def world(desk_url: str) -> AsyncIterator[DeskWorld]:
    made = DeskWorld(desk_url)
    yield made
    await made.close()


@pytest.fixture
async def provider() -> AsyncIterator[OpenIdProvider]:
    async with OpenIdProvider(NOW.timestamp).running() as running:
        yield running
