"""Clients that mean harm, over real sockets."""

import asyncio
import json
import logging
import ssl
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from uuid import uuid4

import httpx
import pytest
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

from inbound.api import protocol, server
from inbound.api.admission import Principal
from inbound.api.framing import MAX_HEAD_BYTES, MAX_HEADERS
from inbound.api.observability import SECURITY_HEADERS, ObservabilityMiddleware
from inbound.api.server import HttpServer
from inbound.clock import utc_now
from inbound.ops.log_throttle import LINES_OF_A_KIND, LogThrottle
from inbound.ops.logs import LineFormatter, ThrottlingHandler
from inbound.settings import ApiSettings
from tests.patience import PATIENCE_S
from tests.unit.api.serving import App, serving, until
from tests.unit.smpp.certificate import self_signed

SLOW = b"GET / HTTP/1.1\r\nHost: x\r\nX-Slow: "


class Echo(App):
    """Reads the body and answers with it."""

    def __init__(self) -> None:
        super().__init__()
        self.requests = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.requests += 1
        body = await Request(scope, receive).body()
        await PlainTextResponse(b"read " + body)(scope, receive, send)


async def exchange(made: HttpServer, sent: bytes) -> bytes:
    """Send octets, and return everything up to the end of the connection."""
    async with asyncio.timeout(PATIENCE_S):
        reader, writer = await asyncio.open_connection("127.0.0.1", made.port)
        writer.write(sent)
        try:
            return await reader.read()
        finally:
            writer.close()


def request(*lines: bytes, body: bytes = b"") -> bytes:
    return b"\r\n".join((b"POST / HTTP/1.1", b"Host: x", *lines, b"", b"")) + body


NEXT = b"GET /second HTTP/1.1\r\nHost: x\r\n\r\n"
AMBIGUOUS = {
    "both lengths": request(b"Content-Length: 5", b"Transfer-Encoding: chunked", body=b"0\r\n\r\n"),
    "two lengths": request(b"Content-Length: 1", b"Content-Length: 2", body=b"ab"),
    "the same length twice": request(b"Content-Length: 1", b"Content-Length: 1", body=b"a"),
    "a list of lengths": request(b"Content-Length: 1, 1", body=b"a"),
    "a signed length": request(b"Content-Length: +1", body=b"a"),
    "no length": request(b"Content-Length:", body=b"a"),
    "an endless length": request(b"Content-Length: " + b"9" * 25),
    "another encoding": request(b"Transfer-Encoding: gzip, chunked", body=b"0\r\n\r\n"),
    "two encodings": request(
        b"Transfer-Encoding: chunked", b"Transfer-Encoding: identity", body=b"0\r\n\r\n"
    ),
    "an encoding in HTTP/1.0": b"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "two hosts": request(b"Host: y"),
    "no host": b"GET / HTTP/1.1\r\n\r\n",
    "an empty port after a user": b"GET / HTTP/1.1\r\nHost: user@x:\r\n\r\n",
    "a host with a space": b"GET / HTTP/1.1\r\nHost: a b\r\n\r\n",
    "a host with a path": b"GET / HTTP/1.1\r\nHost: x/..\r\n\r\n",
    "a host with too long a port": b"GET / HTTP/1.1\r\nHost: x:9999999\r\n\r\n",
    "HTTP/1.2": b"GET / HTTP/1.2\r\nHost: x\r\n\r\n",
    "HTTP/2.0": b"GET / HTTP/2.0\r\nHost: x\r\n\r\n",
    "the preface of HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "a fragment": b"GET /#x HTTP/1.1\r\nHost: x\r\n\r\n",
    "a fragment behind a query": b"GET /?text=No%201#2 HTTP/1.1\r\nHost: x\r\n\r\n",
    "a fragment of a target with a host": b"GET http://x/#y HTTP/1.1\r\nHost: x\r\n\r\n",
    "a folded line": request(b"X-Folded: a", b" b"),
    "a folded first line": b"GET / HTTP/1.1\r\n Host: x\r\n\r\n",
    "a bare LF": b"GET / HTTP/1.1\nHost: x\n\n",
    "a bare LF in a header": request(b"X-Bare: a\nX-Hidden: b"),
    "a bare CR": request(b"X-Bare: a\rX-Hidden: b"),
    "a NUL": request(b"X-Nul: a\x00"),
    "a space before the colon": request(b"Content-Length : 1", body=b"a"),
    "a nameless header": request(b": a"),
    "an invalid size of a chunk": request(b"Transfer-Encoding: chunked", body=b"zz\r\n"),
    "a signed size of a chunk": request(b"Transfer-Encoding: chunked", body=b"+1\r\na\r\n"),
    "a chunk that is too long": request(b"Transfer-Encoding: chunked", body=b"1\r\nab\r\n"),
    "a size with a bare LF": request(b"Transfer-Encoding: chunked", body=b"1\na\r\n0\r\n\r\n"),
    "an end with a bare LF": request(b"Transfer-Encoding: chunked", body=b"0\r\nX: a\n\n"),
}


