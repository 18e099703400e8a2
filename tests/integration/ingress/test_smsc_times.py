"""SMSC over HTTP: when messages may be sent, and requests that come again."""

from datetime import timedelta
from decimal import Decimal

import httpx
import pytest

from inbound.ingress.credentials import Credentials
from inbound.ingress.smsc.codes import ErrorCode
from tests.integration.ingress.smsc_world import TEXT, sent
from tests.integration.ingress.world import World


@pytest.fixture
def shop(world: World) -> Credentials:
    return world.account("shop", price_per_part=Decimal("2.5"), balance=Decimal(100))


async def test_an_id_of_the_program_makes_repeating_safe(
    world: World, shop: Credentials, http: httpx.AsyncClient
) -> None:
    (phone,) = world.clients(1)
    asked = {"phones": phone, "mes": TEXT, "id": "0b8e0d1c-5a3e-4a0e-9a25-4f5d3a1f9c11"}
    first = await sent(http, shop, **asked)
    assert await sent(http, shop, **asked) == first
    assert len(world.orders("shop")) == 1
    changed = await sent(http, shop, **asked | {"mes": "другое"})
    assert changed["error_code"] == ErrorCode.REPEATED
    assert changed["error"] == "id belongs to another message"


@pytest.mark.parametrize(
    "times",
    [
        {"time": "+10"},
        {"valid": "2"},
        {"valid": "01:30"},
        {"time": "+10", "valid": "2"},
        {"time": "0203261501", "valid": "2"},  # has passed when the request is repeated
        {"time": "10-18", "valid": "2"},
    ],
)
async def test_a_repeated_request_with_times_from_now_on_is_the_same_message(
    world: World, shop: Credentials, http: httpx.AsyncClient, times: dict[str, str]
) -> None:
    (phone,) = world.clients(1)
    asked = {"phones": phone, "mes": TEXT, "id": 7} | times
    first = await sent(http, shop, **asked)
    world.now += timedelta(minutes=2)
    assert await sent(http, shop, **asked) == first
    for name in times:
        changed = await sent(http, shop, **asked | {name: {"time": "+11", "valid": "3"}[name]})
        assert changed["error"] == "id belongs to another message", name
    accepted = [state for state, *_ in world.orders("shop") if state != "refused"]
    assert len(accepted) == 1


async def test_times(world: World, shop: Credentials, http: httpx.AsyncClient) -> None:
    (phone,) = world.clients(1)
    given = {  # it is 15:00 in Moscow
        "0203261630": timedelta(hours=1, minutes=30),
        "02.03.26 16:30": timedelta(hours=1, minutes=30),
        "+45": timedelta(minutes=45),
        " 46": timedelta(minutes=46),  # a + that is not URL-encoded
        f"0{int((world.now + timedelta(hours=2)).timestamp())}": timedelta(hours=2),
        "18-20": timedelta(hours=3),
    }
    for time, later in given.items():
        answer = await sent(
            http, shop, phones=phone, mes=TEXT, time=time, id=f"t{later.seconds}-{len(time)}"
        )
        assert "error" not in answer, time
        [(due_at,)] = world.rows("SELECT due_at FROM orders ORDER BY ctid DESC LIMIT 1")
        assert due_at == world.now + later, time
    for tz in ("1", "+1", " 1"):
        text = f"{TEXT} {tz}"
        ahead = await sent(http, shop, phones=phone, mes=text, time="0203261630", tz=tz)
        [(due_at,)] = world.rows("SELECT due_at FROM orders ORDER BY ctid DESC LIMIT 1")
        assert due_at == world.now + timedelta(minutes=30), ahead
    for wrong in ("3202261630", "25-26", "yesterday", "0203991630", "+999999999"):
        answer = await sent(http, shop, phones=phone, mes=TEXT, time=wrong)
        assert answer["error_code"] == ErrorCode.TIME, wrong


async def test_how_long_a_message_is_valid(
    world: World, shop: Credentials, http: httpx.AsyncClient
) -> None:
    (phone,) = world.clients(1)
    for valid, hours in (("2", 2.0), ("01:30", 1.5), ("24:00", 24.0)):
        await sent(http, shop, phones=phone, mes=TEXT, valid=valid)
        [(last_at,)] = world.rows("SELECT last_at FROM orders ORDER BY ctid DESC LIMIT 1")
        assert last_at == world.now + timedelta(hours=hours)
    # Parameters of other calls are ignored, whatever they say.
    for unlimited in ({"valid": "0"}, {"valid": ""}, {"all": "3"}):
        await sent(http, shop, phones=phone, mes=TEXT, **unlimited)
        [(as_without,)] = world.rows("SELECT last_at FROM orders ORDER BY ctid DESC LIMIT 1")
        assert as_without == world.now + timedelta(days=1)
    for wrong in ("25", "00:00", "soon"):
        answer = await sent(http, shop, phones=phone, mes=TEXT, valid=wrong)
        assert answer["error_code"] == ErrorCode.TIME
