"""A process says when the database doesn't answer it, whether it is away or hangs."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

import pytest

from inbound.errors import RetryableError, SetupError
from inbound.ops.health import Health
from inbound.store import database_answers
from inbound.store.database_answers import keep_asking
from tests.patience import PATIENCE_S

WHERE = "db.example/scserv"
BACK = "the database can be reached again"


@pytest.fixture(autouse=True)
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ASK_EVERY_S", "ANSWER_WITHIN_S", "_LOOK_EVERY_S"):
        monkeypatch.setattr(database_answers, name, 0.001)


async def watched(
    ask: Callable[[], Awaitable[None]], look: Callable[[Health], Awaitable[None]]
) -> None:
    health = Health()
    watch = asyncio.create_task(keep_asking(health, ask, WHERE))
    async with asyncio.timeout(PATIENCE_S):
        await look(health)
    watch.cancel()
    await asyncio.gather(watch, return_exceptions=True)


async def becomes(health: Health, *, ok: bool) -> None:
    while health.passes("database") != ok:  # noqa: ASYNC110 - who asks a port is not told
        await asyncio.sleep(0)


async def test_a_database_that_hangs_makes_the_process_not_ready_until_it_answers(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, database_answers.__name__)
    go_on = asyncio.Event()

    async def look(health: Health) -> None:
        await becomes(health, ok=False)
        [reason] = health.ready().reasons
        assert reason.startswith(f"database: PostgreSQL at {WHERE} has not answered for ")
        await asyncio.sleep(0.05)  # longer than many looks
        go_on.set()
        await becomes(health, ok=True)

    async def ask() -> None:
        await go_on.wait()

    await watched(ask, look)
    [away, back] = caplog.messages
    assert away.startswith(f"PostgreSQL at {WHERE} has not answered for ")
    assert back == BACK


@pytest.mark.parametrize("error", [RetryableError, SetupError])
async def test_an_outage_is_told_with_its_reason_and_its_end_too(
    error: type[Exception], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, database_answers.__name__)
    away = True

    async def ask() -> None:
        if away:
            raise error(f"PostgreSQL at {WHERE} refuses")

    async def look(health: Health) -> None:
        nonlocal away
        await becomes(health, ok=False)
        assert health.ready().reasons == [f"database: PostgreSQL at {WHERE} refuses"]
        away = False
        await becomes(health, ok=True)

    await watched(ask, look)
    assert caplog.messages == [f"PostgreSQL at {WHERE} refuses", BACK]


async def test_a_question_that_hangs_is_not_left_behind() -> None:
    ended = asyncio.Event()

    async def ask() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    async def look(health: Health) -> None:
        await becomes(health, ok=False)

    await watched(ask, look)
    assert ended.is_set()
