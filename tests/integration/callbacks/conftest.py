"""Callbacks on a database of their own."""

from collections.abc import AsyncIterator

import psycopg
import pytest

from inbound.keys import VaultCipher
from tests.fix_store import (  # noqa: F401  fixtures
    cipher,
    conn,
    database_url,
    hasher,
    migrated_template,
    settings_of_the_service,
)
from tests.integration.callbacks.callback_world import World


@pytest.fixture
async def world(
    database_url: str,  # noqa: F811
    cipher: VaultCipher,  # noqa: F811
    conn: psycopg.Connection,  # noqa: F811
) -> AsyncIterator[World]:
    made = World(database_url, cipher, conn)
    yield made
    await made.store.close()
    await made.pool.close()
