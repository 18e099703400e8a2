"""A store with a history, and the command line as an operator uses it."""

import asyncio
import os
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from inbound.store.transactions.postgres import PostgresStore
from tests import forks
from tests.fix_store import NOON, cipher, conn, database_url, migrated_template, postgres_store
from tests.integration.streams.world import NUMBER, STRANGER, PostgresBackend, World

__all__ = ["cipher", "conn", "database_url", "migrated_template", "postgres_store"]

ROOT = Path(__file__).parents[3]


Scserv = Callable[..., forks.Ran]


@pytest.fixture
def scserv(database_url: str, tmp_path: Path) -> Scserv:
    """Run `scserv` in a process of its own, with the database's URL and nothing else set."""

    def run(*arguments: object, **environment: str) -> forks.Ran:
        kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        return forks.run_blocking(
            [str(argument) for argument in arguments],
            kept | {"PYTHONPATH": str(ROOT), "SCSERV_DATABASE_URL": database_url} | environment,
            tmp_path,
        )

    return run


@pytest.fixture
async def answered(postgres_store: PostgresStore, database_url: str) -> World:
    """Five commands of a client and one of a stranger, all answered, by the real processors."""
    world = World(PostgresBackend(postgres_store, database_url))
    texts = ["CLIENT sms stop", "CLIENT info", "CLIENT sms start", "CLIENT info", "CLIENT sms stop"]
    for n, text in enumerate(texts):
        world.now = NOON + timedelta(minutes=5 * n)
        await world.commands([world.text(text, NUMBER)])
    await world.commands([world.text("CLIENT info", STRANGER)])
    for _ in range(2):
        owed = world.owed()
        await world.submitted(*owed)
    await asyncio.sleep(0)
    return world
