"""A receiver that answers some calls slowly gets the account's other calls meanwhile."""

import asyncio
from uuid import UUID, uuid4

import pytest

from inbound.clock import utc_now
from inbound.keys import UnsealError
from inbound.scheduler.callbacks import AT_ONCE, LEASE
from inbound.store.mo.account_texts import NewAccountText, TextContent
from inbound.store.transactions.changes import Changes
from schemas.orders import OrderState
from tests.fix_orders import NOON
from tests.integration.callbacks.callback_world import World
from tests.service.waiting import eventually


async def _ended(world: World, count: int) -> list[UUID]:
    messages = [await world.place() for _ in range(count)]
    for message in messages:
        await world.change(message, OrderState.DELIVERED)
    return messages


async def _are_waiting(world: World, count: int) -> None:
    await eventually(lambda: len(world.waiting()) == count, lambda: str(len(world.waiting())))


async def test_slow_answers_keep_no_other_call_waiting(world: World) -> None:
    messages = await _ended(world, 4 * AT_ONCE)
    world.receiver.slow = set(messages[: AT_ONCE - 1])
    calling = asyncio.create_task(world.call())
    await _are_waiting(world, AT_ONCE - 1)
    assert len(world.receiver.calls) == len(messages)
    assert world.receiver.most_running == AT_ONCE
    world.receiver.released.set()
    await calling
    assert world.waiting() == []


async def test_no_more_than_eight_calls_run_at_once(world: World) -> None:
    messages = await _ended(world, 3 * AT_ONCE)
    world.receiver.slow = set(messages)
    calling = asyncio.create_task(world.call())
    await eventually(lambda: world.receiver.running == AT_ONCE, lambda: "fewer calls run")
    world.receiver.released.set()
    await calling
    assert world.receiver.most_running == AT_ONCE == 8
    assert world.waiting() == []


async def test_a_call_that_becomes_due_while_a_slow_one_runs_is_made(world: World) -> None:
    [slow] = await _ended(world, 1)
    world.receiver.slow = {slow}
    calling = asyncio.create_task(world.call())
    await eventually(lambda: world.receiver.running == 1, lambda: "no call runs")
    [later] = await _ended(world, 1)
    await _are_waiting(world, 1)
    assert [body["data"]["id"] for body, _ in world.receiver.calls] == [str(slow), str(later)]
    world.receiver.released.set()
    await calling


async def test_a_call_that_outlasts_its_lease_is_not_made_a_second_time(world: World) -> None:
    [slow] = await _ended(world, 1)
    world.receiver.slow = {slow}
    calling = asyncio.create_task(world.call())
    await eventually(lambda: world.receiver.running == 1, lambda: "no call runs")
    world.now += LEASE
    for _ in range(2):
        [later] = await _ended(world, 1)
        await _are_waiting(world, 1)
        assert world.receiver.calls[-1][0]["data"]["id"] == str(later)
    assert len(world.receiver.calls) == 3
    world.receiver.released.set()
    await calling
    assert world.waiting() == []


async def test_the_next_call_about_a_message_waits_for_the_slow_one(world: World) -> None:
    [slow] = [await world.place()]
    await world.change(slow, OrderState.UNKNOWN, OrderState.DELIVERED)
    world.receiver.slow = {slow}
    await _ended(world, AT_ONCE)
    calling = asyncio.create_task(world.call())
    await _are_waiting(world, 2)
    assert world.receiver.states.count("unknown") == 1
    assert len(world.receiver.calls) == 1 + AT_ONCE
    world.receiver.released.set()
    await calling
    told = [body["data"] for body, _ in world.receiver.calls]
    assert [one["state"] for one in told if one["id"] == str(slow)] == ["unknown", "delivered"]


async def test_a_call_that_was_made_is_deleted_though_the_process_ends(world: World) -> None:
    slow, _ = await _ended(world, 2)
    world.receiver.slow = {slow}
    stop = asyncio.Event()
    calling = asyncio.create_task(world.loop._call_until_done("default", stop))
    await _are_waiting(world, 1)
    stop.set()
    await _ended(world, 1)
    world.receiver.released.set()
    await calling
    assert len(world.receiver.calls) == 2, "no call is begun after the stop"
    assert len(world.waiting()) == 1


async def test_a_call_that_can_not_be_opened_leaves_none_of_the_others_to_be_repeated(
    world: World,
) -> None:
    world.conn.execute("UPDATE accounts SET texts_over = 'http'")
    content = TextContent("+79161234567", "79086228779", "hello")
    async with world.store.transaction() as tx:
        new = NewAccountText("default", uuid4(), b"one", content, NOON)
        await tx.write(Changes(account_texts=[new]))
    world.conn.execute("UPDATE account_texts SET sealed = 'x'")
    world.now = utc_now()
    [slow, *_] = await _ended(world, 3)
    world.receiver.slow = {slow}
    calling = asyncio.create_task(world.call())
    await eventually(lambda: len(world.receiver.calls) == 3, lambda: "fewer calls are made")
    world.receiver.released.set()
    with pytest.raises(UnsealError):
        await calling
    assert [type_ for type_, _, _ in world.waiting()] == ["text.received"]
