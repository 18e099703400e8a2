"""Every answer under a dialect's paths is in its own form, also to what is no HTTP."""

import asyncio
import json
import logging
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from inbound.api import bodies
from inbound.ingress import http as ingress_http
from inbound.ingress import parameters
from tests.integration.ingress.world import World, served
from tests.patience import PATIENCE_S

SENTENCE = "ERROR = 1 (parameters error)"
JSON = '{"error": "parameters error", "error_code": 1}'
WRONG = '{"status":6,"description":"Invalid parameters"}'
WRONG_2 = '{"result":"error","code":6,"message":"Invalid parameters"}'

PATHS = {
    "/sys/send.php": (200, SENTENCE),
    "/sys/send.php?fmt=1": (200, "0,-1"),
    "/sys/status.php?login=a&fmt=3": (200, JSON),
    "/rest/send/": (200, JSON),
    "/rest/balance/": (200, JSON),
    "/send": (200, WRONG),
    "/v1/details": (200, WRONG),
    "/send_multi": (200, f"[{WRONG}]"),
    "/v2/sms/messages": (400, WRONG_2),
    "/users/send_bulk.php": (200, "INVALID_INPUT"),
    "/favicon.ico": (400, "the request can't be read"),
}
"""Paths, and the answer to a request that can't be read."""
BODY_FIRST = ("/sys/send.php", "/rest/send/", "/send", "/users/send_bulk.php")
"""Paths that read the whole body before they let anybody in."""


@dataclass
class Answer:
    """An answer as it came, and whether the connection ended after it."""

    status: int
    body: str
    headers: Sequence[str] = field(default_factory=list)


