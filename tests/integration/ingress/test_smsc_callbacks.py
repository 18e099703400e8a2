"""Calls in SMSC's form, for messages that came in its dialect and texts of phones."""

import asyncio
import hashlib
from collections.abc import Mapping
from datetime import datetime, timedelta
from urllib.parse import parse_qsl
from uuid import UUID, uuid4

import httpx
from typing_extensions import override

from inbound.callbacks.posting import CallbackFailed, Poster
from inbound.callbacks.signing import secret_context
from inbound.clock import utc_now
from inbound.handlers.order_progress import OrderChange
from inbound.ingress.credentials import Credentials
from inbound.keys import VaultCipher
from inbound.ops.health import Health
from inbound.scheduler.callbacks import Callbacks
from inbound.scheduler.loops import LoopHealth
from inbound.store.callbacks import callbacks as stored
from inbound.store.callbacks.callbacks import SMSC, CallbackUrl
from inbound.store.connections import connect
from inbound.store.mo.account_texts import NewAccountText, TextContent
from inbound.store.sealing import Sealer
from inbound.store.transactions.changes import Changes
from schemas.orders import Order, OrderState
from tests.fix_store import VAULT_KEY
from tests.integration.ingress.smsc_world import sent
from tests.integration.ingress.world import World

SECRET = "whsec_plJ3nmyCDGBKInavdOK15jsl"
SEALER = Sealer(VaultCipher(VAULT_KEY))


class Receiver(Poster):
    """A program's handler: notes the parameters that it was called with."""

    def __init__(self) -> None:
        self.calls: list[dict[str, str]] = []
        self.is_failing = False

    @override
    async def post(
        self, url: str, body: bytes, headers: Mapping[str, str], *, private_allowed: bool
    ) -> None:
        assert headers == {"Content-Type": "application/x-www-form-urlencoded"}
        if self.is_failing:
            raise CallbackFailed("answered 500")
        pairs = parse_qsl(body.decode("ascii"), keep_blank_values=True, strict_parsing=True)
        self.calls.append(dict(pairs))

    def check_signature(self, call: Mapping[str, str]) -> None:
        """Check it as programs of others do."""
        names = ("phone", "mes", "to") if "mes" in call else ("id", "phone", "status")
        signed = ":".join([*(call[name] for name in names), SECRET])
        assert call["md5"] == hashlib.md5(signed.encode(), usedforsecurity=False).hexdigest()


def set_url(world: World, form: str = SMSC) -> None:
    sealed = SEALER.seal(SECRET.encode(), secret_context("shop"))
    with connect(world.url, "tests") as conn:
        url = CallbackUrl("shop", "https://example.org/sms", sealed, False, False, form)
        stored.set_url(conn, url)


async def change(world: World, state: OrderState, at: datetime) -> None:
    """Let every order that waits reach a state."""
    for (order_id,) in world.rows("SELECT order_id FROM orders WHERE state = 'queued'"):
        async with world._opened._orders.store.transaction() as tx:
            changes = Changes()
            changes.orders.changes[order_id] = OrderChange(order_id, state, at)
            await tx.write(changes)


async def call(world: World, receiver: Receiver, after_s: float = 0) -> None:
    """Make all calls that are due."""
    loop = Callbacks(
        world.parts.pool,
        SEALER,
        receiver,
        LoopHealth(Health(), "callbacks"),
        clock=lambda: world.now + timedelta(seconds=after_s),
    )
    await loop._call_until_done("shop", asyncio.Event())


async def test_the_end_of_a_message_is_told_by_the_id_that_its_program_knows(
    world: World, shop: Credentials, http: httpx.AsyncClient
) -> None:
    set_url(world)
    first, second = world.clients(2)
    own = await sent(http, shop, phones=f"{first},{second}", mes="text", id="order-7")
    given = await sent(http, shop, phones=first, mes="another")
    await change(world, OrderState.DELIVERED, world.now)
    receiver = Receiver()
    receiver.is_failing = True
    await call(world, receiver)
    receiver.is_failing = False
    await call(world, receiver, after_s=60)
    await call(world, receiver, after_s=600)
    assert sorted((one["id"], one["phone"]) for one in receiver.calls) == sorted(
        [("order-7", first), ("order-7", second), (str(given["id"]), first)]
    )
    assert own["id"] == "order-7"
    for one in receiver.calls:
        receiver.check_signature(one)
        told = {name: one[name] for name in ("status", "time", "ts", "err", "type")}
        assert told == {
            "status": "1",
            "time": "02.03.2026 15:00:00",
            "ts": str(int(world.now.timestamp())),
            "err": "0",
            "type": "0",
        }
    # Programs choose the ids, so they are kept as numbers are.
    assert not any("order-7" in str(row) for row in world.rows("SELECT * FROM smsc_ids"))
    assert not any("order-7" in str(row) for row in world.rows("SELECT * FROM callbacks"))


