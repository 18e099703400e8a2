"""Requests of programs that were written for SMSC."""

from typing import Any

import httpx

from inbound.ingress.credentials import Credentials

TEXT = "Заявка 4711 выполнена"
SENTENCE = "ERROR = 1 (parameters error)"


def signed(shop: Credentials, **fields: Any) -> dict[str, Any]:
    return {"login": shop.login, "psw": shop.password, "charset": "utf-8"} | fields


async def sent(http: httpx.AsyncClient, shop: Credentials, **fields: Any) -> dict[str, Any]:
    """Send with `fmt=3` and return the answer."""
    asked = signed(shop, fmt=3) | fields
    answer = await http.get("/sys/send.php", params=asked)
    assert answer.status_code == 200
    found: dict[str, Any] = answer.json()
    return found


async def status(http: httpx.AsyncClient, shop: Credentials, **fields: Any) -> Any:
    answer = await http.get("/sys/status.php", params=signed(shop, fmt=3) | fields)
    return answer.json()
