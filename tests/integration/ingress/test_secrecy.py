"""These dialects put numbers, texts and passwords into URLs: none of that is ever logged."""

import logging
from itertools import count
from typing import Any

import pytest

from inbound.ingress.http import DIALECTS
from tests.integration.ingress.world import World

CANARIES = {
    "login": "canary-login",
    "psw": "canary-psw",
    "apikey": "canary-key",
    "phones": "79161110199",
    "phone": "79161110199",
    "mes": "canary-text",
    "id": "canary-id",
    "time": "canary-time",
    "key": "canary-key",
    "user_id": "7777",
    "service_id": "79161110199",
    "msisdn": "79161110199",
    "to": "79161110199",
    "from": "canary-from",
    "text": "canary-text",
    "message": "canary-message",
    "signature": "canary-signature",
}
_hosts = count(1)
PATHS = [
    route.path.replace("{message_id}", "canary-id")
    for dialect in DIALECTS
    for route in dialect.routes
]


@pytest.mark.parametrize("method", ["GET", "POST", "HEAD", "DELETE", "canary-method"])
async def test_no_log_line_has_anything_that_was_sent(
    world: World, method: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "inbound")
    caplog.set_level(logging.DEBUG, "python_multipart")
    shop = world.account()
    right = {
        "login": shop.login,
        "psw": shop.password,
        "apikey": "",
        "id": shop.id,
        "key": shop.key,
        "user_id": shop.id,
        "service_id": shop.service_id,
    }
    for path in PATHS:
        for given in (CANARIES, CANARIES | right):
            await send_everywhere(world, method, path, given)
    assert len(caplog.messages) >= 8 * len(PATHS)
    secrets = ("canary", "79161110199", shop.password, shop.key, str(shop.service_id))
    for message in caplog.messages:
        assert not [one for one in secrets if one in message], message


async def send_everywhere(world: World, method: str, path: str, given: dict[str, Any]) -> None:
    """Send parameters in every place, from an address that was not banned yet."""
    http = world.client(f"198.51.100.{next(_hosts) % 250}")
    headers = {"X-Service-Key": str(given["key"])}
    await http.request(method, path, params=given, headers=headers)
    await http.request(method, path, data=given, headers=headers)
    await http.request(method, path, json=given, headers=headers)
    parts = {name: (None, str(value)) for name, value in given.items()}
    await http.request(method, path, files=parts, headers=headers)
    broken = {"Content-Type": "multipart/form-data; boundary=b"} | headers
    await http.request(method, path, content=str(given), headers=broken)
    await http.request(method, f"{path}/canary-path?canary-query=1")


async def test_a_defect_quotes_no_request(
    world: World, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError(CANARIES["psw"])

    monkeypatch.setattr("inbound.ingress.smsc.routes.sign_in", broken)
    answer = await world.client().get("/sys/send.php", params=CANARIES | {"fmt": 1})
    assert (answer.status_code, answer.text) == (503, "0,-9")
    assert any("defect" in message for message in caplog.messages)
    assert not any("canary" in message for message in caplog.messages)
