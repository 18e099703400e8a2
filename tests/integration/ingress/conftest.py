"""The ingress on a database of its own."""

from collections.abc import AsyncIterator

import pytest

from tests.fix_store import (  # noqa: F401  fixtures
    SUBJECT_KEY,
    VAULT_KEY,
    cipher,
    conn,
    database_url,
    migrated_template,
)
from tests.integration.ingress.world import World


@pytest.fixture
def settings_of_the_service(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: F811
    monkeypatch.setenv("SCSERV_DATABASE_URL", database_url)
    monkeypatch.setenv("SCSERV_SUBJECT_KEY", SUBJECT_KEY.hex())
    monkeypatch.setenv("SCSERV_VAULT_KEY", VAULT_KEY.hex())


@pytest.fixture
async def world(database_url: str) -> AsyncIterator[World]:  # noqa: F811
    made = World(database_url)
    yield made
    await made.close()
