"""Frames that break a rule or stretch it, and what a session does about each.

`CASES` are answered alike in both roles (None: nothing may be answered) and the session
lives. `FATAL` octets lose the stream: a generic_nack and a close, in both roles. `TAKEN`
are unusual and right: the handler gets them, and the answer is ESME_ROK.
"""

import struct
from collections.abc import Callable
from typing import Any, NamedTuple

from inbound.smpp.pdu import (
    BindReceiverResp,
    BindTransceiverResp,
    BindTransmitterResp,
    DataSmResp,
    DeliverSmResp,
    GenericNack,
    QuerySmResp,
    ResponsePdu,
    SubmitSmResp,
)

LAST = 0xFFFFFFFF


class Case(NamedTuple):
    name: str
    frame: bytes
    answer: type[ResponsePdu] | None
    status: int
    sequence: int = 77


class Fatal(NamedTuple):
    name: str
    octets: bytes
    sequence: int


class Taken(NamedTuple):
    name: str
    body: bytes
    seen: Callable[[Any], object]
    wanted: object
    sequence: int = 77
    status: int = 0


def frame(command_id: int, body: bytes, status: int = 0, sequence: int = 77) -> bytes:
    return struct.pack(">IIII", 16 + len(body), command_id, status, sequence) + body


def message(  # one malformed field at a time
    *,
    service_type: bytes = b"\0",
    source: bytes = b"79161234567\0",
    destination: bytes = b"79086228779\0",
    flags: bytes = b"\0\0\0",
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
            flags + schedule + validity,
            b"\0\0\0\0" + bytes((size,)) + text + tail,
        )
    )


def tlv(tag: int, value: bytes) -> bytes:
    return struct.pack(">HH", tag, len(value)) + value


SUBMIT, DELIVER, DATA, QUERY = 0x04, 0x05, 0x103, 0x03
RECEIVER, TRANSMITTER, TRANSCEIVER = 0x01, 0x02, 0x09
UNBIND, ENQUIRE = 0x06, 0x15
_S, _D, _N, _DATA, _Q = SubmitSmResp, DeliverSmResp, GenericNack, DataSmResp, QuerySmResp
_DATA_HEAD = b"\0\1\x017\0\1\x018\0\0\0\0"