@pytest.fixture
async def echo() -> AsyncIterator[tuple[Echo, HttpServer]]:
    app = Echo()
    async with serving(app) as (made, _):
        yield app, made


@pytest.mark.parametrize("name", AMBIGUOUS)
async def test_ambiguous_framing_gets_one_400(echo: tuple[Echo, HttpServer], name: str) -> None:
    app, made = echo
    answers = await exchange(made, AMBIGUOUS[name] + NEXT)
    head, _, body = answers.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 400 Bad Request\r\n")
    assert b"connection: close" in head.lower()
    problem = json.loads(body)
    assert problem["type"] == "urn:scserv:problem:no-http"
    sent = dict(line.split(b": ", 1) for line in head.lower().split(b"\r\n")[1:])
    assert sent[b"x-request-id"].decode() in problem["instance"]
    assert sent.keys() >= {b"date", *(name.lower().encode() for name in SECURITY_HEADERS)}
    assert answers.count(b"HTTP/1.1 ") == 1
    assert app.requests <= ("Transfer-Encoding" in AMBIGUOUS[name].decode())  # its body is invalid


@pytest.mark.parametrize(
    ("url", "said"),
    [
        (b"/v1/messages?comment=#4711", "the URL has a `#`; write it as `%23`"),
        (b"/v1/messages?comment=a b", "such as a space (`%20`)"),
        ("/v1/clients/Иванов".encode(), "a letter that is not ASCII"),
    ],
)
async def test_a_url_that_is_not_encoded_is_named_as_the_cause(
    echo: tuple[Echo, HttpServer], url: bytes, said: str
) -> None:
    app, made = echo
    answer = await exchange(made, b"GET " + url + b" HTTP/1.1\r\nHost: a\r\n\r\n")
    problem = json.loads(answer.partition(b"\r\n\r\n")[2])
    assert problem["type"] == "urn:scserv:problem:no-http"
    assert said in problem["detail"]
    assert "4711" not in problem["detail"]
    assert not app.requests


async def test_a_plain_url_is_not_named_as_the_cause(echo: tuple[Echo, HttpServer]) -> None:
    answer = await exchange(echo[1], b"GET /v1/messages?a=%23 HTTP/1.1\r\nHost: a b\r\n\r\n")
    assert b"URL" not in answer
    assert b"two readers" in answer


async def test_empty_lines_before_a_request_are_skipped(echo: tuple[Echo, HttpServer]) -> None:
    """Programs send one behind a body, although it is no part of it (RFC 9112, 2.2)."""
    _, made = echo
    first = request(b"Content-Length: 1", body=b"a") + b"\r\n"
    last = request(b"Content-Length: 1", b"Connection: close", body=b"b")
    answers = await exchange(made, b"\r\n" + first + b"\r\n" + last)
    assert [part[:3] for part in answers.split(b"read ")[1:]] == [b"aHT", b"b"]
    answer = await exchange(made, b"\r\n" + b"GET / HTTP/1.1\r\nHost: a b\r\n\r\n")
    assert b"urn:scserv:problem:no-http" in answer


async def half_closed(made: HttpServer, sent: bytes) -> bytes:
    """Send octets, end this direction of the connection, and return what comes back."""
    async with asyncio.timeout(PATIENCE_S):
        reader, writer = await asyncio.open_connection("127.0.0.1", made.port)
        writer.write(sent)
        writer.write_eof()
        try:
            return await reader.read()
        finally:
            writer.close()


@pytest.mark.parametrize(
    "sent", [(NEXT,), (NEXT, NEXT), (request(b"Connection: close"),), (request(b"Expect: x"),)]
)
async def test_who_ends_one_direction_is_answered(sent: tuple[bytes, ...]) -> None:
    app = App()
    app.go.clear()
    async with serving(app) as (made, _):
        asking = asyncio.create_task(half_closed(made, b"".join(sent)))
        await app.came.wait()
        assert await half_closed(made, b"") == b""  # by now the first end has come, too
        assert not asking.done()
        app.go.set()
        answers = await asking
        assert (answers.count(b"HTTP/1.1 200 OK"), answers.count(b"done")) == (len(sent),) * 2


@pytest.mark.parametrize(
    "sent",
    [b"GET / HT", request(b"Content-Length: 5"), request(b"Content-Length: 5", body=b"abcd")],
)
async def test_a_request_that_is_cut_off_is_refused(
    echo: tuple[Echo, HttpServer], sent: bytes
) -> None:
    _, made = echo
    answer = await half_closed(made, sent)
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert answer.count(b"HTTP/1.1 ") == 1


