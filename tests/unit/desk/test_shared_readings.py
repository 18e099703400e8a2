"""What many tabs ask at the same moment is read once."""

import asyncio

import pytest

from inbound.desk.shared_readings import SharedReadings
from inbound.store.errors import StoreUnavailable


class Source:
    """Counts how often it is read; reads wait until they may go on."""

    def __init__(self) -> None:
        self.now = 100.0
        self.reads = 0
        self.may_go_on = asyncio.Event()
        self.error: Exception | None = None
        self.shared = SharedReadings[int](1.0, lambda: self.now)

    async def _read(self) -> int:
        self.reads += 1
        mine = self.reads
        await self.may_go_on.wait()
        if self.error is not None:
            raise self.error
        return mine

    async def get(self, key: str = "one") -> int:
        return await self.shared.get(key, self._read)


async def test_hundred_tabs_are_one_reading_and_the_next_second_another() -> None:
    source = Source()
    asking = [asyncio.create_task(source.get()) for _ in range(100)]
    other = asyncio.create_task(source.get("other"))
    await asyncio.sleep(0)
    source.may_go_on.set()
    assert set(await asyncio.gather(*asking)) == {1}
    assert await other == 2
    source.now += 0.999
    assert await source.get() == 1
    source.now += 0.001
    assert await source.get() == 3
    assert source.reads == 3


async def test_a_slow_reading_is_waited_for_and_never_begun_twice() -> None:
    source = Source()
    first = asyncio.create_task(source.get())
    await asyncio.sleep(0)
    source.now += 30
    second = asyncio.create_task(source.get())
    await asyncio.sleep(0)
    source.may_go_on.set()
    assert [await first, await second] == [1, 1]


async def test_a_tab_that_is_closed_takes_the_answer_from_nobody() -> None:
    source = Source()
    first, second = asyncio.create_task(source.get()), asyncio.create_task(source.get())
    await asyncio.sleep(0)
    first.cancel()
    await asyncio.sleep(0)
    source.may_go_on.set()
    assert await second == 1


async def test_an_outage_is_told_to_all_and_tried_again() -> None:
    source = Source()
    source.error = StoreUnavailable("away")
    source.may_go_on.set()
    for _ in range(2):
        with pytest.raises(StoreUnavailable):
            await source.get()
    source.now += 1
    source.error = None
    assert await source.get() == 2


async def test_readings_of_long_ago_are_forgotten() -> None:
    source = Source()
    source.may_go_on.set()
    for n in range(1500):
        source.now += 1
        await source.get(str(n))
    assert len(source.shared._readings) <= 1000
