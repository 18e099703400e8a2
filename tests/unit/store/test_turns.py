"""Who has lost to others runs alone, and comes to its turn."""

import asyncio
from collections.abc import Sequence

import pytest

from inbound.deadletter.isolation import BatchProcessor, FailedRecord
from inbound.kafka.decoding import TopicRecord
from inbound.store.errors import Conflict
from inbound.store.turns import Turns
from tests.patience import PATIENCE_S

RECORD = TopicRecord("t", 0, 7, None, b"", [])


async def settled() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


async def nothing(_: Sequence[FailedRecord]) -> None:
    raise AssertionError("nothing is set aside here")


async def test_they_run_at_once_until_one_wants_to_be_alone() -> None:
    turns, log = Turns(), list[str]()
    ends = {name: asyncio.Event() for name in "abcd"}

    async def together(name: str) -> None:
        async with turns.together():
            log.append(name)
            await ends[name].wait()

    async def alone(name: str) -> None:
        async with turns.alone():
            log.append(name)
            await ends[name].wait()

    async with asyncio.timeout(PATIENCE_S), asyncio.TaskGroup() as group:
        group.create_task(together("a"))
        group.create_task(together("b"))
        await settled()
        group.create_task(alone("c"))
        await settled()
        group.create_task(together("d"))
        await settled()
        assert log == ["a", "b"]
        ends["a"].set()
        ends["b"].set()
        await settled()
        assert log == ["a", "b", "c"], "the one that waited to be alone goes first, alone"
        ends["c"].set()
        await settled()
        assert log == ["a", "b", "c", "d"]
        ends["d"].set()


async def test_a_cancelled_wait_for_being_alone_holds_up_nobody() -> None:
    turns = Turns()

    async def alone() -> None:
        async with turns.alone():
            raise AssertionError

    async with turns.together():
        waiting = asyncio.create_task(alone())
        await settled()
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
    async with asyncio.timeout(PATIENCE_S), turns.together():
        pass


async def test_a_batch_that_lost_decides_again_while_no_other_runs() -> None:
    turns, tries, others = Turns(), list[int](), list[int]()

    async def small(_: Sequence[TopicRecord]) -> None:
        others.append(len(tries))
        await asyncio.sleep(0)

    async def large(_: Sequence[TopicRecord]) -> None:
        before = len(others)
        tries.append(before)
        await settled()
        if len(others) > before:
            raise Conflict("another was first")

    async def busy() -> None:
        processor = BatchProcessor(small, nothing, turns=turns)
        while len(others) < 1_000_000:
            await processor([RECORD])

    async with asyncio.timeout(PATIENCE_S):
        competing = asyncio.create_task(busy())
        await BatchProcessor(large, nothing, turns=turns)([RECORD])
        competing.cancel()
    assert len(tries) == 2
