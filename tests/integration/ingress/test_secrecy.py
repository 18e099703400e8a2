"""These dialects put numbers, texts and passwords into URLs: none of that is ever logged."""

import logging

import pytest

from inbound.ingress.smsc.routes import SMSC
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
}


@pytest.mark.parametrize("path", [route.path for route in SMSC.router.routes])  # type: ignore[attr-defined]
@pytest.mark.parametrize("method", ["GET", "POST", "HEAD", "DELETE", "canary-method"])
async def test_no_log_line_has_anything_that_was_sent(
    world: World, path: str, method: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "inbound")
    shop = world.account()
    right = {"login": shop.login, "psw": shop.password}
    http = world.client()
    for given in (CANARIES, CANARIES | right | {"apikey": ""}):
        for cut in ({}, {"phones": "", "phone": ""}, {"id": "canary id"}):
            await http.request(method, path, params=given | cut)
            await http.request(method, path, data=given | cut)
            await http.request(method, path, json=given | cut)
    await http.request(method, f"{path}/canary-path?canary-query=1")
    assert caplog.messages
    for message in caplog.messages:
        assert "canary" not in message
        assert "79161110199" not in message
        assert shop.password not in message


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
