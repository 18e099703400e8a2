"""What messages cost, in every dialect that tells it, and what the balance is afterwards."""

from decimal import Decimal
from typing import Any

import httpx
import pytest

from inbound.ingress.credentials import Credentials
from tests.integration.ingress import test_mail
from tests.integration.ingress.world import World

PRICE = Decimal("2.5")
LONG = "Ы" * 71
"""Two parts."""

PRICED: dict[str, Any] = {"price_per_part": PRICE, "balance": Decimal(100)}
ACCOUNTS: dict[str, tuple[dict[str, Any], str, str]] = {
    "priced": (PRICED, "5.00", "95.00"),
    "unlimited": ({"price_per_part": PRICE}, "5.00", "1000000.00"),
    "without a price": ({}, "0.00", "1000000.00"),
    "a part of a kopeck": (
        {"price_per_part": Decimal("0.0375"), "balance": Decimal(1)},
        "0.075",
        "0.925",
    ),
}
"""Accounts; what two parts cost, and the balance after them."""


def signed(shop: Credentials, **fields: Any) -> dict[str, Any]:
    return {"login": shop.login, "psw": shop.password, "charset": "utf-8", "fmt": 3} | fields


async def smsc(http: httpx.AsyncClient, path: str, shop: Credentials, **fields: Any) -> Any:
    return (await http.post(f"/sys/{path}.php", data=signed(shop, **fields))).json()


async def bytehand(http: httpx.AsyncClient, path: str, shop: Credentials, **fields: Any) -> Any:
    asked: dict[str, Any] = {"id": shop.id, "key": shop.key}
    return (await http.get(path, params=asked | fields)).json()


@pytest.mark.parametrize("account", ACCOUNTS)
async def test_smsc_tells_before_and_after_what_is_charged(
    world: World, http: httpx.AsyncClient, account: str
) -> None:
    settings, cost, balance = ACCOUNTS[account]
    shop = world.account(**settings)
    (phone,) = world.clients(1)
    asked = {"phones": phone, "mes": LONG}
    assert await smsc(http, "send", shop, **asked, cost=1) == {"cost": cost, "cnt": 2}
    answer = await smsc(http, "send", shop, **asked, cost=3)
    assert (answer["cnt"], answer["cost"], answer["balance"]) == (2, cost, balance)
    assert await smsc(http, "balance", shop) == {"balance": balance}
    [found] = await smsc(http, "status", shop, phone=f"{phone},", id=answer["id"], all=1)
    assert found["cost"] == cost
    rest = {"apikey": shop.key, "cur": 1}
    assert (await http.post("/rest/balance/", json=rest)).json()["balance"] == balance


@pytest.mark.parametrize("account", ACCOUNTS)
async def test_bytehand_tells_what_was_charged(
    world: World, http: httpx.AsyncClient, account: str
) -> None:
    settings, cost, balance = ACCOUNTS[account]
    shop = world.account(**settings)
    (phone,) = world.clients(1)
    sent = await bytehand(http, "/send", shop, to=phone, text=LONG)
    found = await bytehand(http, "/details", shop, message=sent["description"])
    assert (found["parts"], found["cost"]) == (2, float(cost))
    assert (await bytehand(http, "/balance", shop))["description"] == balance
    listed = await http.get("/v2/sms/messages", headers={"X-Service-Key": shop.key})
    assert [(one["parts"], one["cost"]) for one in listed.json()] == [(2, float(cost))]


async def test_a_mail_is_told_what_it_would_cost(world: World) -> None:
    shop = world.account(**PRICED)
    (phone,) = world.clients(1)
    async with test_mail.served(world) as port:
        tested = test_mail.line(shop, phone, LONG, options="0,0,,1")
        assert await test_mail.send(port, test_mail.mail(tested)) == (250, "5.00 (2 SMS)")
        assert world.orders(shop.login) == []
        code, _ = await test_mail.send(port, test_mail.mail(test_mail.line(shop, phone, LONG)))
        assert code == 250
    assert world.rows("SELECT balance FROM accounts WHERE account = %s", shop.login) == [
        (Decimal(95),)
    ]


async def test_a_list_costs_what_of_it_is_accepted(world: World, http: httpx.AsyncClient) -> None:
    shop = world.account(**PRICED)
    first, second = world.clients(2)
    phones = f"{first},+{first};8{first[1:]},{second},79160000000,74951234567"
    answer = await smsc(http, "send", shop, phones=phones, mes=LONG, cost=3)
    assert (answer["cnt"], answer["cost"], answer["balance"]) == (4, "10.00", "90.00")
    # The estimate knows no directory: it counts the mobile numbers, each once.
    answer = await smsc(http, "send", shop, phones=phones, mes=LONG, cost=1)
    assert answer == {"cost": "15.00", "cnt": 6}


async def test_a_repeated_message_tells_what_was_charged_the_first_time(
    world: World, http: httpx.AsyncClient
) -> None:
    shop = world.account(**PRICED)
    (phone,) = world.clients(1)
    asked = {"phones": phone, "mes": LONG, "id": "42", "cost": 3}
    first = await smsc(http, "send", shop, **asked)
    world.rows("UPDATE accounts SET price_per_part = 9 WHERE account = %s", shop.login)
    assert await smsc(http, "send", shop, **asked) == first


async def test_the_balance_ends_where_it_ends(world: World, http: httpx.AsyncClient) -> None:
    shop = world.account(price_per_part=PRICE, balance=Decimal("7.5"))
    first, second = world.clients(2)
    answer = await smsc(http, "send", shop, phones=f"{first},{second}", mes=LONG, cost=3)
    assert (answer["cnt"], answer["cost"], answer["balance"]) == (2, "5.00", "2.50")
    refused = await smsc(http, "send", shop, phones=second, mes=LONG, cost=3)
    assert (refused["error_code"], refused["error"]) == (3, "no money")
    assert await smsc(http, "balance", shop) == {"balance": "2.50"}
    [status] = await smsc(http, "status", shop, phone=f"{second},", id=refused["id"], all=1)
    assert (status["status"], status["cost"]) == (24, "0.00")


async def test_what_ends_unsent_gives_its_price_back(world: World, http: httpx.AsyncClient) -> None:
    shop = world.account(**PRICED)
    (phone,) = world.clients(1)
    answer = await smsc(http, "send", shop, phones=phone, mes=LONG, time="+60", cost=3)
    assert answer["balance"] == "95.00"
    sent = await bytehand(http, "/send", shop, to=phone, text=LONG, send_after="2026-03-03")
    orders = world.rows("SELECT order_id FROM orders WHERE account = %s", shop.login)
    await world.parts.dispatcher.cancel([order_id for (order_id,) in orders])
    assert await smsc(http, "balance", shop) == {"balance": "100.00"}
    [status] = await smsc(http, "status", shop, phone=f"{phone},", id=answer["id"], all=1)
    assert (status["status"], status["cost"]) == (-2, "0.00")
    found = await bytehand(http, "/details", shop, message=sent["description"])
    assert (found["description"], found["cost"]) == ("DELETED", 0.0)


async def test_too_long_a_text_costs_nothing(world: World, http: httpx.AsyncClient) -> None:
    shop = world.account(**PRICED, max_parts=1)
    (phone,) = world.clients(1)
    for cost in (1, 2):
        answer = await smsc(http, "send", shop, phones=phone, mes=LONG, cost=cost)
        assert (answer["error_code"], answer["error"]) == (1, "message is too long")
    assert await smsc(http, "balance", shop) == {"balance": "100.00"}