async def sent(url: str, octets: bytes, *, is_all: bool = False) -> Answer:
    """Send octets on a connection of their own, and return the answer once it has ended.

    With `is_all` this side of the connection ends behind them.
    """
    address = urlsplit(url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    with closing(writer):
        writer.write(octets)
        if is_all:
            writer.write_eof()
        async with asyncio.timeout(PATIENCE_S):
            head, _, body = (await reader.read()).partition(b"\r\n\r\n")
    line, *headers = head.decode().split("\r\n")
    return Answer(int(line.split()[1]), body.decode(), [one.lower() for one in headers])


def with_parameter(path: str, parameter: bytes) -> bytes:
    return path.encode() + (b"&" if "?" in path else b"?") + parameter


@pytest.mark.parametrize("path", PATHS)
async def test_what_is_no_http_is_answered_in_the_form_of_its_path(world: World, path: str) -> None:
    raw = with_parameter(path, "text=Заявка".encode())
    plain = path.encode()
    async with served(world) as url:
        for octets in (
            b"GET " + raw + b" HTTP/1.1\r\nHost: x\r\n\r\n",
            b"GET " + with_parameter(path, b"mes=a b") + b" HTTP/1.1\r\nHost: x\r\n\r\n",
            b"GET "
            + with_parameter(path, b"mes=" + b"a" * 20_000)
            + b" HTTP/1.1\r\nHost: x\r\n\r\n",
            b"GET " + plain + b" HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 20_000 + b"\r\n\r\n",
            b"GET " + plain + b" HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n",
            b"GET " + plain + b"#fmt=2 HTTP/1.1\r\nHost: x\r\n\r\n",
            b"GET " + with_parameter(path, b"text=No#1") + b" HTTP/1.1\r\nHost: x\r\n\r\n",
            b"\r\nGET " + plain + b" HTTP/1.1\r\nHost: a b\r\n\r\n",
            b"GET " + plain + b" HTTP/1.1\r\nHost: x\nX: y\r\n\r\n",
            b"POST " + plain + b" HTTP/1.1\r\nHost: x\r\nContent-Length: 1x\r\n\r\n",
            b"POST " + plain + b" HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        ):
            answer = await sent(url, octets)
            assert (answer.status, answer.body) == PATHS[path], octets[:90]
            assert "connection: close" in answer.headers


async def test_a_target_that_names_its_host_is_that_path(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "inbound")
    shop = world.account()
    query = f"/sys/balance.php?login={shop.login}&psw={shop.password}&fmt=3".encode()
    async with served(world) as url:
        for before in (b"http://scserv.test", b"HTTPS://[::1]:8100", b"http://" + b"x" * 99):
            head = b"GET " + before + query + b" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
            assert (await sent(url, head)).body == '{"balance": "1000000.00"}', before
        for after in (b"", b"?fmt=3"):
            head = b"GET http://scserv.test" + after + b" HTTP/1.1\r\nHost: x\r\n"
            answer = await sent(url, head + b"Connection: close\r\n\r\n")
            assert (answer.status, answer.body) == (404, "there is no such path"), after
        malformed = b"GET http://scserv.test" + query + b"&a=\xff HTTP/1.1\r\nHost: x\r\n\r\n"
        assert (await sent(url, malformed)).body == JSON
    assert any("/sys/balance.php" in message for message in caplog.messages)
    assert not [one for one in caplog.messages if shop.password in one or "scserv.test" in one]


@pytest.mark.parametrize("path", PATHS)
async def test_a_second_request_is_answered_in_the_form_of_its_own_path(
    world: World, path: str
) -> None:
    async with served(world) as url:
        first = b"GET /users/send_bulk.php HTTP/1.1\r\nHost: x\r\n\r\n"
        second = b"GET " + with_parameter(path, b"\xff") + b" HTTP/1.1\r\nHost: x\r\n\r\n"
        answer = await sent(url, first + second)
    assert answer.status == 200
    assert answer.body.startswith("INVALID_INPUT")
    assert answer.body.endswith(f"\r\n\r\n{PATHS[path][1]}")


@pytest.mark.parametrize("path", [path for path in PATHS if path != "/favicon.ico"])
async def test_methods_and_sizes_are_refused_in_the_form_of_the_path(
    world: World, path: str
) -> None:
    large = b"x" * (bodies.MAX_SENDING_BODY_BYTES + 1)
    async with served(world) as url, httpx.AsyncClient(base_url=url) as client:
        for answer in (
            await client.patch(path),
            await client.post(path, content=large),
        ):
            assert (answer.status_code, answer.text) == PATHS[path]


@pytest.mark.parametrize("path", PATHS)
async def test_what_is_cut_off_is_refused_in_the_form_of_the_path(world: World, path: str) -> None:
    head = b"POST " + path.encode() + b" HTTP/1.1\r\nHost: x\r\n"
    with_body = [head + b"Content-Length: 9\r\n\r\nmes="] if path in BODY_FIRST else []
    async with served(world) as url:
        for octets in (head, *with_body):
            answer = await sent(url, octets, is_all=True)
            assert (answer.status, answer.body) == PATHS[path], octets[:90]


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity"])
async def test_what_is_no_number_of_json_sends_nothing(world: World, number: str) -> None:
    """Not even as the value of a field that is not read: other parsers refuse all of it."""
    shop, (phone,) = world.account(), world.clients(1)
    names = f'"phones":"{phone}","receiver":"{phone}","to":"{phone}"'
    texts = '"mes":"text","text":"text"'
    one = f'{{"apikey":"{shop.key}",{names},{texts},"unread":{number}}}'
    signed: dict[str, Any] = {"id": shop.id, "key": shop.key}
    key = {"X-Service-Key": shop.key}
    for path, params, content in (
        ("/rest/send/", {}, one),
        ("/send_multi", signed, f"[{one}]"),
        ("/v2/sms/messages", {}, one),
    ):
        answer = await world.client().post(path, params=params, content=content, headers=key)
        assert (answer.status_code, answer.text) == PATHS[path]
        sent_with = content.replace(number, "1")
        answer = await world.client().post(path, params=params, content=sent_with, headers=key)
        assert answer.text != PATHS[path][1]
    assert len(world.orders(shop.login)) == 3


@pytest.mark.parametrize("more", [0, 1])
async def test_a_body_that_is_read_before_anybody_has_signed_in_is_small(
    world: World, more: int
) -> None:
    shop, phones = world.account(), world.clients(3)
    http, octets = world.client(), parameters.LARGEST_BODY + more
    signed = f"apikey={shop.key}&phones={phones[0]}&mes=text&unread="
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    content = signed.ljust(octets, "x")
    answers = [await http.post("/sys/send.php?fmt=3", content=content, headers=form)]
    given = json.dumps({"apikey": shop.key, "phones": phones[1], "mes": "text", "unread": ""})
    content = given[:-2].ljust(octets - 2, "x") + given[-2:]
    answers.append(await http.post("/rest/send/", content=content))
    paid = f"user_id={shop.id}&service_id={shop.service_id}&msisdn={phones[2]}&text=text&unread="
    content = paid.ljust(octets, "x")
    answers.append(await http.post("/users/send_bulk.php", content=content, headers=form))
    refused = [JSON, JSON, "INVALID_INPUT"]
    assert [one.text == text for one, text in zip(answers, refused, strict=True)] == [more > 0] * 3
    assert len(world.orders(shop.login)) == (0 if more else 3)


NO_PATHS = {
    "/sys/sms.php": "ERROR = 1 (there is no such path)",
    "/sys/sms.php?fmt=1": "0,-1",
    "/rest/send": '{"error": "there is no such path", "error_code": 1}',
    "/v1/messages": '{"status":7,"description":"Not found"}',
    "/v2/balance": '{"result":"error","code":7,"message":"Not found"}',
    "/users/send.php": "INVALID_INPUT",
    "/sys%2Fsend.php?fmt=1": "0,-1",
    "/rest/send%2f": '{"error": "there is no such path", "error_code": 1}',
    "/v1%2Fsend": '{"status":7,"description":"Not found"}',
    "/v2/sms%2Fmessages": '{"result":"error","code":7,"message":"Not found"}',
    "/users%2Fsend_bulk.php": "INVALID_INPUT",
    "/": "there is no such path",
}


@pytest.mark.parametrize("path", NO_PATHS)
async def test_what_begins_like_a_dialect_is_answered_by_it(world: World, path: str) -> None:
    for method in ("GET", "POST", "DELETE"):
        answer = await world.client().request(method, path)
        assert (answer.status_code, answer.text) == (404, NO_PATHS[path])


async def test_a_body_that_does_not_come_ends_the_connection_in_the_form_of_the_path(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bodies, "BODY_TIMEOUT_S", 0.05)
    key = f"X-Service-Key: {world.account().key}"
    async with served(world) as url:
        for path in ("/sys/send.php", "/rest/send/", "/send", "/v2/sms/messages"):
            head = f"POST {path} HTTP/1.1\r\nHost: x\r\n{key}\r\nContent-Length: 9\r\n\r\nabc"
            answer = await sent(url, head.encode())
            assert (answer.status, answer.body) == PATHS[path], path
            assert "connection: close" in answer.headers


BUSY = {
    "/sys/send.php?fmt=1": (200, "0,-9"),
    "/rest/send/": (200, '{"error": "too many concurrent requests", "error_code": 9}'),
    "/send": (200, '{"status":1,"description":"Service is not available"}'),
    "/send_multi": (200, '[{"status":1,"description":"Service is not available"}]'),
    "/v2/sms/messages": (503, '{"result":"error","code":1,"message":"Service is not available"}'),
    "/users/send_bulk.php": (200, "LIMIT_DELAY"),
    "/favicon.ico": (503, "too many requests; try again"),
}
LATE = BUSY | {
    "/sys/send.php?fmt=1": (503, "0,-9"),
    "/rest/send/": (503, '{"error": "service is not available", "error_code": 9}'),
    "/users/send_bulk.php": (503, "SERVICE_UNAVAILABLE"),
}


@pytest.mark.parametrize("path", BUSY)
async def test_a_full_service_is_told_in_the_form_of_the_path(
    world: World, path: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "inbound")
    monkeypatch.setattr(ingress_http, "MOST_AT_ONCE", 0)
    answer = await world.client().post(path)
    assert (answer.status_code, answer.text) == BUSY[path]
    route = "-" if path == "/favicon.ico" else path.partition("?")[0]
    assert caplog.messages[-1].startswith(f"POST {route} {answer.status_code} ")


@pytest.mark.parametrize("path", [path for path in LATE if path != "/favicon.ico"])
async def test_an_answer_that_takes_too_long_may_have_sent_something(
    world: World, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def wait(*_: object) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr("inbound.api.observability.RESPONSE_TIMEOUT_S", 0.05)
    monkeypatch.setattr(world.parts.access, "_admit", wait)
    shop = {"user_id": "1", "service_id": "1", "fmt": "1"}
    given = shop if path.startswith(("/sys/", "/users/")) else {}
    body = "{}" if path.startswith("/rest/") else ""
    answer = await world.client().post(path.partition("?")[0], params=given, content=body)
    assert (answer.status_code, answer.text) == LATE[path]
