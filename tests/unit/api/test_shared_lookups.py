"""Callers who ask the same share a lookup, but none gets one that had begun before it asked."""

import asyncio

from inbound.api.shared_lookups import SharedLookups


class Rows:
    """A table of one column, whose lookups end when told."""

    def __init__(self) -> None:
        self.value: str | None = "valid"
        self.looked_up: list[str] = []
        self.may_end = asyncio.Event()
        self.begun = asyncio.Event()

    async def find(self, key: str) -> str | None:
        self.looked_up.append(key)
        self.begun.set()
        seen = self.value
        await self.may_end.wait()
        return seen


async def test_many_callers_share_one_lookup() -> None:
    rows = Rows()
    shared = SharedLookups(rows.find)
    callers = [asyncio.create_task(shared.find("a")) for _ in range(50)]
    await rows.begun.wait()
    rows.may_end.set()
    assert await asyncio.gather(*callers) == ["valid"] * 50
    assert rows.looked_up == ["a"]


async def test_what_is_revoked_before_a_caller_asks_is_not_valid_for_it() -> None:
    rows = Rows()
    shared = SharedLookups(rows.find)
    early = asyncio.create_task(shared.find("a"))
    await rows.begun.wait()
    rows.value = None
    late = [asyncio.create_task(shared.find("a")) for _ in range(3)]
    await asyncio.sleep(0)
    assert rows.looked_up == ["a"]
    rows.may_end.set()
    assert await early == "valid"
    assert await asyncio.gather(*late) == [None] * 3
    assert rows.looked_up == ["a", "a"]


async def test_others_do_not_wait() -> None:
    rows = Rows()
    shared = SharedLookups(rows.find)
    first = asyncio.create_task(shared.find("a"))
    await rows.begun.wait()
    rows.begun.clear()
    other = asyncio.create_task(shared.find("b"))
    await rows.begun.wait()
    assert rows.looked_up == ["a", "b"]
    rows.may_end.set()
    assert [await first, await other] == ["valid", "valid"]


async def test_a_caller_that_goes_away_ends_nobody_elses_lookup() -> None:
    rows = Rows()
    shared = SharedLookups(rows.find)
    gone, stays = (asyncio.create_task(shared.find("a")) for _ in range(2))
    await rows.begun.wait()
    gone.cancel()
    rows.may_end.set()
    assert await stays == "valid"


async def test_a_failure_reaches_every_caller_and_stays_with_them() -> None:
    failures = [ConnectionError("gone")]

    async def find(_: str) -> str:
        if failures:
            raise failures.pop()
        return "valid"

    shared = SharedLookups(find)
    failed = await asyncio.gather(shared.find("a"), shared.find("a"), return_exceptions=True)
    assert [type(one) for one in failed] == [ConnectionError] * 2
    assert await shared.find("a") == "valid"
