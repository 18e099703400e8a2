"""Batches grow while one is processed, are bounded, and lose nothing."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from inbound.kafka.decoding import TopicRecord
from streams.app import BatchLimits
from streams.gathering import gathered
from tests.patience import PATIENCE_S


class Source:
    """Items that a test hands over one by one."""

    def __init__(self) -> None:
        self.queue: asyncio.Queue[int | Exception | None] = asyncio.Queue()
        self.taken = 0

    async def items(self) -> AsyncIterator[int]:
        while (item := await self.queue.get()) is not None:
            if isinstance(item, Exception):
                raise item
            self.taken += 1
            yield item

    def put(self, *items: int | Exception | None) -> None:
        for item in items:
            self.queue.put_nowait(item)

    async def taken_up_to(self, count: int) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while self.taken < count:  # noqa: ASYNC110 — asyncio itself is what is tested
                await asyncio.sleep(0)


async def test_a_single_item_does_not_wait_for_others() -> None:
    source = Source()
    source.put(1)
    async with asyncio.timeout(PATIENCE_S):
        assert await anext(gathered(source.items(), 10)) == [1]


async def test_what_arrives_while_a_batch_is_processed_is_the_next_batch() -> None:
    source = Source()
    source.put(1)
    batches = gathered(source.items(), 10)
    assert await anext(batches) == [1]
    source.put(2, 3, 4)
    await source.taken_up_to(4)
    assert await anext(batches) == [2, 3, 4]
    await batches.aclose()


async def test_a_batch_that_is_not_full_waits_for_its_turn_after_the_one_before() -> None:
    source = Source()
    source.put(1)
    batches = gathered(source.items(), 3, every_s=10 * PATIENCE_S)
    assert await anext(batches) == [1]
    next_one = asyncio.ensure_future(anext(batches))
    for item in (2, 3):
        source.put(item)
        await source.taken_up_to(item)
    assert not next_one.done()
    source.put(4)
    assert await next_one == [2, 3, 4]
    source.put(5, None)
    async with asyncio.timeout(PATIENCE_S):
        assert await anext(batches) == [5]


async def test_a_batch_begins_when_its_turn_has_come() -> None:
    source = Source()
    source.put(1)
    batches = gathered(source.items(), 3, every_s=0.001)
    assert await anext(batches) == [1]
    source.put(2)
    async with asyncio.timeout(PATIENCE_S):
        assert await anext(batches) == [2]
    await batches.aclose()


async def test_a_batch_and_what_waits_for_the_next_are_bounded() -> None:
    source = Source()
    source.put(*range(20), None)
    batches = gathered(source.items(), 4)
    first = await anext(batches)
    for _ in range(100):
        await asyncio.sleep(0)
    assert source.taken <= len(first) + 4
    rest = [batch async for batch in batches]
    assert [item for batch in (first, *rest) for item in batch] == list(range(20))
    assert max(map(len, (first, *rest))) == 4


async def test_an_error_comes_after_what_arrived_before_it() -> None:
    source = Source()
    source.put(1, 2, RuntimeError("the stream broke"))
    found: list[int] = []

    async def read() -> None:
        async for batch in gathered(source.items(), 10):
            found.extend(batch)

    with pytest.raises(RuntimeError, match="the stream broke"):
        await read()
    assert found == [1, 2]


async def test_nothing_is_taken_from_the_source_after_the_end() -> None:
    source = Source()
    source.put(1)
    batches = gathered(source.items(), 10)
    await anext(batches)
    await batches.aclose()
    source.put(2)
    for _ in range(10):
        await asyncio.sleep(0)
    assert source.taken == 1


def records(*sizes: int) -> list[TopicRecord]:
    return [TopicRecord("t", 0, n, None, b"x" * size, []) for n, size in enumerate(sizes)]


@pytest.mark.parametrize(
    ("sizes", "limit", "batches"),
    [
        ((1, 1, 1), None, [3]),
        ((40, 40, 40, 40, 40), 100, [2, 2, 1]),
        ((500, 40, 500), 100, [1, 1, 1]),
        ((100,), 100, [1]),
    ],
)
def test_batches_are_split_by_size(
    sizes: tuple[int, ...], limit: int | None, batches: list[int]
) -> None:
    given = records(*sizes)
    found = []
    while given:
        found.append(BatchLimits(100, limit).first(given))
        given = given[found[-1] :]
    assert found == batches
