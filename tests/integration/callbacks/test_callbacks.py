"""Callbacks are written with what they tell, made in order, and repeated until they are taken."""

import asyncio
from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from inbound.callbacks.posting import CallbackFailed
from inbound.callbacks.signing import new_secret, secret_context
from inbound.clock import utc_now
from inbound.handlers.order_progress import OrderChange
from inbound.keys import SubjectHasher
from inbound.orders.dispatch import Dispatcher
from inbound.scheduler.callbacks import GIVE_UP_AFTER
from inbound.store.callbacks import callbacks as stored
from inbound.store.mo.account_texts import NewAccountText, TextContent
from inbound.store.transactions.changes import Changes
from inbound.subjects import StateCache, Subjects
from schemas.contracts.examples import example_of
from schemas.events import RequestAccepted
from schemas.messages import ReceiptState
from schemas.orders import OrderEntry, OrderState
from schemas.topics import TopicNames
from tests.fix_orders import NOON, intake_on, order
from tests.integration.callbacks.callback_world import SECRET, World


async def test_a_rotated_secret_is_valid_for_a_while(world: World) -> None:
    new = new_secret()
    sealed = world.sealer.seal(new.encode(), secret_context("default"))
    until = NOON + timedelta(minutes=10)
    assert stored.rotate_secret(world.conn, "default", sealed, until)
    assert not stored.rotate_secret(world.conn, "nobody", sealed, until)
    for world.receiver.secrets, after in (([new, SECRET], 0), ([new], 10)):
        await world.change(await world.place(), OrderState.DELIVERED)
        world.now = NOON + timedelta(minutes=after)
        await world.call()
    assert len(world.receiver.calls) == 2
    stored.sweep_callbacks(world.conn, until + timedelta(seconds=1), 30)
    query = "SELECT previous_secret FROM callback_urls"
    assert world.conn.execute(query).fetchall() == [(None,)]


async def test_a_final_state_is_told_once_and_signed(world: World) -> None:
    order_id = await world.place()
    await world.change(order_id, OrderState.SENT)
    assert world.waiting() == []
    await world.change(order_id, OrderState.DELIVERED, OrderState.DELIVERED)
    await world.call()
    await world.call()
    [(body, headers)] = world.receiver.calls
    assert body["type"] == "message.delivered"
    assert body["timestamp"] == "2026-03-02T12:00:00.000000Z"
    assert body["data"] == {
        "id": str(order_id),
        "state": "delivered",
        "kind": "notification",
        "parts": 1,
    }
    assert headers.keys() == {"webhook-id", "webhook-timestamp", "webhook-signature"}
    assert world.waiting() == []


async def test_a_failure_is_told_as_the_sms_centre_put_it(world: World) -> None:
    order_id = await world.place()
    async with world.store.transaction() as tx:
        changes = Changes()
        changes.orders.changes[order_id] = OrderChange(
            *(order_id, OrderState.UNDELIVERED, world.now),
            receipt=ReceiptState.EXPIRED,
            error="00B",
        )
        await tx.write(changes)
    await world.call()
    [(body, _)] = world.receiver.calls
    assert body["data"] == {
        "id": str(order_id),
        "state": "undelivered",
        "kind": "notification",
        "parts": 1,
        "receipt": "expired",
        "error": "00B",
    }


async def test_a_refusal_is_told_unless_it_was_the_answer(world: World) -> None:
    await world.place(phone="112")
    assert world.waiting() == []
    await world.place(phone="112", entry=OrderEntry.KAFKA)
    await world.call()
    assert world.receiver.states == ["refused"]
    assert world.receiver.calls[0][0]["data"]["reason"] == "not_a_mobile_number"


async def test_a_change_that_did_not_take_effect_is_not_told(world: World) -> None:
    order_id = await world.place()
    await world.change(order_id, OrderState.DELIVERED, OrderState.EXPIRED)
    await world.call()
    assert world.receiver.states == ["delivered"]


