"""docs/examples/subscriber.js does what the guide for subscribers says."""

from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest

from schemas.topics import TopicNames
from tests.peers.conftest import CACHE
from tests.subscribers import (
    EXAMPLES_FOLDER,
    World,
    check_history_is_no_news,
    check_restarts_rebalances_and_doubles,
    world,
)

EXAMPLE = EXAMPLES_FOLDER / "subscriber.js"


@pytest.fixture
async def here(
    kafka_bootstrap: str,
    topics: TopicNames,
    tmp_path: Path,
    node: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[World]:
    def command(bootstrap: str, database: Path, group: str, topics: Sequence[str]) -> list[str]:
        # Node's SQLite still warns that it is new.
        program = [*node, "--disable-warning=ExperimentalWarning", str(EXAMPLE)]
        return [*program, bootstrap, str(database), group, *topics]

    monkeypatch.setenv("NODE_PATH", str(CACHE / "node_modules"))
    async with world(kafka_bootstrap, topics, tmp_path, command) as made:
        yield made


def test_it_is_short() -> None:
    assert len(EXAMPLE.read_text("utf-8").splitlines()) <= 80


async def test_it_survives_kills_rebalances_and_doubles(here: World) -> None:
    await check_restarts_rebalances_and_doubles(here)


async def test_history_is_no_news(here: World) -> None:
    await check_history_is_no_news(here)
