"""The suites of this folder run against every adapter of a port."""

from collections.abc import AsyncIterator

import pytest

from inbound.keys import VaultCipher
from inbound.store.transactions.memory import MemoryStore
from inbound.store.transactions.port import Store
from inbound.store.transactions.postgres import PostgresStore
from tests.fix_store import (  # noqa: F401  fixtures
    cipher,
    database_url,
    hasher,
    migrated_template,
)


@pytest.fixture(params=["postgres", "memory"])
async def store(request: pytest.FixtureRequest, cipher: VaultCipher) -> AsyncIterator[Store]:  # noqa: F811
    made: Store = MemoryStore()
    if request.param == "postgres":
        made = PostgresStore(request.getfixturevalue("database_url"), cipher)
    yield made
    await made.close()