async def test_who_did_not_ask_is_not_told(world: World) -> None:
    (placed,) = await intake_on(world.store).place([order()])
    await world.change(placed.order_id, OrderState.DELIVERED)
    stored.remove_url(world.conn, "default")
    await world.change(await world.place(), OrderState.DELIVERED)
    assert world.waiting() == []


async def test_what_is_rolled_back_is_not_told(world: World) -> None:
    order_id = await world.place()

    async def write_and_fail() -> None:
        async with world.store.transaction() as tx:
            changes = Changes()
            changes.orders.changes[order_id] = OrderChange(order_id, OrderState.DELIVERED, NOON)
            await tx.write(changes)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await write_and_fail()
    assert world.waiting() == []


async def test_commands_are_told_to_who_asked(world: World) -> None:
    accepted = example_of(RequestAccepted)
    assert isinstance(accepted, RequestAccepted)

    async def text() -> UUID:
        subject_id = uuid4()
        async with world.store.transaction() as tx:
            known = await tx.known_senders([], [])
            subjects = Subjects(tx, StateCache())
            await subjects.load([subject_id])
            event = accepted.model_copy(update={"request_id": uuid4()})
            subjects.append(subject_id, [event], None)
            changes = Changes(events=subjects.events, states=subjects.states())
            changes.wants_command_callbacks = known.wants_command_callbacks
            await tx.write(changes)
        return subject_id

    await text()
    assert world.waiting() == []
    world.set_url(commands=True)
    subject_id = await text()
    await world.call()
    [(body, _)] = world.receiver.calls
    assert body["type"] == "command.accepted"
    assert (body["data"]["subject_id"], body["data"]["command"]) == (str(subject_id), "client_info")


async def test_texts_of_phones_are_told_in_order_and_opened_for_the_call(world: World) -> None:
    world.conn.execute("UPDATE accounts SET texts_over = 'http'")

    async def text(body: str, sender: bytes = b"one") -> UUID:
        text_id, content = uuid4(), TextContent("+79161234567", "79086228779", body)
        async with world.store.transaction() as tx:
            new = NewAccountText("default", text_id, sender, content, NOON)
            await tx.write(Changes(account_texts=[new]))
        return text_id

    first, _, _ = await text("canary 1"), await text("canary 2"), await text("other", b"two")
    assert "canary" not in str(world.conn.execute("SELECT * FROM callbacks").fetchall())
    world.now, world.receiver.failing = utc_now(), True
    await world.call()
    told = [body["data"]["text"] for body, _ in world.receiver.calls]
    assert sorted(told) == ["canary 1", "other"], "the second one of a sender waits for the first"
    world.receiver.failing, world.receiver.calls = False, []
    world.now += timedelta(minutes=1)
    await world.call()
    [body] = [one for one, _ in world.receiver.calls if one["data"]["id"] == str(first)]
    assert body == {
        "type": "text.received",
        "timestamp": "2026-03-02T12:00:00.000000Z",
        "data": {
            "id": str(first),
            "from": "+79161234567",
            "to": "79086228779",
            "text": "canary 1",
        },
    }
    told = [body["data"]["text"] for body, _ in world.receiver.calls]
    assert told.index("canary 1") < told.index("canary 2")
    assert world.conn.execute("SELECT id FROM account_texts").fetchall() == world.waiting() == []


async def test_texts_wait_for_an_account_without_a_url(world: World) -> None:
    world.conn.execute("UPDATE accounts SET texts_over = 'http'")
    content = TextContent("+79161234567", "79086228779", "hello")
    async with world.store.transaction() as tx:
        new = NewAccountText("default", uuid4(), b"one", content, NOON)
        await tx.write(Changes(account_texts=[new]))
    stored.remove_url(world.conn, "default")
    world.now = utc_now()
    await world.call()
    assert world.receiver.calls == []
    world.set_url()
    await world.call()
    assert [body["data"]["text"] for body, _ in world.receiver.calls] == ["hello"]