@pytest.mark.parametrize(
    ("name", "headers"),
    [
        ("Authorization", (b"Authorization: Bearer a", b"authorization: Bearer b")),
        ("Reveal-Reason", (b"Reveal-Reason: a", b"Reveal-Reason: b")),
        ("Idempotency-Key", (b"Idempotency-Key: a", b"IDEMPOTENCY-KEY: a")),
        ("X-Service-Key", (b"X-Service-Key: a", b"X-Service-Key: b")),
        ("Content-Type", (b"Content-Type: text/plain", b"Content-Type: application/json")),
    ],
)
async def test_a_repeated_header_is_named(
    echo: tuple[Echo, HttpServer], name: str, headers: tuple[bytes, ...]
) -> None:
    app, made = echo
    answers = await exchange(made, request(*headers) + NEXT)
    head, _, body = answers.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 400 Bad Request\r\n")
    assert b"connection: close" in head.lower()
    problem = json.loads(body)
    assert problem["type"] == "urn:scserv:problem:repeated-header"
    assert problem["detail"] == f"the header {name} is given twice; send it once. Nothing was done"
    assert (answers.count(b"HTTP/1.1 "), app.requests) == (1, 0)


@pytest.mark.parametrize(
    "chunk", [b"5\nhello", b"zz", b"+1", b" 1", b"1\rx", b"\n", b"-", b"1 2", b"0x5", b"1" * 21]
)
async def test_an_invalid_chunk_is_refused_before_its_line_ends(
    echo: tuple[Echo, HttpServer], chunk: bytes
) -> None:
    _, made = echo
    answer = await exchange(made, request(b"Transfer-Encoding: chunked", body=chunk))
    assert answer.startswith(b"HTTP/1.1 400 Bad Request\r\n")


async def test_a_chunk_may_arrive_octet_by_octet(echo: tuple[Echo, HttpServer]) -> None:
    _, made = echo
    async with asyncio.timeout(PATIENCE_S):
        reader, writer = await asyncio.open_connection("127.0.0.1", made.port)
        head = request(b"Transfer-Encoding: chunked", b"Connection: close")
        for octet in head + b"1;x=y\r\na\r\n2 \t\r\nbc\r\n0\r\n\r\n":
            writer.write(bytes([octet]))
            await writer.drain()
            await asyncio.sleep(0)
        assert b"read abc" in await reader.read()
        writer.close()


async def test_the_host_of_a_target_counts_and_not_the_header() -> None:
    async def tell(scope: Scope, receive: Receive, send: Send) -> None:
        told = f"host {Headers(scope=scope).getlist('host')} path {scope['path']}"
        await PlainTextResponse(told)(scope, receive, send)

    head = b"GET http://desk.test:81/a?b=c HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"
    async with serving(tell) as (made, _):
        answer = await exchange(made, head)
    assert answer.endswith(b"host ['desk.test:81'] path /a")


async def test_what_is_clear_is_served(echo: tuple[Echo, HttpServer]) -> None:
    _, made = echo
    chunked = request(b"Transfer-Encoding: chunked", body=b"1;x=y\r\na\r\n0\r\nX: y\r\n\r\n")
    last = request(
        b"Content-Length: 1", b"Connection: close", b"Accept: a", b"Accept: b", body=b"c"
    )
    answers = await exchange(made, chunked + last)
    assert answers.count(b"HTTP/1.1 200 OK") == 2
    assert answers.index(b"read a") < answers.index(b"read c")


@pytest.mark.parametrize(
    "sent",
    [
        b"GET / HTTP/1.1\r\nX-Long: " + b"x" * (MAX_HEAD_BYTES + 1),
        request(b"X-Long: " + b"x" * (MAX_HEAD_BYTES + 1)),
        request(*[b"X-%d: y" % n for n in range(MAX_HEADERS)]),
    ],
    ids=["endless", "long", "many"],
)
async def test_headers_have_a_size(echo: tuple[Echo, HttpServer], sent: bytes) -> None:
    app, made = echo
    answer = await exchange(made, sent)
    assert answer.startswith(b"HTTP/1.1 431 Request Header Fields Too Large\r\n")
    assert b"urn:scserv:problem:headers-too-large" in answer
    assert app.requests == 0


async def test_invalid_body_after_the_answer_gets_no_second_answer() -> None:
    """The application refuses before it reads the body, as for a wrong token."""
    async with serving(App()) as (made, _):
        answer = await exchange(made, request(b"Transfer-Encoding: chunked", body=b"zz\r\n" + NEXT))
    assert answer.count(b"HTTP/1.1 ") == 1


async def get_alone(made: HttpServer) -> httpx.Response:
    async with httpx.AsyncClient(timeout=PATIENCE_S) as client:
        return await client.get(f"http://127.0.0.1:{made.port}/")


