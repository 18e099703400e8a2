"""SMSC over HTTP: what is refused, and how its programs are told."""

import json
from decimal import Decimal

import httpx
import pytest

from inbound.ingress.credentials import Credentials
from inbound.ingress.failures import OF_ADDRESS
from inbound.ingress.smsc.codes import ErrorCode
from tests.integration.ingress.smsc_world import SENTENCE, TEXT, sent, signed
from tests.integration.ingress.world import World

FORM = "application/x-www-form-urlencoded"


@pytest.fixture
def shop(world: World) -> Credentials:
    return world.account("shop", price_per_part=Decimal("2.5"), balance=Decimal(100))


async def test_every_form_of_an_error(shop: Credentials, http: httpx.AsyncClient) -> None:
    asked = {"login": shop.login, "psw": "wrong", "phones": "79161234567", "mes": TEXT}
    texts = [
        (await http.get("/sys/send.php", params=asked | {"fmt": form})).text for form in range(4)
    ]
    assert texts[0] == "ERROR = 2 (authorise error)"
    assert texts[1] == "0,-2"
    assert "<error>authorise error</error>\n<error_code>2</error_code>" in texts[2]
    assert json.loads(texts[3]) == {"error": "authorise error", "error_code": 2}


async def test_senders_need_approval(
    world: World, shop: Credentials, http: httpx.AsyncClient
) -> None:
    (phone,) = world.clients(1)
    for sender in ("Magazin", "длинный отправитель"):
        answer = await sent(http, shop, phones=phone, mes=TEXT, sender=sender)
        assert answer["error_code"] == ErrorCode.DENIED
    assert (await sent(http, shop, phones=phone, mes=TEXT, sender="SCSERV"))["cnt"] == 1


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"phones": ""}, 1),
        ({"phones": ",".join(["79161234567"] + [f"7916{n:07d}" for n in range(1000)])}, 1),
        ({"phones": "12"}, 7),
        ({"phones": "+74951234567"}, 7),
        ({"phones": "79160000000"}, 8),
        ({"mes": ""}, 1),
        ({"mes": "a\0b"}, 1),
        ({"mes": "a" * 5000}, 1),
        ({"cost": "9"}, 1),
        ({"id": "no/id"}, 1),
        ({"maxsms": "many"}, 1),
        ({"charset": "utf-7"}, 1),
        ({"viber": "1"}, 1),
        ({"hlr": "1"}, 1),
        ({"mail": "2"}, 1),
        ({"mail": "yes"}, 1),
        ({"fmt": "4"}, 1),
        ({"translit": "yes"}, 1),
        ({"translit": "3"}, 1),
        ({"maxsms": "-1"}, 1),
        ({"maxsms": "1.5"}, 1),
        ({"cost": "yes"}, 1),
        ({"tz": "Moscow"}, 5),
        ({"tz": "nan"}, 5),
        ({"tz": "1e1"}, 5),
        ({"tz": "99", "time": "0203261630"}, 5),
        ({"valid": "1:75"}, 5),
        ({"valid": "-1"}, 5),
        ({"valid": "1.5"}, 5),
    ],
)
async def test_what_is_wrong_with_a_message_has_its_number(
    world: World, shop: Credentials, http: httpx.AsyncClient, changed: dict[str, str], code: int
) -> None:
    asked = signed(shop, phones="79161234567", mes=TEXT, fmt=1) | changed
    for estimate in ({}, {"cost": "1"} if "cost" not in changed else {}):
        answer = await http.post("/sys/send.php", data=asked | estimate)
        if estimate and changed == {"phones": "79160000000"}:
            continue  # whether the number is that of a client is not told
        found = answer.text if "fmt" not in changed else "0,-1" * (answer.text == SENTENCE)
        assert found.endswith(f",-{code}"), answer.text
    assert not [row for row in world.orders("shop") if row[0] != "refused"]