async def test_calls_of_one_message_follow_each_other(world: World) -> None:
    first, second = await world.place(), await world.place()
    await world.change(first, OrderState.UNKNOWN, OrderState.DELIVERED)
    await world.change(second, OrderState.DELIVERED)
    world.receiver.failing = True
    await world.call()
    assert sorted(world.receiver.states) == ["delivered", "unknown"]
    world.receiver.failing, world.receiver.calls = False, []
    world.now += timedelta(minutes=1)
    await world.call()
    of_first = [body for body, _ in world.receiver.calls if body["data"]["id"] == str(first)]
    assert [body["data"]["state"] for body in of_first] == ["unknown", "delivered"]


async def test_a_call_is_repeated_for_three_days_under_one_id(world: World) -> None:
    await world.change(await world.place(), OrderState.DELIVERED)
    world.receiver.failing = True
    while world.now < NOON + GIVE_UP_AFTER + timedelta(hours=4):
        await world.call()
        world.now += timedelta(minutes=5)
    [(_, attempts, dead_at)] = world.waiting()
    assert dead_at is not None
    assert NOON + GIVE_UP_AFTER - timedelta(hours=5) < dead_at <= NOON + GIVE_UP_AFTER
    assert 20 <= attempts == len(world.receiver.calls) <= 40
    assert len({headers["webhook-id"] for _, headers in world.receiver.calls}) == 1
    assert stored.retry_dead(world.conn, "default", world.now) == 1
    world.receiver.failing = False
    await world.call()
    assert world.waiting() == []


async def test_a_receiver_that_is_gone_is_called_again_only_on_request(world: World) -> None:
    first, second = await world.place(), await world.place()
    await world.change(first, OrderState.DELIVERED)
    await world.change(second, OrderState.UNKNOWN)
    world.receiver.failing = True
    world.receiver.failure = CallbackFailed("answered 410", is_final=True)
    await world.call()
    one, two = stored.list_dead(world.conn, "default", 50)
    assert (one.type, one.topic_id, one.error) == ("message.delivered", first, "answered 410")
    assert (one.told_at, one.dead_at, one.attempts) == (NOON, NOON, 1)
    assert stored.list_dead(world.conn, "nobody", 50) == []
    world.now += timedelta(days=1)
    await world.call()
    assert len(world.receiver.calls) == 2
    world.receiver.failing = False
    assert stored.retry_dead(world.conn, "default", world.now, [two.callback_id]) == 1
    await world.call()
    assert world.receiver.states[2:] == ["unknown"]
    assert [dead.topic_id for dead in stored.list_dead(world.conn, "default", 50)] == [first]


async def test_a_busy_receiver_gets_the_pause_that_it_asks_for(world: World) -> None:
    await world.change(await world.place(), OrderState.DELIVERED)
    world.receiver.failing = True
    world.receiver.failure = CallbackFailed("answered 429", retry_after=timedelta(minutes=10))
    await world.call()
    for minutes, calls in ((9, 1), (2, 2)):
        world.now += timedelta(minutes=minutes)
        await world.call()
        assert len(world.receiver.calls) == calls


async def test_two_processes_make_each_call_once_and_one_that_died_leaves_its_own(
    world: World,
) -> None:
    for _ in range(20):
        await world.change(await world.place(), OrderState.DELIVERED)
    lease = timedelta(seconds=60)
    dead = stored.take(world.conn, "default", world.now, lease=lease, limit=5)
    await asyncio.gather(world.call(), world.call())
    ids = [headers["webhook-id"] for _, headers in world.receiver.calls]
    assert len(ids) == len(set(ids)) == 15
    world.now += lease
    await world.call()
    ids = [headers["webhook-id"] for _, headers in world.receiver.calls[15:]]
    assert sorted(ids) == sorted(str(one.callback_id) for one in dead)


async def test_a_cancelled_order_is_told(world: World, hasher: SubjectHasher) -> None:
    order_id = await world.place(not_before=NOON + timedelta(hours=1))
    dispatcher = Dispatcher(world.store, hasher, TopicNames(), sender="SCSERV", clock=lambda: NOON)
    await dispatcher.cancel([order_id])
    await world.call()
    assert world.receiver.states == ["cancelled"]


async def test_the_secret_is_sealed(world: World) -> None:
    [(found,)] = world.conn.execute("SELECT secret FROM callback_urls")
    assert SECRET.encode() not in found