@asynccontextmanager
async def slow_connections(made: HttpServer, count: int, sent: bytes) -> AsyncIterator[None]:
    async with AsyncExitStack() as stack:
        for _ in range(count):
            _, writer = await asyncio.open_connection("127.0.0.1", made.port)
            stack.callback(writer.close)
            with suppress(OSError):
                writer.write(sent)
                await writer.drain()
        yield


@pytest.mark.drill
@pytest.mark.parametrize("sent", [b"", SLOW], ids=["nothing", "half"])
async def test_600_slow_connections_leave_room_for_others(sent: bytes) -> None:
    async with serving(App()) as (made, _), slow_connections(made, 600, sent):
        for _ in range(20):
            assert (await get_alone(made)).text == "done"


async def test_a_crowd_does_not_end_a_started_answer() -> None:
    app = App()
    app.go.clear()
    async with serving(app) as (made, _):
        asking = asyncio.create_task(get_alone(made))
        await app.came.wait()
        async with slow_connections(made, 300, SLOW):
            app.go.set()
            assert (await asking).text == "done"


async def test_the_place_of_an_ended_connection_is_free() -> None:
    async with serving(App()) as (made, _):
        for _ in range(3):
            assert (await get_alone(made)).text == "done"
        await until(lambda: not made.limits.waiting)


@pytest.mark.parametrize("pieces", [1, 2])
async def test_the_head_behind_a_request_has_its_time_too(
    monkeypatch: pytest.MonkeyPatch, pieces: int
) -> None:
    monkeypatch.setattr(server, "KEEP_ALIVE_S", 10 * PATIENCE_S)
    whole = request(b"Content-Length: 1", body=b"a")

    class Impatient(Echo):
        """The head of the first request may take as long as this machine needs."""

        async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
            monkeypatch.setattr(protocol, "HEADERS_TIMEOUT_S", 0.05)
            await super().__call__(scope, receive, send)

    async with serving(Impatient()) as (made, _), asyncio.timeout(PATIENCE_S):
        reader, writer = await asyncio.open_connection("127.0.0.1", made.port)
        if pieces > 1:
            writer.write(whole[:9])
            await until(lambda: bool(made.limits.waiting))
            whole = whole[9:]
        writer.write(whole + SLOW)
        answers = b""
        with suppress(ConnectionResetError):
            while piece := await reader.read(1024):
                answers += piece
        assert answers.count(b"HTTP/1.1 200 OK") == 1
        writer.close()


async def test_client_that_takes_no_answer_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "ANSWER_TIMEOUT_S", 0.05)

    class Long(App):
        async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
            await PlainTextResponse(b"x" * (64 << 20))(scope, receive, send)

    async with serving(Long()) as (made, _), asyncio.timeout(PATIENCE_S):
        reader, writer = await asyncio.open_connection("127.0.0.1", made.port, limit=1024)
        writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        await reader.readuntil(b"\r\n\r\n")
        await until(lambda: not made.limits.waiting)  # the server has forgotten it
        with suppress(OSError):
            assert len(await reader.read(64 << 20)) < 64 << 20
        writer.close()


async def test_slow_handshakes_leave_room_for_others(tmp_path: Path) -> None:
    certificate = self_signed(tmp_path / "api.pem")
    trusting = ssl.create_default_context(cafile=str(certificate))
    settings = ApiSettings(port=0, tls_cert=certificate)
    async with serving(App(), settings) as (made, _), slow_connections(made, 200, b""):
        async with httpx.AsyncClient(verify=trusting, timeout=PATIENCE_S) as client:
            answer = await client.get(f"https://127.0.0.1:{made.port}/")
        assert answer.text == "done"


async def test_strangers_suppress_no_other_line(capsys: pytest.CaptureFixture[str]) -> None:
    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] == "/known":
            scope["state"]["principal"] = Principal(uuid4(), "crm", frozenset(), "default")
        await PlainTextResponse("done")(scope, receive, send)

    app = ObservabilityMiddleware(answer, utc_now, uuid4)
    handler = ThrottlingHandler(LogThrottle(lambda: 0.0))
    handler.setFormatter(LineFormatter("api"))
    log = logging.getLogger("inbound.api.observability")
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    log.propagate = False  # another test may have left a handler of the root
    try:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app)) as client:
            for path in ("/",) * 100 + ("/known",):
                await client.get(f"http://api.test{path}")
    finally:
        log.removeHandler(handler)
        log.setLevel(logging.NOTSET)
        log.propagate = True
    lines = capsys.readouterr().err.splitlines()
    assert len([line for line in lines if "token=-" in line]) == LINES_OF_A_KIND
    assert "token=crm" in lines[-1]
