"""What is read without h11 is what h11 would have read, and its answers are those of h11."""

import asyncio

import h11
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from inbound.api.framing import MAX_HEAD_BYTES, MAX_HEADERS, StrictConnection
from inbound.api.plain_requests import PlainRequest, read_plain, whole_answer
from inbound.api.protocol import HttpProtocol
from inbound.api.server import HttpServer
from tests.patience import PATIENCE_S
from tests.unit.api.serving import App, serving, until
from tests.unit.api.test_hostile_clients import AMBIGUOUS, NEXT, exchange, request

PIECES = st.sampled_from(
    [
        *(b"GET / HTTP/1.1\r\n", b"POST /a?b=%20c HTTP/1.1\r\n", b"HEAD / HTTP/1.1\r\n"),
        *(b"PUT http://y/ HTTP/1.1\r\n", b"GET / HTTP/1.0\r\n", b"get / HTTP/1.1\r\n"),
        *(b"GET  / HTTP/1.1\r\n", b"DELETE * HTTP/1.1\r\n", b"PATCH /\xd1\x8f HTTP/1.1\r\n"),
        *(b"Host: x\r\n", b"host:y\r\n", b"Host:\r\n", b"Content-Length: 3\r\n", b"a: b \t c\r\n"),
        *(b"content-length: 03\r\n", b"Content-Length:+3\r\n", b"Content-Length: 3, 3\r\n"),
        *(b"Content-Length: 0\r\n", b"Content-Length:\r\n", b"Transfer-Encoding: chunked\r\n"),
        *(b"Connection: close\r\n", b"Expect: 100-continue\r\n", b"Upgrade: websocket\r\n"),
        *(b"X Y: z\r\n", b"X: \x00\r\n", b"X: \x80\r\n", b" folded\r\n", b"a : b\r\n", b": b\r\n"),
        *(b"Authorization: Bearer t\r\n", b"X: a\rb\r\n", b"X: a\nb\r\n", b"_-1: ~ !\r\n"),
        *(b"\r\n", b"abc", b"3\r\nabc\r\n0\r\n\r\n", b"\n", b"\r", b" ", b"\t", b"", b"\x7f"),
    ]
)
WHOLE = b"POST /v1/messages HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc"


def read_by_h11(data: bytes) -> PlainRequest | None:
    """Read one whole request and nothing behind it; None if that is something else."""
    conn = StrictConnection()
    conn.receive_data(data)
    body = b""
    try:
        head = conn.next_event()
        while isinstance(event := conn.next_event(), h11.Data):
            body += event.data
        rest = conn.next_event()
    except h11.RemoteProtocolError:
        return None
    if not isinstance(head, h11.Request) or not isinstance(event, h11.EndOfMessage):
        return None
    if rest is not h11.NEED_DATA and rest is not h11.PAUSED:
        return None
    if conn.trailing_data[0] or conn.they_are_waiting_for_100_continue:
        return None
    return PlainRequest(head.method, head.target, [*head.headers], body)


