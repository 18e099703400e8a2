"""Requests of one account take turns; those of others don't wait for them."""

import asyncio

from inbound.ingress.turns import AccountTurns


async def test_an_account_waits_for_itself_alone() -> None:
    turns, done, go = AccountTurns(), [], asyncio.Event()

    async def read(account: str, name: str, *, waits: bool = False) -> None:
        async with turns.of(account):
            if waits:
                await go.wait()
            done.append(name)

    first = asyncio.create_task(read("greedy", "first", waits=True))
    second = asyncio.create_task(read("greedy", "second"))
    await asyncio.create_task(read("shop", "other"))
    assert done == ["other"]
    go.set()
    await asyncio.gather(first, second)
    assert done == ["other", "first", "second"]
    assert not turns._turns


async def test_a_request_that_goes_away_lets_the_next_one_in() -> None:
    turns = AccountTurns()

    async def wait() -> None:
        async with turns.of("shop"):
            await asyncio.Event().wait()

    gone, also_gone = asyncio.create_task(wait()), asyncio.create_task(wait())
    await asyncio.sleep(0)
    for one in (also_gone, gone):
        one.cancel()
    await asyncio.gather(gone, also_gone, return_exceptions=True)
    async with turns.of("shop"):
        pass
    assert not turns._turns
