"""Malformed PDUs, made from valid frames. Pure functions.

Each function takes the frame that was due and returns the octets to send instead. After
those in `ENDING` the peer can't find the next frame and must close the connection.
"""

from collections.abc import Callable
from struct import Struct
from typing import Final

_HEADER: Final = Struct(">IIII")
_SIZE: Final = _HEADER.size
_UNKNOWN: Final = 0x0777
_RESPONSE: Final = 0x80000000
_ENQUIRE_LINK_RESP: Final = 0x80000015


def _with(frame: bytes, body: bytes, *, command: int | None = None, sequence: int = 0) -> bytes:
    """Return a frame of the right length with another body, command or sequence_number."""
    _, command_id, status, own = _HEADER.unpack_from(frame)
    command = command_id if command is None else command
    return _HEADER.pack(_SIZE + len(body), command, status, sequence or own) + body


def _length(frame: bytes, length: int) -> bytes:
    return length.to_bytes(4, "big") + frame[4:]


def _sequence(frame: bytes) -> int:
    return int(_HEADER.unpack_from(frame)[3])


def _body(frame: bytes) -> bytes:
    return frame[_SIZE:]


def _unknown(frame: bytes) -> bytes:
    response = _HEADER.unpack_from(frame)[1] & _RESPONSE
    return _with(frame, _body(frame), command=response | _UNKNOWN)


MALFORMED: Final[dict[str, Callable[[bytes], bytes]]] = {
    # command_length says 8, less than a header.
    "length_too_short": lambda frame: _length(frame, 8),
    # command_length says 2 GiB.
    "length_too_long": lambda frame: _length(frame, 0x7FFFFFFF),
    # command_length says 32 octets more than there are: the next PDU is swallowed.
    "length_swallows": lambda frame: _length(frame, len(frame) + 32),
    # 64 octets of 0xFF.
    "garbage": lambda _frame: b"\xff" * 64,
    # An unknown command_id; a response if the frame was one.
    "unknown_command": _unknown,
    # enquire_link_resp with the same sequence_number.
    "other_response": lambda frame: _with(frame, b"", command=_ENQUIRE_LINK_RESP),
    # A sequence_number that matches no request.
    "wrong_sequence": lambda frame: _with(
        frame, _body(frame), sequence=(_sequence(frame) + 1_000_000) & 0x7FFFFFFF
    ),
    # A header and nothing else.
    "empty_body": lambda frame: _with(frame, b""),
    # The first half of the body, with a command_length to match.
    "half_body": lambda frame: _with(frame, _body(frame)[: (len(frame) - _SIZE) // 2]),
    # A string without a NUL.
    "unterminated_string": lambda frame: _with(frame, b"a" * 40),
    # A string far over its limit.
    "overlong_string": lambda frame: _with(frame, b"a" * 300 + b"\0" + _body(frame)),
    # A TLV at the end that claims more octets than follow.
    "cut_tlv": lambda frame: _with(frame, _body(frame) + b"\x14\x00\x00\x09abc"),
}
ENDING: Final = frozenset({"length_too_short", "length_too_long", "length_swallows", "garbage"})