@pytest.mark.parametrize(
    "fields",
    [
        '"mes": false',
        '"mes": 5',
        '"mes": ["a", "b"]',
        '"mes": 1e400',
        '"mes": "a", "id": true',
        '"mes": "a", "id": 1.5',
        '"mes": "a", "phones": [79161234567, true]',
        '"mes": "a", "phones": [[79161234567]]',
        '"mes": "a", "list": "79161234567:b"',
        '"list": [{"phones": "79161234567", "mes": "b"}]',
    ],
)
async def test_values_that_are_not_meant_for_a_field_are_refused_and_nothing_is_sent(
    world: World, shop: Credentials, http: httpx.AsyncClient, fields: str
) -> None:
    (phone,) = world.clients(1)
    phones = "" if '"phones": [' in fields else f'"phones": "{phone}", '
    body = f'{{"apikey": "{shop.key}", {phones}{fields}}}'
    answer = (await http.post("/rest/send/", content=body)).json()
    assert answer["error_code"] == ErrorCode.PARAMETERS
    assert world.orders("shop") == []


async def test_a_list_of_texts_is_refused(
    world: World, shop: Credentials, http: httpx.AsyncClient
) -> None:
    (phone,) = world.clients(1)
    answer = await sent(http, shop, phones=phone, mes=TEXT, list=f"{phone}:other")
    assert answer["error_code"] == ErrorCode.PARAMETERS
    assert world.orders("shop") == []


@pytest.mark.parametrize(
    ("query", "body", "media_type", "expected"),
    [
        ("%ff=1&fmt=1", b"", "", "0,-1"),
        ("&".join(f"a{n}=1" for n in range(101)), b"", "", SENTENCE),
        ("", b"{}", "application/json", SENTENCE),
        ("", b"--x", "multipart/form-data; boundary=x", SENTENCE),
        ("mes=a&mes=b&fmt=1", b"", "", "0,-1"),
        ("fmt=1&fmt=1", b"", "", "0,-1"),
        ("fmt=4", b"", "", SENTENCE),
        ("fmt=json", b"", "", SENTENCE),
        ("mes=a", b"mes=b", FORM, SENTENCE),
        ("mes=a", b"mes=b&fmt=1", FORM, "0,-1"),
        ("", b"%ff=1&fmt=1", FORM, "0,-1"),
    ],
)
async def test_what_can_not_be_read_is_a_parameters_error_in_the_form_that_was_asked_for(
    http: httpx.AsyncClient, query: str, body: bytes, media_type: str, expected: str
) -> None:
    answer = await http.post(
        f"/sys/send.php?{query}", content=body, headers={"content-type": media_type}
    )
    assert (answer.status_code, answer.text) == (200, expected)


async def test_trouble_is_told_in_the_form_that_was_asked_for(http: httpx.AsyncClient) -> None:
    answer = await http.put("/sys/send.php", params={"fmt": 1})
    assert (answer.status_code, answer.text) == (200, "0,-1")


async def test_who_guesses_is_told_that_the_address_is_blocked(
    world: World, shop: Credentials, http: httpx.AsyncClient
) -> None:
    for _ in range(OF_ADDRESS):
        assert (await sent(http, shop, psw="wrong"))["error_code"] == ErrorCode.AUTHORISE
    assert (await sent(http, shop))["error_code"] == ErrorCode.ADDRESS_BLOCKED
    (phone,) = world.clients(1)
    elsewhere = world.client("192.0.2.2")
    assert (await sent(elsewhere, shop, phones=phone, mes=TEXT))["cnt"] == 1


async def test_reasons_that_depend_on_the_account(world: World, http: httpx.AsyncClient) -> None:
    (phone,) = world.clients(1)
    for settings, code in (
        ({"enabled": False}, ErrorCode.AUTHORISE),
        ({"rights": ()}, ErrorCode.DENIED),
        ({"day_limit": 0}, ErrorCode.DENIED),
        ({"patterns": ("Код [0-9]+",)}, ErrorCode.DENIED),
        ({"price_per_part": Decimal(1), "balance": Decimal(0)}, ErrorCode.MONEY),
        ({"addresses": ("203.0.113.0/24",)}, ErrorCode.AUTHORISE),
    ):
        answer = await sent(http, world.account(**settings), phones=phone, mes=TEXT)
        assert answer["error_code"] == code, settings