CASES = [
    # Bodies that end too early.
    Case("empty body", frame(DELIVER, b""), _D, 0x02),
    Case("service_type without end", frame(DELIVER, b"abc"), _D, 0x02),
    Case("body ends after service_type", frame(DELIVER, b"\0"), _D, 0x02),
    Case("body ends after source TON", frame(DELIVER, b"\0\x01"), _D, 0x02),
    Case("source without end", frame(DELIVER, b"\0\1\x01" + b"7" * 11), _D, 0x02),
    Case("body ends before destination", frame(DELIVER, b"\0\1\x017\0"), _D, 0x02),
    Case("body ends before esm_class", frame(DELIVER, b"\0\1\x017\0\1\x018\0"), _D, 0x02),
    Case("body ends in protocol_id", frame(DELIVER, b"\0\1\x017\0\1\x018\0\0"), _D, 0x02),
    Case("body ends before sm_length", frame(DELIVER, message(text=b"")[:-1]), _D, 0x02),
    Case("submit_sm cut short", frame(SUBMIT, message()[:20]), _S, 0x02),
    Case("submit_sm empty", frame(SUBMIT, b""), _S, 0x02),
    Case("data_sm empty", frame(DATA, b""), _DATA, 0x02),
    Case("data_sm ends before data_coding", frame(DATA, _DATA_HEAD[:-2]), _DATA, 0x02),
    Case("query_sm empty", frame(QUERY, b""), _Q, 0x02),
    Case("query_sm without source", frame(QUERY, b"id\0"), _Q, 0x02),
    Case("bind cut short", frame(TRANSCEIVER, b"scserv\0"), BindTransceiverResp, 0x02),
    Case("bind empty", frame(RECEIVER, b""), BindReceiverResp, 0x02),
    Case("bind ends before version", frame(TRANSMITTER, b"s\0p\0t\0"), BindTransmitterResp, 0x02),
    # Strings that are too long, or never end.
    Case("service_type too long", frame(DELIVER, message(service_type=b"ABCDEFG\0")), _D, 0x15),
    Case("source too long", frame(DELIVER, message(source=b"7" * 21 + b"\0")), _D, 0x0A),
    Case("destination too long", frame(DELIVER, message(destination=b"7" * 21 + b"\0")), _D, 0x0B),
    Case("schedule too long", frame(DELIVER, message(schedule=b"1" * 17 + b"\0")), _D, 0x61),
    Case("validity too long", frame(DELIVER, message(validity=b"1" * 17 + b"\0")), _D, 0x62),
    Case("submit_sm source too long", frame(SUBMIT, message(source=b"7" * 30 + b"\0")), _S, 0x0A),
    Case("data_sm source too long", frame(DATA, b"\0\1\1" + b"7" * 65 + b"\0"), _DATA, 0x0A),
    Case("query_sm id too long", frame(QUERY, b"1" * 65 + b"\0\0\0\0"), _Q, 0x0C),
    Case(
        "system_id too long", frame(TRANSCEIVER, b"s" * 16 + b"\0" * 7), BindTransceiverResp, 0x0F
    ),
    Case(
        "password too long",
        frame(TRANSCEIVER, b"s\0" + b"p" * 9 + b"\0" * 6),
        BindTransceiverResp,
        0x0E,
    ),
    Case("a body of sevens", frame(DELIVER, b"7" * 60_000), _D, 0x15),
    # Lengths that lie.
    Case("sm_length past the end", frame(DELIVER, message(length=12)), _D, 0x01),
    Case("sm_length 255", frame(DELIVER, message(text=b"x" * 255)), _D, 0x01),
    Case("sm_length 255 and nothing there", frame(DELIVER, message(text=b"", length=255)), _D, 1),
    # Commands.
    Case("unknown command", frame(0x0000000A, b"\0"), _N, 0x03),
    Case("reserved command of 3.4", frame(0x0000000C, b""), _N, 0x03),
    Case("command of SMPP 5.0", frame(0x00000112, b"\0" * 20), _N, 0x03),
    Case("command of a vendor", frame(0x00010200, b"\0"), _N, 0x03),
    Case("replace_sm is not offered", frame(0x07, b"id\0\0\0\0\0\0\0\0\0\0"), _N, 0x03),
    Case("command 0", frame(0, b""), _N, 0x03),
    Case("command 0 with a body of NULs", frame(0, b"\0" * 65_520), _N, 0x03),
    # Responses that nobody asked for, and what is never answered.
    Case("unknown response", frame(0x80000099, b"junk"), None, 0),
    Case("response bit on enquire_link with a body", frame(0x80000015, b"junk"), None, 0),
    Case("response bit on alert_notification", frame(0x80000102, b"junk"), None, 0),
    Case("response bit on everything", frame(0xFFFFFFFF, b""), None, 0),
    Case("answer to nothing", frame(0x80000004, b"id\0"), None, 0),
    Case("answer that never ends", frame(0x80000004, b"7" * 60_000), None, 0),
    Case("bind_resp without a NUL", frame(0x80000009, b"x" * 20), None, 0),
    Case("bind_resp nobody waits for", frame(0x80000009, b"centre\0"), None, 0),
    Case("unbind_resp nobody waits for", frame(0x80000006, b""), None, 0),
    Case("query_sm_resp cut short", frame(0x80000003, b"id\0"), None, 0),
    Case("generic_nack for nothing", frame(0x80000000, b"", status=3), None, 0),
    Case("generic_nack for sequence 0", frame(0x80000000, b"", 3, 0), None, 0, 0),
    Case("outbind", frame(0x0B, b"centre\0secret\0"), None, 0),
    Case("outbind and more", frame(0x0B, b"centre\0secret\0\0"), None, 0),
    Case("outbind cut short", frame(0x0B, b"centre"), None, 0),
    Case("alert_notification", frame(0x102, b"\1\x017\0\1\x018\0"), None, 0),
    Case("alert_notification of nothing", frame(0x102, b""), None, 0),
    # Sequence numbers outside 1..0x7FFFFFFF come back as they are.
    Case("unreadable with sequence 0", frame(DELIVER, b"", 0, 0), _D, 0x02, 0),
    Case("unknown command, last sequence", frame(0x0A, b"", 0, LAST), _N, 0x03, LAST),
]

FATAL = [
    Fatal(f"command_length {length}", struct.pack(">IIII", length, DELIVER, 0, 6), 6)
    for length in (0, 1, 4, 15, 65_537, 0x7FFFFFFF, LAST)
] + [
    Fatal("sixteen NULs", bytes(16), 0),
    Fatal("65,536 NULs", bytes(65_536), 0),
    Fatal("a length and no more", b"\0\0\0\x0f", 0),
    Fatal("HTTP", b"GET / HTTP/1.1\r\nHost: centre\r\n\r\n", int.from_bytes(b".1\r\n")),
    Fatal("TLS", bytes.fromhex("16030100c8010000c40303") + b"\x55" * 190, 0x55555555),
]


