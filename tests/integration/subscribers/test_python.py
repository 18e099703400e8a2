"""docs/examples/subscriber.py does what the guide for subscribers says."""

import sys
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest

from schemas.topics import TopicNames
from tests.subscribers import (
    World,
    check_history_is_no_news,
    check_restarts_rebalances_and_doubles,
    world,
)

EXAMPLE = Path(__file__).parents[3] / "docs" / "examples" / "subscriber.py"

pytestmark = pytest.mark.timeout(180)


def command(bootstrap: str, database: Path, group: str, topics: Sequence[str]) -> list[str]:
    return [sys.executable, str(EXAMPLE), bootstrap, str(database), group, *topics]


@pytest.fixture
async def here(kafka_bootstrap: str, topics: TopicNames, tmp_path: Path) -> AsyncIterator[World]:
    async with world(kafka_bootstrap, topics, tmp_path, command) as made:
        yield made


def test_it_is_short() -> None:
    assert len(EXAMPLE.read_text("utf-8").splitlines()) < 60


async def test_it_survives_kills_rebalances_and_doubles(here: World) -> None:
    await check_restarts_rebalances_and_doubles(here)


async def test_history_is_no_news(here: World) -> None:
    await check_history_is_no_news(here)