async def test_a_failure_has_its_status_and_what_the_network_told(
    world: World, shop: Credentials, http: httpx.AsyncClient
) -> None:
    set_url(world)
    (phone,) = world.clients(1)
    await sent(http, shop, phones=phone, mes="text", id="h-1")
    number_hash = world.parts.subject_hasher.hash(f"+{phone}")
    world.rows(
        "INSERT INTO network_answers SELECT order_id, %s, %s FROM orders",
        number_hash,
        SEALER.network_answer(b"imsi:250023012345678 cn:Russian+Federation", number_hash),
    )
    world.rows("UPDATE orders SET channel = 'hlr'")
    await change(world, OrderState.EXPIRED, world.now)
    receiver = Receiver()
    await call(world, receiver)
    (told,) = receiver.calls
    receiver.check_signature(told)
    assert (told["status"], told["err"], told["type"]) == ("3", "246", "4")
    assert (told["imsi"], told["cn"], told["rnet"]) == ("250023012345678", "Russian Federation", "")


async def test_a_mail_that_fails_is_told_by_its_address(
    world: World, http: httpx.AsyncClient
) -> None:
    shop = world.account("shop", rights=("send", "channels"))
    set_url(world)
    (phone,) = world.clients(1)
    world.mail_address(phone, "anna@example.net")
    await sent(http, shop, phones="anna@example.net", mes="text", id="m-1", mail=1)
    await change(world, OrderState.REJECTED, world.now)
    receiver = Receiver()
    await call(world, receiver)
    (told,) = receiver.calls
    receiver.check_signature(told)
    assert (told["id"], told["phone"], told["status"]) == ("m-1", "anna@example.net", "20")
    assert told["type"] == "8"
    assert not any(phone in value for value in told.values())


async def test_messages_that_its_program_can_not_know_are_not_told(
    world: World, shop: Credentials, http: httpx.AsyncClient
) -> None:
    (phone,) = world.clients(1)
    await sent(http, shop, phones=phone, mes="before there was a URL", id="m-1")
    set_url(world)
    asked: dict[str, str | int] = {"id": shop.id, "key": shop.key, "to": phone, "text": "bytehand"}
    assert (await http.get("/send", params=asked)).json()["status"] == 0
    await change(world, OrderState.DELIVERED, world.now)
    receiver = Receiver()
    await call(world, receiver)
    assert receiver.calls == []
    # Our own form tells what was asked for, and in this dialect nothing is.
    set_url(world, stored.SCSERV)
    await sent(http, shop, phones=phone, mes="later", id="m-2")
    await change(world, OrderState.DELIVERED, world.now)
    assert world.rows("SELECT count(*) FROM callbacks") == [(0,)]
    assert world.rows("SELECT count(*) FROM smsc_ids") == [(0,)]


async def test_calls_that_wait_while_the_form_changes_are_made_in_it_or_become_dead(
    world: World, shop: Credentials
) -> None:
    """What SMSC's form can't tell is not lost: people see it, and it can be made in our form."""
    set_url(world, stored.SCSERV)
    by_api, by_smpp, by_person = world.clients(3)
    orders = [
        Order(account="shop", phone=f"+{one}", text="text", callback=True)
        for one in (by_api, by_smpp, by_person)
    ]
    api, smpp, erased = [one.order_id for one in await world.parts.place(orders)]
    world.rows(
        "INSERT INTO smpp_messages (message_id, account, order_id, digest, link, registered, "
        "parts, created_at) VALUES (9, 'shop', %s, '', gen_random_uuid(), 0, 1, now())",
        smpp,
    )
    await change(world, OrderState.DELIVERED, world.now)
    world.rows(
        "INSERT INTO callbacks (account, topic_id, type, body, created_at, due_at) "
        "SELECT 'shop', %s, 'command.accepted', %s, due_at, due_at FROM callbacks LIMIT 1",
        uuid4(),
        '{"type": "command.accepted", "timestamp": "2026-03-02T12:00:00Z", "data": {}}',
    )
    set_url(world)
    world.rows(
        "DELETE FROM subjects USING orders "
        "WHERE order_id = %s AND subjects.subject_id = orders.subject_id",
        erased,
    )
    receiver = Receiver()
    await call(world, receiver)
    assert [one["phone"] for one in receiver.calls] == [by_smpp]
    with connect(world.url, "tests") as conn:
        dead = {one.type: one for one in stored.list_dead(conn, "shop", 10)}
    assert "command" in (dead["command.accepted"].error or "")
    assert dead["message.delivered"].topic_id == api
    assert "neither over its interfaces nor by SMPP" in (dead["message.delivered"].error or "")
    assert len(dead) == 2


async def test_a_text_of_a_phone_is_told_with_both_numbers(world: World, shop: Credentials) -> None:
    set_url(world)
    world.rows("UPDATE accounts SET texts_over = 'http' WHERE account = 'shop'")
    text_id: UUID = uuid4()
    content = TextContent("+79161234567", "79086228779", "заказ № 7 & ещё\nодин")
    async with world._opened._orders.store.transaction() as tx:
        text = NewAccountText("shop", text_id, b"hash", content, world.now)
        await tx.write(Changes(account_texts=[text]))
    received_at, world.now = world.now, utc_now()
    receiver = Receiver()
    await call(world, receiver)
    (told,) = receiver.calls
    receiver.check_signature(told)
    assert (told["phone"], told["to"], told["mes"]) == (
        *("79161234567", "79086228779"),
        "заказ № 7 & ещё\nодин",
    )
    assert (told["id"], told["ts"]) == (str(text_id), str(int(received_at.timestamp())))
