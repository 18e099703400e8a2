"""`GET /v1/account`: a program sees its own account, and no other."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import httpx
import psycopg
import pytest

from inbound.store.orders.account_records import AccountSettings, create_account
from inbound.store.orders.account_senders import add_sender, approve_sender
from tests.integration.api.world import World, assert_problem

PATH = "/v1/account"
SHOP = AccountSettings(
    rights=("send", "channels"),
    addresses=("192.0.2.0/24",),
    day_limit=100,
    min_delay_s=30,
    patterns=("^shop: .*",),
    rate_per_s=20,
    price_per_part=Decimal("2.5"),
    balance=Decimal("12.4"),
)


@pytest.fixture
def shop(world: World) -> Iterator[World]:
    with psycopg.connect(world.url, autocommit=True) as conn:
        create_account(conn, "acme", SHOP, actor="tests")
        for sender in ("ACME", "WAITS"):
            add_sender(conn, "acme", sender, actor="tests")
        approve_sender(conn, "acme", "ACME", actor="tests")
    yield world
    world.rows("DELETE FROM api_tokens WHERE account = 'acme'")
    world.rows("DELETE FROM account_senders WHERE account = 'acme'")
    world.rows("DELETE FROM account_usage WHERE account = 'acme'")
    world.rows("DELETE FROM accounts WHERE account = 'acme'")


async def _ask(client: httpx.AsyncClient) -> dict[str, Any]:
    response = await client.get(PATH)
    assert response.status_code == 200, response.text
    answer: dict[str, Any] = response.json()
    return answer


async def test_a_program_sees_what_is_left_of_its_account(shop: World) -> None:
    shop.rows("UPDATE accounts SET addresses = '{}' WHERE account = 'acme'")
    shop.rows(
        "INSERT INTO account_usage VALUES ('acme', %s, 7), ('acme', 'd2000-01-01', 3)",
        f"d{shop.now:%Y-%m-%d}",
    )
    assert await _ask(shop.client(shop.token("send", account="acme"))) == {
        "account": "acme",
        "enabled": True,
        "rights": ["send", "channels"],
        "senders": ["SCSERV", "ACME"],
        "balance": "12.40",
        "price_per_part": "2.50",
        "currency": "RUB",
        "parts_left": 4,
        "rate_per_s": 20,
        "max_parts": 8,
        "min_delay_s": 30,
        "repeat_within_s": None,
        "day_limit": 100,
        "week_limit": None,
        "month_limit": None,
        "used": {"day": 7, "week": 0, "month": 0},
        "zone": "Europe/Moscow",
        "patterns": ["^shop: .*"],
    }


async def test_no_other_account_shows_however_it_is_asked_for(shop: World) -> None:
    default = shop.scoped("send", "read", "resolve", "reveal")
    assert (await _ask(default))["account"] == "default"
    for query in ("account=acme", "name=acme"):
        response = await default.get(f"{PATH}?{query}")
        assert_problem(response, 422, "invalid")
        assert "2.50" not in response.text
    assert_problem(await default.get("/v1/account/acme"), 404, "not-found")


async def test_a_disabled_account_says_so_and_one_without_a_price_has_no_parts_left(
    shop: World,
) -> None:
    shop.rows(
        "UPDATE accounts SET addresses = '{}', enabled = false, price_per_part = NULL"
        " WHERE account = 'acme'"
    )
    answer = await _ask(shop.client(shop.token("send", account="acme")))
    assert (answer["enabled"], answer["price_per_part"], answer["parts_left"]) == (
        *(False, None, None),
    )


@pytest.mark.parametrize("scopes", [("read",), ("resolve", "read", "reveal")])
async def test_a_token_that_sends_for_no_account_is_refused(
    world: World, scopes: tuple[str, ...]
) -> None:
    body = assert_problem(await world.scoped(*scopes).get(PATH), 403, "forbidden")
    assert body["detail"].endswith("the scope send")
    assert_problem(await world.client().get(PATH), 401, "unauthorized")


async def test_an_address_that_the_account_does_not_allow_learns_nothing(shop: World) -> None:
    response = await shop.client(shop.token("send", account="acme")).get(PATH)
    assert_problem(response, 403, "forbidden")
