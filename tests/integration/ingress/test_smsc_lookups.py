"""SMSC over HTTP: states, costs and balances that programs ask for."""

import json
from decimal import Decimal

import httpx
import pytest

from inbound.ingress.credentials import Credentials
from inbound.ingress.smsc.codes import ErrorCode
from tests.integration.ingress.smsc_world import TEXT, sent, signed, status
from tests.integration.ingress.world import World


@pytest.fixture
def shop(world: World) -> Credentials:
    return world.account("shop", price_per_part=Decimal("2.5"), balance=Decimal(100))


async def test_a_list_has_one_id_and_each_phone_its_status(
    world: World, shop: Credentials, http: httpx.AsyncClient
) -> None:
    first, second = world.clients(2)
    phones = f"+{first};8{second[1:]},79160000000,{first}"
    answer = await sent(http, shop, phones=phones, mes=TEXT)
    assert answer["cnt"] == 2  # the third is no client, and the last is the first again
    asked = {"phone": f"{first},{second},79160000000", "id": answer["id"]}
    rows = await status(http, shop, **asked)
    assert [(row["status"], row["err"], row["phone"]) for row in rows] == [
        (-1, 0, first),
        (-1, 0, second),
        (23, 250, "79160000000"),
    ]


async def test_states_that_its_programs_know(
    world: World, shop: Credentials, http: httpx.AsyncClient
) -> None:
    (phone,) = world.clients(1)
    answer = await sent(http, shop, phones=phone, mes=TEXT, id="42")
    asked = {"phone": phone, "id": "42"}
    for state, code in (("sent", 0), ("delivered", 1), ("undelivered", 20), ("expired", 3)):
        world.rows("UPDATE orders SET state = %s, changed_at = %s", state, world.now)
        found = await status(http, shop, **asked)
        assert found["status"] == code
    assert answer["id"] == 42
    stamp = int(world.now.timestamp())
    assert found["last_date"] == "02.03.2026 15:00:00"
    assert found["last_timestamp"] == stamp
    line = await http.get("/sys/status.php", params=signed(shop, fmt=1) | asked)
    assert line.text == f"3,{stamp},246"
    detailed = await status(http, shop, **asked, all=2)
    assert (detailed["cost"], detailed["status_name"]) == ("2.50", "Просрочено")
    sentence = await http.get("/sys/status.php", params=signed(shop) | asked)
    assert sentence.text == "Status = 3, check_time = 02.03.2026 15:00:00, err = 246"


@pytest.mark.parametrize(
    ("receipt", "error", "line"),
    [
        ("undeliverable", None, "20,{},0"),
        ("undeliverable", "00b", "20,{},11"),
        ("expired", None, "3,{},0"),
        ("expired", "027", "3,{},27"),
        ("rejected", None, "20,{},255"),
        ("rejected", "000", "20,{},255"),
        ("deleted", "E-12", "20,{},0"),
    ],
)
async def test_the_state_and_the_code_of_the_sms_centre(
    world: World,
    shop: Credentials,
    http: httpx.AsyncClient,
    receipt: str,
    error: str | None,
    line: str,
) -> None:
    (phone,) = world.clients(1)
    await sent(http, shop, phones=phone, mes=TEXT, id="42")
    world.rows(
        "UPDATE orders SET state = 'undelivered', changed_at = %s, receipt = %s, error = %s",
        *(world.now, receipt, error),
    )
    asked = signed(shop, fmt=1) | {"phone": phone, "id": "42"}
    found = await http.get("/sys/status.php", params=asked)
    assert found.text == line.format(int(world.now.timestamp()))


async def test_a_comma_in_a_sender_moves_no_value(
    world: World, shop: Credentials, http: httpx.AsyncClient
) -> None:
    (phone,) = world.clients(1)
    await sent(http, shop, phones=phone, mes=TEXT, id="42")
    world.rows("UPDATE orders SET sender = 'Ma,g'")
    asked = signed(shop, phone=phone, id="42", all=1)
    line = (await http.get("/sys/status.php", params=asked | {"fmt": 1})).text
    assert line.split(",")[5:] == ["2.50", "Ma g", "Ожидает отправки", ""]
    assert (await status(http, shop, phone=phone, id="42", all=1))["sender_id"] == "Ma,g"


@pytest.mark.parametrize("value", ["yes", "3", "-1", "2"])
async def test_values_of_look_ups_that_mean_nothing_are_refused(
    shop: Credentials, http: httpx.AsyncClient, value: str
) -> None:
    if value != "2":
        found = await status(http, shop, phone="79161234567", id="42", all=value)
        assert found["error_code"] == ErrorCode.PARAMETERS
    asked = signed(shop, fmt=3, cur=value)
    answer = (await http.get("/sys/balance.php", params=asked)).json()
    assert answer["error_code"] == ErrorCode.PARAMETERS


async def test_messages_of_others_are_not_found(
    world: World, shop: Credentials, http: httpx.AsyncClient
) -> None:
    (phone,) = world.clients(1)
    await sent(http, shop, phones=phone, mes=TEXT, id="42")
    found = await status(http, world.account("other"), phone=phone, id="42")
    assert found["status"] == -3


async def test_balances(world: World, shop: Credentials, http: httpx.AsyncClient) -> None:
    forms = [
        (await http.get("/sys/balance.php", params=signed(shop, fmt=form))).text
        for form in range(4)
    ]
    assert forms[:2] == ["100.00", "100.00"]
    assert "<balance>100.00</balance>" in forms[2]
    assert json.loads(forms[3]) == {"balance": "100.00"}
    other = signed(world.account(), fmt=3, cur=1)
    answer = (await http.get("/sys/balance.php", params=other)).json()
    assert answer == {"balance": "1000000.00", "currency": "RUR"}
