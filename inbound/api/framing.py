"""HTTP/1.1 as every proxy reads it: ambiguous requests are refused.

h11 accepts what RFC 9112 lets a lenient server accept: bare LF, folded lines, Content-Length
beside Transfer-Encoding. A proxy in front may read the same octets as another request, so here
they are errors, and so is a second header that only one reader would take, and a fragment in the
target, which some drop. A target that names its host counts instead of the Host header, as the RFC
has it (3.2.2), and empty lines before a request are skipped (2.2). h11 does the rest.
"""

import re
from typing import Final

import h11
from h11._receivebuffer import ReceiveBuffer
from h11._util import LocalProtocolError
from typing_extensions import override

MAX_HEAD_BYTES: Final = 16 * 1024
MAX_HEADERS: Final = 64
HEAD_TOO_LARGE: Final = 431

_CRLF: Final = b"\r\n"
# What the line with the size of a chunk may begin with (RFC 9112, 7.1), as h11 limits it.
_CHUNK_LINE: Final = re.compile(rb"([0-9A-Fa-f]{1,20}([ \t]*|;[^\r\n]*)\r?)?")
_ABSOLUTE: Final = re.compile(rb"(?i:https?)://(?P<host>[^/?#@]+)(?P<rest>(?:[/?].*)?)")
_LENGTH: Final = re.compile(rb"[0-9]{1,19}")
# RFC 3986, 3.2.2 and 3.2.3.
_HOST: Final = re.compile(rb"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._~!$&'()*+,;=%-]*)(:[0-9]{0,5})?")
_FIRST_LINE: Final = re.compile(rb"[A-Za-z]+ (?P<url>.*) HTTP/1\.[01]", re.DOTALL)
_URL: Final = re.compile(rb"[!-~]+")
_VERSIONS: Final = frozenset({b"1.0", b"1.1"})
_SINGLE: Final = frozenset(
    {
        *(b"host", b"content-length", b"transfer-encoding", b"content-type", b"expect"),
        *(b"authorization", b"x-service-key", b"reveal-reason", b"idempotency-key"),
    }
)


_FRAMING: Final = frozenset({b"host", b"content-length", b"transfer-encoding", b"expect"})


class RepeatedHeaderError(LocalProtocolError):
    """A header that may occur once occurs twice; its name as documents write it."""

    def __init__(self, name: bytes) -> None:
        super().__init__("a header is repeated")
        self.repeated_header = name.decode("ascii").title()


class StrictConnection(h11.Connection):
    """The server's side of a connection. `error_status` is that of the last error.

    `repeated` is the header that was repeated, unless it says where the request ends, and
    `request_line` the first line of the last request, as far as it came.
    """

    def __init__(self) -> None:
        super().__init__(h11.SERVER, MAX_HEAD_BYTES)
        self._receive_buffer: _StrictBuffer = _StrictBuffer()
        self.error_status = 0
        self.repeated = ""
        self.request_line = b""

    @property
    def is_idle(self) -> bool:
        """Whether it waits for the first octet of a request."""
        return self.our_state is h11.IDLE is self.their_state and not self._receive_buffer

    @property
    def is_incomplete(self) -> bool:
        """Whether a request has begun of which more has to come."""
        if self.their_state is h11.IDLE:
            return bool(self._receive_buffer)
        return self.their_state is h11.SEND_BODY

    @override
    def next_event(self) -> h11.Event | type[h11.NEED_DATA] | type[h11.PAUSED]:
        if self.their_state is h11.IDLE:
            self._receive_buffer.skip_empty_lines()
            self.request_line = self._receive_buffer.first_line()
        try:
            event = super().next_event()
        except h11.RemoteProtocolError as error:
            self.error_status = error.error_status_hint
            # h11 makes it an error of the other side by giving it another class.
            self.repeated = getattr(error, "repeated_header", "")
            raise
        if not isinstance(event, h11.Request):
            return event
        _require_version_and_host(event)
        if b"#" in event.target:
            raise h11.RemoteProtocolError("a fragment in the target")
        return _in_origin_form(event)


def fault_of_url(request_line: bytes) -> str:
    """Return what is wrong with the URL in a first line; empty if that is not the cause."""
    match = _FIRST_LINE.fullmatch(request_line)
    if match is None:
        return ""
    if b"#" in match["url"]:
        return "the URL has a `#`; write it as `%23`, or leave out what begins with it"
    if not match["url"] or not _URL.fullmatch(match["url"]):
        return (
            "the URL has a character that has to be percent-encoded, such as a space (`%20`) or a "
            "letter that is not ASCII"
        )
    return ""


