"""docs/examples/subscriber.py does what the guide for subscribers says."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from schemas.topics import TopicNames
from tests.subscribers import (
    EXAMPLES_FOLDER,
    World,
    check_history_is_no_news,
    check_restarts_rebalances_and_doubles,
    python_example,
    world,
)


@pytest.fixture
async def here(kafka_bootstrap: str, topics: TopicNames, tmp_path: Path) -> AsyncIterator[World]:
    async with world(kafka_bootstrap, topics, tmp_path, python_example) as made:
        yield made


def test_it_is_short() -> None:
    lines = (EXAMPLES_FOLDER / "subscriber.py").read_text("utf-8").splitlines()
    assert len(lines) <= 80


@pytest.mark.drill
async def test_it_survives_kills_rebalances_and_doubles(here: World) -> None:
    await check_restarts_rebalances_and_doubles(here)


async def test_history_is_no_news(here: World) -> None:
    await check_history_is_no_news(here)
