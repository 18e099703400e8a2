"""Frames that break a rule, and what the session has to answer: (name, frame, answer, status).

Where the answer is None nothing may be answered. The session lives in every case.
"""

import struct
from typing import NamedTuple

from inbound.smpp.pdu import (
    BindTransceiverResp,
    DataSmResp,
    DeliverSmResp,
    GenericNack,
    Response,
    SubmitSmResp,
)


class Case(NamedTuple):
    name: str
    frame: bytes
    answer: type[Response] | None
    status: int


def frame(command_id: int, body: bytes, status: int = 0, sequence: int = 77) -> bytes:
    return struct.pack(">IIII", 16 + len(body), command_id, status, sequence) + body


def message(  # one malformed field at a time
    *,
    service_type: bytes = b"\0",
    source: bytes = b"79161234567\0",
    destination: bytes = b"79086228779\0",
    schedule: bytes = b"\0",
    validity: bytes = b"\0",
    length: int | None = None,
    text: bytes = b"CLIENT info",
    tail: bytes = b"",
) -> bytes:
    size = len(text) if length is None else length
    return b"".join(
        (
            service_type,
            b"\x01\x01" + source,
            b"\x01\x01" + destination,
            b"\0\0\0" + schedule + validity,
            b"\0\0\0\0" + bytes((size,)) + text + tail,
        )
    )


SUBMIT, DELIVER, DATA, BIND = 0x04, 0x05, 0x103, 0x09
_S, _D, _N = SubmitSmResp, DeliverSmResp, GenericNack

CASES = [
    Case("empty body", frame(DELIVER, b""), _D, 0x02),
    Case("service_type without end", frame(DELIVER, b"abc"), _D, 0x02),
    Case("service_type too long", frame(DELIVER, message(service_type=b"ABCDEFG\0")), _D, 0x15),
    Case("body ends after service_type", frame(DELIVER, b"\0"), _D, 0x02),
    Case("body ends after source TON", frame(DELIVER, b"\0\x01"), _D, 0x02),
    Case("source too long", frame(DELIVER, message(source=b"7" * 21 + b"\0")), _D, 0x0A),
    Case("destination too long", frame(DELIVER, message(destination=b"7" * 21 + b"\0")), _D, 0x0B),
    Case("schedule too long", frame(DELIVER, message(schedule=b"1" * 17 + b"\0")), _D, 0x61),
    Case("validity too long", frame(DELIVER, message(validity=b"1" * 17 + b"\0")), _D, 0x62),
    Case("sm_length past the end", frame(DELIVER, message(length=12)), _D, 0x01),
    Case("sm_length 255", frame(DELIVER, message(text=b"x" * 255)), _D, 0x01),
    Case("body ends before sm_length", frame(DELIVER, message(text=b"")[:-1]), _D, 0x02),
    Case("text longer than sm_length", frame(DELIVER, message(length=10)), _D, 0xC0),
    Case("TLV without length", frame(DELIVER, message(tail=b"\x04\x24")), _D, 0xC0),
    Case("TLV cut short", frame(DELIVER, message(tail=b"\x04\x24\x00\x05abc")), _D, 0xC0),
    Case("TLV length 65535", frame(DELIVER, message(tail=b"\x04\x24\xff\xffabc")), _D, 0xC0),
    Case("submit_sm cut short", frame(SUBMIT, message()[:20]), _S, 0x02),
    Case("submit_sm source too long", frame(SUBMIT, message(source=b"7" * 30 + b"\0")), _S, 0x0A),
    Case("data_sm empty", frame(DATA, b""), DataSmResp, 0x02),
    Case("data_sm source too long", frame(DATA, b"\0\1\1" + b"7" * 65 + b"\0"), DataSmResp, 0x0A),
    Case(
        "data_sm TLV cut short",
        frame(DATA, b"\0\1\x017\0\1\x018\0\0\0\0\x04\x24\0\x09"),
        DataSmResp,
        0xC0,
    ),
    Case("bind cut short", frame(BIND, b"scserv\0"), BindTransceiverResp, 0x02),
    Case("system_id too long", frame(BIND, b"s" * 16 + b"\0" * 7), BindTransceiverResp, 0x0F),
    Case(
        "password too long", frame(BIND, b"s\0" + b"p" * 9 + b"\0" * 6), BindTransceiverResp, 0x0E
    ),
    Case("unknown command", frame(0x0000000A, b"\0"), _N, 0x03),
    Case("query_sm is not offered", frame(0x03, b"id\0\0\0\0"), _N, 0x03),
    Case("command 0", frame(0, b""), _N, 0x03),
    Case("unknown response", frame(0x80000099, b"junk"), None, 0),
    Case("answer to nothing", frame(0x80000004, b"id\0"), None, 0),
    Case("bind_resp that cannot be read", frame(0x80000009, b"x" * 20), None, 0),
    Case("generic_nack for nothing", frame(0x80000000, b"", status=3), None, 0),
    Case("outbind", frame(0x0B, b"centre\0secret\0"), None, 0),
    Case("alert_notification", frame(0x102, b"\1\x017\0\1\x018\0"), None, 0),
]