def is_host(value: bytes) -> bool:
    """Whether the header Host may have this value (RFC 9112, 3.2)."""
    return _HOST.fullmatch(value) is not None


def _require_version_and_host(request: h11.Request) -> None:
    if request.http_version not in _VERSIONS:
        raise h11.RemoteProtocolError("an unknown version of HTTP")
    if not all(is_host(value) for name, value in request.headers if name == b"host"):
        raise h11.RemoteProtocolError("an invalid Host")


def split_target(target: bytes) -> tuple[bytes | None, bytes]:
    """Return the host that a request target names, if any, and the target without it."""
    if (match := _ABSOLUTE.fullmatch(target)) is None:
        return None, target
    rest = match["rest"]
    return match["host"], rest if rest.startswith(b"/") else b"/" + rest


def _in_origin_form(request: h11.Request) -> h11.Request:
    host, target = split_target(request.target)
    if host is None:
        return request
    others = [(name, value) for name, value in request.headers if name != b"host"]
    return h11.Request(
        method=request.method,
        headers=[(b"host", host), *others],
        target=target,
        http_version=request.http_version,
    )


class _StrictBuffer(ReceiveBuffer):
    """Splits heads and trailers into lines. Raises LocalProtocolError, as h11's readers do."""

    def skip_empty_lines(self) -> None:
        """Drop empty lines before a request: programs send one behind a body."""
        while self._data[:2] == _CRLF:
            self._extract(2)

    def first_line(self) -> bytes:
        """Return the first line of what was received and not read, as far as it came."""
        end = self._data.find(_CRLF, 0, MAX_HEAD_BYTES)
        return bytes(self._data[: MAX_HEAD_BYTES if end < 0 else end])

    @override
    def maybe_extract_next_line(self) -> bytearray | None:
        """Return the line with the size of a chunk; refuse at once what can't become one."""
        line = super().maybe_extract_next_line()
        if line is None and not _CHUNK_LINE.fullmatch(self._data):
            raise LocalProtocolError("an invalid size of a chunk")
        return line

    @override
    def maybe_extract_lines(self) -> list[bytearray] | None:
        if self._data[:2] == _CRLF:
            self._extract(2)
            return []
        end = self._data.find(b"\r\n\r\n", max(0, self._multiple_lines_search - 3))
        self._multiple_lines_search = len(self._data)
        if max(end, 0) > MAX_HEAD_BYTES:
            raise LocalProtocolError("the headers are too long", HEAD_TOO_LARGE)
        if end < 0:
            _check_line_ends(self._data)
            return None
        head = self._extract(end + 4)[:-4]
        lines = head.split(_CRLF)
        if any(line.startswith((b" ", b"\t")) for line in lines):
            raise LocalProtocolError("a folded line")
        _check_line_ends(head)
        _check_headers(lines)
        return lines


def _check_line_ends(data: bytearray) -> None:
    """Refuse a bare LF or CR at once: the end of these headers may never come."""
    ends = data.count(_CRLF)
    pending = data.endswith(b"\r")
    if data.count(b"\n") != ends or data.count(b"\r") != ends + pending:
        raise LocalProtocolError("a bare CR or LF")


def _check_headers(lines: list[bytearray]) -> None:
    """Refuse repeated headers, and two that both say how long the body is."""
    if len(lines) > MAX_HEADERS + 1:
        raise LocalProtocolError("too many headers", HEAD_TOO_LARGE)
    found: dict[bytes, bytes] = {}
    for line in lines:
        name, _, value = bytes(line).partition(b":")
        name = name.lower()
        if name in found:
            if name in _FRAMING:
                raise LocalProtocolError("a header is repeated")
            raise RepeatedHeaderError(name)
        if name in _SINGLE:
            found[name] = value.strip(b" \t")
    if b"transfer-encoding" in found and (
        b"content-length" in found or not lines[0].endswith(b"HTTP/1.1")
    ):
        raise LocalProtocolError("Transfer-Encoding beside Content-Length, or in HTTP/1.0")
    if not _LENGTH.fullmatch(found.get(b"content-length", b"0")):
        raise LocalProtocolError("an invalid Content-Length")