def _content(pdu: Any) -> object:
    return pdu.short_message, pdu.tlvs


# The body is that of deliver_sm towards an ESME and of submit_sm towards a centre.
TAKEN = [
    Taken("nothing at all", b"\0" * 17, lambda pdu: pdu.short_message, b""),
    Taken("sequence 0", message(), lambda pdu: pdu.sequence, 0, sequence=0),
    Taken("sequence 0x80000000", message(), lambda pdu: pdu.sequence, 1 << 31, sequence=1 << 31),
    Taken("last sequence", message(), lambda pdu: pdu.sequence, LAST, sequence=LAST),
    Taken("a status on a request", message(), lambda pdu: pdu.status, 0x4FF, status=0x4FF),
    Taken(
        "short_message and message_payload",
        message(text=b"short", tail=tlv(0x424, b"payload")),
        lambda pdu: (pdu.short_message, pdu.tlvs),
        (b"short", ((0x424, b"payload"),)),
    ),
    Taken(
        "the same TLV twice",
        message(tail=tlv(0x204, b"\0\1") + tlv(0x204, b"\0\2")),
        lambda pdu: pdu.tlvs,
        ((0x204, b"\0\1"), (0x204, b"\0\2")),
    ),
    Taken(
        "TLVs of nobody",
        message(tail=tlv(0, b"") + tlv(0xFFFF, b"\xff" * 300) + tlv(0x0428, b"\x50")),
        lambda pdu: [tag for tag, _ in pdu.tlvs],
        [0, 0xFFFF, 0x0428],
    ),
    Taken(
        "a payload of 60,000 octets",
        message(text=b"", tail=tlv(0x424, b"x" * 60_000)),
        lambda pdu: len(pdu.tlvs[0][1]),
        60_000,
    ),
    Taken("sm_length 254", message(text=b"x" * 254), lambda pdu: len(pdu.short_message), 254),
    Taken(
        "every flag set",
        message(flags=b"\xff\xff\xff"),
        lambda pdu: (pdu.esm_class, pdu.protocol_id, pdu.priority_flag),
        (0xFF, 0xFF, 0xFF),
    ),
    Taken("a text of NULs", message(text=bytes(200)), lambda pdu: pdu.short_message, bytes(200)),
    Taken(
        "octets beyond ASCII in an address",
        message(source=b"\xff\xfe\x80\0"),
        lambda pdu: pdu.source_addr,
        "???",
    ),
    Taken(
        "the longest strings",
        message(service_type=b"ABCDE\0", source=b"7" * 20 + b"\0", validity=b"1" * 16 + b"\0"),
        lambda pdu: (pdu.service_type, len(pdu.source_addr), len(pdu.validity_period)),
        ("ABCDE", 20, 16),
    ),
    # Garbage in the optional part.
    Taken("text longer than sm_length", message(length=10), _content, (b"CLIENT inf", ())),
    Taken("sm_length 0 before a text", message(length=0), _content, (b"", ())),
    Taken("one NUL more", message(tail=b"\0"), _content, (b"CLIENT info", ())),
    Taken("TLV without length", message(tail=b"\x04\x24"), _content, (b"CLIENT info", ())),
    Taken("TLV of one octet", message(tail=b"\x04"), _content, (b"CLIENT info", ())),
    Taken("TLV cut short", message(tail=b"\2\4\0\2\1"), _content, (b"CLIENT info", ())),
    Taken("TLV length 65535", message(tail=b"\4\x24\xff\xffa"), _content, (b"CLIENT info", ())),
    Taken("message_payload cut", message(text=b"", tail=b"\4\x24\0\5ab"), _content, (b"", ())),
    Taken(
        "a good TLV before a bad one",
        message(tail=tlv(0x204, b"\0\1") + b"\x04\x24\0\x02a"),
        _content,
        (b"CLIENT info", ((0x204, b"\0\1"),)),
    ),
    Taken(
        "16,000 TLVs",
        message(tail=b"\x14\0\0\0" * 16_000),
        lambda pdu: (pdu.short_message, len(pdu.tlvs)),
        (b"CLIENT info", 256),
    ),
    Taken("256 TLVs", message(tail=b"\x14\0\0\0" * 256), lambda pdu: len(pdu.tlvs), 256),
]