@given(st.lists(PIECES, max_size=9).map(b"".join))
@example(WHOLE)
@example(WHOLE + b"d")
@example(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
def test_it_reads_nothing_otherwise_than_h11(data: bytes) -> None:
    read = read_plain(data)
    assert read is None or read == read_by_h11(data)


@given(st.binary(max_size=3), st.integers(0, len(WHOLE)), st.integers(0, 3))
def test_altered_octets_are_read_as_h11_reads_them(new: bytes, at: int, gone: int) -> None:
    data = WHOLE[:at] + new + WHOLE[at + gone :]
    read = read_plain(data)
    assert read is None or read == read_by_h11(data)


@pytest.mark.parametrize(
    "data",
    [
        *AMBIGUOUS.values(),
        WHOLE[:-1],
        WHOLE + NEXT,
        request(b"X-Long: " + b"x" * MAX_HEAD_BYTES),
        request(*[b"X-%d: y" % n for n in range(MAX_HEADERS)]),
        request(b"Accept: a", b"Accept: b"),
        request(b"Connection: close"),
        b"HEAD / HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET / HTTP/1.0\r\nHost: x\r\n\r\n",
    ],
)
def test_what_is_unusual_is_left_to_h11(data: bytes) -> None:
    assert read_plain(data) is None


def test_what_programs_send_is_plain() -> None:
    read = read_plain(WHOLE)
    assert read is not None
    assert (read.method, read.target, read.body) == (b"POST", b"/v1/messages", b"abc")
    assert read == read_by_h11(WHOLE)


@pytest.mark.parametrize(
    ("header", "status"),
    [
        ((b"x", b"a\r\nset-cookie: b"), 200),
        ((b"x", b"a\nb"), 200),
        ((b"x", b"a\x00"), 200),
        ((b"content-length", b"3"), 200),
        ((b"transfer-encoding", b"chunked"), 200),
        ((b"connection", b"close"), 200),
        ((b"x", b"y"), 204),
        ((b"x", b"y"), 304),
    ],
)
def test_an_unusual_answer_is_left_to_h11(header: tuple[bytes, bytes], status: int) -> None:
    start = {"status": status, "headers": [(b"content-length", b"3"), header]}
    assert whole_answer(start, b"abc", []) is None


class Answers(App):
    """Answers in the way that the path says."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = await Request(scope, receive).body()
        response: Response = PlainTextResponse(b"read " + body)
        match scope["path"]:
            case "/pieces":
                response = StreamingResponse(iter([b"one ", b"two"]))
            case "/nothing":
                response = Response(status_code=204)
            case "/split":
                response.headers["X-Split"] = "a\r\nSet-Cookie: b"
        await response(scope, receive, send)


async def answer_to(made: HttpServer, *requests: bytes) -> bytes:
    """Send requests, each when the one before may have been read, then one that ends it."""
    async with asyncio.timeout(PATIENCE_S):
        reader, writer = await asyncio.open_connection("127.0.0.1", made.port)
        for one in requests:
            writer.write(one)
            await writer.drain()
        writer.write(b"GET /last HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        try:
            return await reader.read()
        finally:
            writer.close()


def get(path: str) -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode()


async def test_answers_of_all_kinds_follow_each_other() -> None:
    async with serving(Answers()) as (made, _):
        found = await answer_to(made, WHOLE, get("/pieces"), get("/nothing"), WHOLE)
    assert found.count(b"HTTP/1.1 200 OK\r\n") == 4
    assert found.count(b"HTTP/1.1 204 ") == 1
    assert found.count(b"\r\n\r\nread abc") == 2
    assert b"4\r\none \r\n3\r\ntwo\r\n0\r\n\r\n" in found
    assert found.endswith(b"\r\n\r\nread ")


async def test_requests_that_come_during_an_answer_wait_for_their_turn() -> None:
    app = App()
    app.go.clear()

    async def slow_at_first(scope: Scope, receive: Receive, send: Send) -> None:
        if not app.came.is_set():
            app.came.set()
            await app.go.wait()
        await Answers()(scope, receive, send)

    async with serving(slow_at_first) as (made, _), asyncio.timeout(PATIENCE_S):
        reader, writer = await asyncio.open_connection("127.0.0.1", made.port)
        writer.write(WHOLE)
        await app.came.wait()
        writer.write(WHOLE.replace(b"abc", b"def") + get("/pieces")[:9])
        (connection,) = made._server.server_state.connections
        assert isinstance(connection, HttpProtocol)
        await until(lambda: connection.flow.read_paused)
        app.go.set()
        writer.write(get("/pieces")[9:])
        found = await reader.readuntil(b"two\r\n0\r\n\r\n")
        assert found.index(b"read abc") < found.index(b"read def") < found.index(b"one ")
        assert found.count(b"HTTP/1.1 ") == 3
        writer.close()


async def test_no_header_of_an_answer_can_be_split() -> None:
    async with serving(Answers()) as (made, _):
        found = await exchange(made, get("/split"))
    assert b"Set-Cookie" not in found
