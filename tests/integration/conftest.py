"""The processors' world on either store, and the sender's bench."""

from collections.abc import AsyncIterator, Callable

import pytest

from inbound.keys import VaultCipher
from inbound.store.transactions.memory import MemoryStore
from inbound.store.transactions.postgres import PostgresStore
from tests.fix_store import VAULT_KEY, cipher, database_url, migrated_template
from tests.integration.streams.outbox.bench import Bench, open_bench
from tests.integration.streams.world import Backend, MemoryBackend, PostgresBackend, World

__all__ = ["cipher", "database_url", "migrated_template"]


@pytest.fixture(params=["memory", "postgres"])
async def backend(request: pytest.FixtureRequest) -> AsyncIterator[Backend]:
    if request.param == "memory":
        yield MemoryBackend(MemoryStore())
        return
    url: str = request.getfixturevalue("database_url")
    store = PostgresStore(url, VaultCipher(VAULT_KEY))
    yield PostgresBackend(store, url)
    await store.close()


@pytest.fixture
def world(backend: Backend) -> World:
    return World(backend)


@pytest.fixture
async def postgres_backend(
    database_url: str, cipher: VaultCipher
) -> AsyncIterator[PostgresBackend]:
    """For tests of what only a database has."""
    store = PostgresStore(database_url, cipher)
    yield PostgresBackend(store, database_url)
    await store.close()


@pytest.fixture
def postgres_world(postgres_backend: PostgresBackend) -> World:
    return World(postgres_backend)


@pytest.fixture
def new_world(backend: Backend) -> Callable[[], World]:
    """Worlds on one store: workers that know nothing of each other."""
    return lambda: World(backend)


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    """The sender at work."""
    async with open_bench() as bench:
        yield bench
