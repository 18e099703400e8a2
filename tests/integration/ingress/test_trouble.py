"""What a program is told in each dialect when the service is busy, or has lost its database."""

import asyncio
from collections.abc import Sequence
from itertools import cycle
from typing import Any

import httpx
import pytest

from inbound.errors import RetryableError
from inbound.ingress import http
from inbound.ingress.credentials import Credentials
from inbound.orders.batching import TooManyWaitingError
from inbound.orders.ports import Placed
from schemas.orders import Order
from tests.integration.ingress.world import World
from tests.patience import PATIENCE_S

Asked = dict[str, Any]


def requests(shop: Credentials, phone: str) -> dict[str, Asked]:
    """Return a request to send in each dialect."""
    signed = {"id": str(shop.id), "key": shop.key}
    return {
        "smsc": {
            "method": "POST",
            "url": "/sys/send.php",
            "data": {
                "login": shop.login,
                "psw": shop.password,
                "fmt": "1",
                "phones": phone,
                "mes": "text",
            },
        },
        "smsc rest": {
            "method": "POST",
            "url": "/rest/send/",
            "json": {"apikey": shop.key, "phones": phone, "mes": "text"},
        },
        "bytehand": {
            "method": "GET",
            "url": "/send",
            "params": {**signed, "to": phone, "text": "t"},
        },
        "bytehand list": {
            "method": "POST",
            "url": "/v1/send_multi",
            "params": signed,
            "json": [{"to": phone, "text": "t"}],
        },
        "bytehand 2": {
            "method": "POST",
            "url": "/v2/sms/messages",
            "headers": {"X-Service-Key": shop.key},
            "json": {"receiver": phone, "text": "t"},
        },
        "smspay": {
            "method": "GET",
            "url": "/users/send_bulk.php",
            "params": {
                "user_id": str(shop.id),
                "service_id": str(shop.service_id),
                "msisdn": phone,
                "text": "t",
            },
        },
    }


BUSY = {
    "smsc": (200, "0,-9"),
    "smsc rest": (200, '{"error": "too many concurrent requests", "error_code": 9}'),
    "bytehand": (200, '{"status":1,"description":"Service is not available"}'),
    "bytehand list": (200, '[{"status":1,"description":"Service is not available"}]'),
    "bytehand 2": (503, '{"result":"error","code":1,"message":"Service is not available"}'),
    "smspay": (200, "LIMIT_DELAY"),
}
UNAVAILABLE = BUSY | {
    "smsc": (503, "0,-9"),
    "smsc rest": (503, '{"error": "service is not available", "error_code": 9}'),
    "smspay": (503, "SERVICE_UNAVAILABLE"),
}


@pytest.mark.parametrize("dialect", BUSY)
@pytest.mark.parametrize(
    ("error", "expected"),
    [(TooManyWaitingError("full"), BUSY), (RetryableError("postgres.internal"), UNAVAILABLE)],
    ids=["busy", "unavailable"],
)
async def test_an_outage_is_told_in_the_form_of_the_dialect(
    world: World,
    dialect: str,
    error: Exception,
    expected: dict[str, tuple[int, str]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def fail(_: Sequence[Order]) -> Sequence[Placed]:
        raise error

    monkeypatch.setattr(world.parts.batcher, "place", fail)
    asked = requests(world.account(), world.clients(1)[0])[dialect]
    answer = await world.client().request(**asked)
    assert (answer.status_code, answer.text) == expected[dialect]


async def test_an_account_leaves_room_for_others(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    going_on, place, waiting = asyncio.Event(), world.parts.batcher.place, 0

    async def wait(orders: Sequence[Order]) -> Sequence[Placed]:
        nonlocal waiting
        waiting += 1
        await going_on.wait()
        return await place(orders)

    monkeypatch.setattr(world.parts.batcher, "place", wait)
    busy, other = world.account(), world.account()
    phones = cycle(world.clients(10))  # so that none has too many waiting

    async def send(shop: Credentials) -> httpx.Response:
        return await world.client().request(**requests(shop, next(phones))["smspay"])

    async with asyncio.timeout(PATIENCE_S), asyncio.TaskGroup() as group:
        first = [group.create_task(send(busy)) for _ in range(http.MOST_OF_ONE_ACCOUNT)]
        while waiting < http.MOST_OF_ONE_ACCOUNT:  # noqa: ASYNC110  requests of other tasks
            await asyncio.sleep(0)
        assert (await send(busy)).text == "LIMIT_DELAY"
        others = group.create_task(send(other))
        going_on.set()
    assert {task.result().text for task in [*first, others]} == {"MSG_OK"}
    assert (await send(busy)).text == "MSG_OK"
