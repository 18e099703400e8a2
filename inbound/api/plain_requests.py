"""Requests that arrive whole and plain are read and answered without h11's state machine.

Most are: one head that can be read in one way only, its body right behind it, and an answer in one
piece. `read_plain` takes nothing else. Anything unusual goes to `inbound.api.framing`, which would
read the requests taken here in the same way (a test compares the two). An unusual answer is written
by h11, which then has to read the request first.
"""

import re
from typing import Any, Final, NamedTuple

import h11
from typing_extensions import override
from uvicorn._types import ASGIReceiveEvent, ASGISendEvent
from uvicorn.protocols.http.h11_impl import STATUS_PHRASES, RequestResponseCycle

from inbound.api.framing import MAX_HEAD_BYTES, MAX_HEADERS, is_host

Headers = list[tuple[bytes, bytes]]

# No HEAD: its answer gives the length of a body that it doesn't have.
_REQUEST_LINE: Final = re.compile(rb"(GET|POST|PUT|PATCH|DELETE) (/[!\"$-~]*) HTTP/1\.1")
_HEADER: Final = re.compile(rb"([A-Za-z0-9_-]+):([\t -~]*)")
_LENGTH: Final = re.compile(rb"[0-9]{1,10}")
_UNUSUAL: Final = frozenset({b"connection", b"transfer-encoding", b"expect", b"upgrade"})
_HEAD: Final = re.compile(rb"(?:[^\x00-\x1f\x7f]+\r\n)+")
_FRAMING: Final = frozenset({b"content-length", b"transfer-encoding", b"connection"})
_WITHOUT_BODY: Final = frozenset({204, 205, 304})
_FIRST_STATUS: Final = 200


class PlainRequest(NamedTuple):
    """A whole request; the names of headers are in small letters."""

    method: bytes
    target: bytes
    headers: Headers
    body: bytes


def read_plain(data: bytes) -> PlainRequest | None:
    """Read the octets of one whole request; None unless it is a plain one."""
    end = data.find(b"\r\n\r\n")
    if not 0 < end <= MAX_HEAD_BYTES:
        return None
    first, *lines = data[:end].split(b"\r\n")
    line = _REQUEST_LINE.fullmatch(first)
    if line is None or len(lines) > MAX_HEADERS:
        return None
    headers: dict[bytes, bytes] = {}
    for one in lines:
        header = _HEADER.fullmatch(one)
        if header is None:
            return None
        headers[header[1].lower()] = header[2].strip(b" \t")
    is_usual = len(headers) == len(lines) and _UNUSUAL.isdisjoint(headers)
    if not is_usual or not is_host(headers.get(b"host", b"?")):
        return None
    length = headers.get(b"content-length", b"0")
    if not _LENGTH.fullmatch(length) or int(length) != len(data) - end - 4:
        return None
    return PlainRequest(line[1], line[2], [*headers.items()], data[end + 4 :])


def whole_answer(start: Any, body: bytes, default_headers: Headers) -> bytes | None:  # noqa: ANN401 — ASGI
    """Return the octets of an answer whose body is complete; None unless it is a plain one."""
    status, headers = start["status"], [*default_headers, *start.get("headers", ())]
    framing = [(name, value) for name, value in headers if name in _FRAMING]
    if framing != [(b"content-length", b"%d" % len(body))]:
        return None
    if status < _FIRST_STATUS or status in _WITHOUT_BODY:
        return None
    lines = [b"HTTP/1.1 %d %s\r\n" % (status, STATUS_PHRASES[status])]
    lines += [b"%s: %s\r\n" % header for header in headers]
    head = b"".join(lines)
    # Characters that could end a header early are refused by h11.
    if head.count(b"\r\n") != len(lines) or not _HEAD.fullmatch(head):
        return None
    return b"%s\r\n%s" % (head, body)


class PlainCycle(RequestResponseCycle):
    """The answer to a plain request, written at once if it is plain, too."""

    def __init__(self, request: PlainRequest, raw: bytes, **values: Any) -> None:  # noqa: ANN401
        """`raw` are the octets of the request; `values` are those of uvicorn's cycle."""
        super().__init__(**values)
        self._given: bytes | None = request.body
        self._raw = raw
        self._start: ASGISendEvent | None = None
        self.more_body = False

    @override
    async def receive(self) -> ASGIReceiveEvent:
        if (body := self._given) is None or self.disconnected:
            return await super().receive()
        self._given = None
        return {"type": "http.request", "body": body, "more_body": False}

    @override
    async def send(self, message: ASGISendEvent) -> None:
        if self.conn.our_state is not h11.IDLE or self.response_complete or self.disconnected:
            await super().send(message)
        elif self._start is None and message["type"] == "http.response.start":
            if self.flow.write_paused:  # the client has not read the answer before it
                self._leave_to_h11()
                await super().send(message)
                return
            self._start = message
            self.response_started = True
        else:
            await self._send_body(message)

    async def _send_body(self, message: ASGISendEvent) -> None:
        """Send the first piece of the body, with the head before it."""
        start, answer = self._start, None
        if (
            start is not None
            and message["type"] == "http.response.body"
            and not message.get("more_body", False)
            and self.keep_alive
        ):
            answer = whole_answer(start, message.get("body", b""), self.default_headers)
        if answer is None:
            self._leave_to_h11()
            if start is not None:
                await super().send(start)
            await super().send(message)
            return
        self.transport.write(answer)
        self.response_complete = True
        self.message_event.set()
        self.on_response()

    def _leave_to_h11(self) -> None:
        self.conn.receive_data(self._raw)
        while not isinstance(self.conn.next_event(), h11.EndOfMessage):
            pass
        self.response_started = False
