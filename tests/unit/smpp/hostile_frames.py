"""Frames of a hostile SMS centre: every PDU it may send, with any field hostile.

A field is hostile in length, in character set or in structure. All frames follow from a random
generator, so a property test and a campaign over sockets find the same.
"""

import random
from collections.abc import Callable
from typing import Final

SECRET: Final = "parol-kanareika"
"""Stands in every hostile string: it must reach no log."""

RESPONSE: Final = 0x80000000
DELIVER, DATA = 0x05, 0x103

_CONTROL: Final = b"\x1b]0;owned\x07\x1b[2J\r\nforged line\x9b31m\x85\x7f"
_BIDIRECTIONAL: Final = "\u202e\u2066\u2028\ufeff".encode()

Field = Callable[[random.Random, bool], bytes]
"""Returns the octets of a field; hostile, or as the specification has it."""


def hostile_string(rng: random.Random) -> bytes:
    """Return octets that no string of an SMS centre should have."""
    secret = SECRET.encode()
    return rng.choice(
        (
            secret + _CONTROL,
            _CONTROL,
            secret * rng.choice((1, 2, 5, 50, 4_000)),
            rng.randbytes(rng.randrange(80)).replace(b"\0", b"\1"),
            b"\x01" * rng.choice((64, 65, 66, 20_000, 60_000)),
            _BIDIRECTIONAL + secret,
            b"%s%n{secret}$(id)`'\"<script>" + secret,
            b"7" * rng.choice((20, 21, 64, 65, 300)),
            b"",
        )
    )


def _c_string(limit: int, usual: bytes = b"71") -> Field:
    def field(rng: random.Random, hostile: bool) -> bytes:
        if not hostile:
            return usual[: limit - 1] + b"\0"
        octets = hostile_string(rng)
        cut = octets[: limit - 1] if rng.random() < 0.5 else octets
        return cut + (b"\0" if rng.random() < 0.9 else b"")

    return field


def _octet(usual: int = 0) -> Field:
    def field(rng: random.Random, hostile: bool) -> bytes:
        return bytes((rng.randrange(256) if hostile else usual,))

    return field


def _counted(rng: random.Random, hostile: bool) -> bytes:
    """sm_length and short_message: of the wrong length, with a false header, or a false receipt."""
    if not hostile:
        return b"\x05hello"
    text = rng.choice(
        (
            b"id:" + hostile_string(rng) + b" stat:DELIVRD err:" + hostile_string(rng),
            b"\x05\x00\x03\x07\xff\x01" + hostile_string(rng),
            b"\x06\x08\x04\xff\xff\xff\xff" + hostile_string(rng),
            hostile_string(rng),
            rng.randbytes(rng.randrange(255)),
        )
    )[:254]
    length = len(text) if rng.random() < 0.7 else rng.randrange(256)
    return bytes((length,)) + text


def _tlvs(rng: random.Random, hostile: bool) -> bytes:
    if not hostile:
        return b""
    known = (0x001E, 0x0427, 0x0423, 0x0424, 0x020C, 0x020E, 0x020F, 0x0210, 0x1400)
    octets = b""
    for _ in range(rng.choice((1, 2, 3, 300))):
        value = hostile_string(rng)[:60_000] if rng.random() < 0.8 else rng.randbytes(2)
        length = len(value) if rng.random() < 0.9 else rng.randrange(0x10000)
        octets += rng.choice(known).to_bytes(2, "big") + length.to_bytes(2, "big") + value
    return octets[:60_000]


_ADDRESS: Final = (_octet(1), _octet(1), _c_string(21, b"79161234567"))
_LONG_ADDRESS: Final = (_octet(1), _octet(1), _c_string(65, b"79161234567"))
_RESP: Final = (_c_string(65), _tlvs)
_BIND_RESP: Final = (_c_string(16, b"centre"), _tlvs)

LAYOUTS: Final[dict[int, tuple[Field, ...]]] = {
    0x01 | RESPONSE: _BIND_RESP,
    0x02 | RESPONSE: _BIND_RESP,
    0x09 | RESPONSE: _BIND_RESP,
    0x03 | RESPONSE: (_c_string(65), _c_string(17, b"200101000000000+"), _octet(2), _octet()),
    0x04 | RESPONSE: _RESP,
    0x103 | RESPONSE: _RESP,
    0x06 | RESPONSE: (),
    0x15 | RESPONSE: (),
    RESPONSE: (),
    0x06: (),
    0x15: (),
    DELIVER: (
        *(_c_string(6, b""), *_ADDRESS, *_ADDRESS, _octet(), _octet(), _octet()),
        *(_c_string(17, b""), _c_string(17, b""), _octet(), _octet(), _octet(), _octet()),
        *(_counted, _tlvs),
    ),
    DATA: (
        *(_c_string(6, b""), *_LONG_ADDRESS, *_LONG_ADDRESS),
        *(_octet(), _octet(), _octet(), _tlvs),
    ),
    0x0B: (_c_string(16), _c_string(9)),
    0x102: (*_LONG_ADDRESS, *_LONG_ADDRESS, _tlvs),
    0x0777: (_c_string(65),),
}
"""The fields of each PDU that an SMS centre may send, in their order; the last is of no command."""


def hostile_frame(
    rng: random.Random, command: int, *, at: int, sequence: int, status: int = 0
) -> bytes:
    """Return a frame whose field number `at` is hostile; beyond its fields, its structure is."""
    layout = LAYOUTS[command]
    body = b"".join(field(rng, number == at) for number, field in enumerate(layout))
    if at >= len(layout):
        body = rng.choice(
            (
                body[: rng.randrange(len(body) + 1)],
                body + hostile_string(rng),
                body * rng.randrange(1, 4),
                rng.randbytes(rng.randrange(200)),
                b"",
            )
        )
    body = body[:65_000]
    header = (16 + len(body), command, status, sequence)
    return b"".join(value.to_bytes(4, "big") for value in header) + body
