"""SMSPAY: a request, and a word as the answer."""

from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import httpx
import pytest

from inbound.ingress.credentials import Credentials
from inbound.ingress.failures import OF_ADDRESS
from tests.integration.ingress.world import World

PATH = "/users/send_bulk.php"
TEXT = "Заявка 4711 выполнена"


async def word(http: httpx.AsyncClient, shop: Credentials, **fields: Any) -> str:
    asked = {"user_id": shop.id, "service_id": shop.service_id} | fields
    answer = await http.get(PATH, params={k: v for k, v in asked.items() if v is not None})
    assert (answer.status_code, answer.headers["content-type"][:10]) == (200, "text/plain")
    return answer.text


async def test_a_message_is_taken(world: World, shop: Credentials, http: httpx.AsyncClient) -> None:
    (phone,) = world.clients(1)
    assert await word(http, shop, msisdn=phone, text=TEXT) == "MSG_OK"
    taken, _, message_id = (
        await word(http, shop, msisdn=phone, text=TEXT, extended="yes")
    ).partition(":")
    assert taken == "MSG_OK"
    [(called,)] = world.rows("SELECT callback FROM orders WHERE order_id = %s", UUID(message_id))
    assert called is True
    assert world.texts("shop") == {TEXT}


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"user_id": None}, "INVALID_INPUT"),
        ({"service_id": None}, "INVALID_INPUT"),
        ({"service_id": "123456789012345"}, "INVALID_INPUT"),
        ({"msisdn": None}, "INVALID_INPUT"),
        ({"text": None}, "INVALID_INPUT"),
        ({"text": "a" * 161}, "INVALID_INPUT"),
        ({"text": "a\0b"}, "INVALID_INPUT"),
        ({"extended": "maybe"}, "INVALID_INPUT"),
        ({"msisdn": "0888123456"}, "INVALID_MSISDN"),
        ({"msisdn": "89161234567"}, "INVALID_MSISDN"),
        ({"msisdn": "79160000000"}, "INVALID_MSISDN"),
        ({"msisdn": "35929811111"}, "INVALID_MSISDN"),
    ],
)
async def test_what_is_wrong_with_a_request_has_its_word(
    world: World, shop: Credentials, http: httpx.AsyncClient, changed: Any, expected: str
) -> None:
    (phone,) = world.clients(1)
    assert await word(http, shop, **{"msisdn": phone, "text": TEXT} | changed) == expected
    assert not [row for row in world.orders("shop") if row[0] != "refused"]


async def test_only_get_and_post_send(
    world: World, shop: Credentials, http: httpx.AsyncClient
) -> None:
    (phone,) = world.clients(1)
    asked: dict[str, Any] = {"user_id": shop.id, "service_id": shop.service_id, "msisdn": phone}
    asked["text"] = TEXT
    for method in ("HEAD", "PUT", "DELETE", "OPTIONS"):
        await http.request(method, PATH, params=asked)
    assert world.orders("shop") == []
    assert (await http.post(PATH, data=asked)).text == "MSG_OK"


async def test_what_can_not_be_read_is_invalid_input(http: httpx.AsyncClient) -> None:
    for query in ("text=%FF", "a=1&a=2", "&".join(f"a{n}=" for n in range(101))):
        assert (await http.get(f"{PATH}?{query}")).text == "INVALID_INPUT"
    assert (await http.delete(PATH)).text == "INVALID_INPUT"


async def test_words_that_depend_on_the_account(world: World, http: httpx.AsyncClient) -> None:
    (phone,) = world.clients(1)
    for settings, expected in (
        ({"enabled": False}, "SERVICE_DISABLED"),
        ({"rights": ()}, "SERVICE_DISABLED"),
        ({"price_per_part": Decimal(1), "balance": Decimal(0)}, "SERVICE_DISABLED"),
        ({"addresses": ("203.0.113.0/24",)}, "INVALID_IP"),
        ({"patterns": ("Код [0-9]+",)}, "INVALID_PATTERN"),
        ({"day_limit": 0}, "LIMIT_DAY"),
        ({"week_limit": 0}, "LIMIT_WEEK"),
        ({"month_limit": 0}, "LIMIT_MONTH"),
    ):
        found = await word(http, world.account(**settings), msisdn=phone, text=TEXT)
        assert found == expected, settings


async def test_a_second_message_waits(world: World, http: httpx.AsyncClient) -> None:
    (phone,) = world.clients(1)
    shop = world.account(min_delay_s=30)
    assert await word(http, shop, msisdn=phone, text=TEXT) == "MSG_OK"
    assert await word(http, shop, msisdn=phone, text="Другой") == "LIMIT_DELAY"
    world.now += timedelta(seconds=31)
    assert await word(http, shop, msisdn=phone, text="Другой") == "MSG_OK"


async def test_an_address_that_guesses_is_banned(
    world: World, shop: Credentials, http: httpx.AsyncClient
) -> None:
    for n in range(OF_ADDRESS):
        assert await word(http, shop, service_id=n + 1) == "INVALID_INPUT"
    (phone,) = world.clients(1)
    assert await word(http, shop, msisdn=phone, text=TEXT) == "BAN_IP_TEMP"
    elsewhere = world.client("192.0.2.2")
    assert await word(elsewhere, shop, msisdn=phone, text=TEXT) == "MSG_OK"
