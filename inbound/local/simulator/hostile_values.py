"""Values that a hostile SMS centre puts into the PDUs that were due. Pure functions.

`in_answer` changes the frame of an answer, `in_message` a message before it is encoded; `forge`
makes a receipt that the SMS centre has no reason to send. The header stays, so the client knows
which request an answer belongs to, and a message keeps its sender and its text.
"""

import re
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any, Final

from inbound.local.simulator.habits import append
from inbound.smpp import alphabet
from inbound.smpp.pdu import DeliverSm, Pdu, RequestPdu, SubmitSm
from inbound.smpp.receipts import TLV_MESSAGE_STATE, TLV_RECEIPTED_MESSAGE_ID, MessageState
from inbound.smpp.user_data import TLV_MESSAGE_PAYLOAD, body_of, part_of

FORGED: Final = "forged"
"""A forged receipt comes before the true one: the injector sends it."""

HOSTILE: Final[dict[str, frozenset[str]]] = {
    "huge": frozenset({"submit_sm", "query_sm", "bind", "receipt"}),
    "control": frozenset({"submit_sm", "query_sm", "bind", "deliver_sm", "receipt"}),
    "telling": frozenset({"submit_sm", "receipt"}),
    "tlvs": frozenset({"submit_sm", "bind", "deliver_sm", "receipt"}),
    "unknown_id": frozenset({"receipt"}),
    FORGED: frozenset({"receipt"}),
}
"""Each kind of value, and the commands of a script's rule that may have it."""

CONTROL: Final = b"\x1b]0;owned\x07\x1b[2J\r\nINFO all is well\x9b31m\x85\x7f"
"""A terminal's title, cleared screen, a forged log line, and C1 controls."""

_HUGE: Final = b"\x01" * 65_500
_TLVS: Final = b"".join((0x1400 + number).to_bytes(2, "big") + b"\0\0" for number in range(4_000))
_SIZE: Final = 16
_MAX_ID: Final = 64
_WORD: Final = re.compile("[!-~]{4,}")
_ERR: Final = re.compile(rb"err:\S*")
_STAT: Final = re.compile(rb"stat:\S*")
_ID: Final = re.compile(rb"id:\S+")
_UNKNOWN_ID: Final = b"feedfacecafebeef"


def in_answer(value: str, request: RequestPdu[Any], frame: bytes) -> bytes:
    """Return the frame of an answer with a hostile value instead of its first field."""
    match value:
        case "huge":
            return _with(frame, _HUGE + b"\0")
        case "control":
            return _with(frame, CONTROL + b"\0" + frame[_SIZE:].partition(b"\0")[2])
        case "telling" if isinstance(request, SubmitSm):
            return _with(frame, _telling_id(request) + b"\0")
        case "tlvs":
            return _with(frame, frame[_SIZE:] + _TLVS)
    return frame


def in_message(value: str, pdu: DeliverSm) -> DeliverSm:
    """Return a message or a receipt with a hostile value."""
    change = _CHANGES.get((value, _is_receipt(pdu))) or _CHANGES.get((value, None))
    return change(pdu) if change else pdu


def forge(pdu: DeliverSm) -> DeliverSm:
    """Return a receipt from another phone that says the same message was not delivered."""
    last = (int(pdu.source_addr[-1:] or "0") + 1) % 10
    state = bytes((MessageState.UNDELIVERABLE,))
    return replace(
        pdu,
        source_addr=f"{pdu.source_addr[:-1]}{last}",
        short_message=_STAT.sub(b"stat:UNDELIV", pdu.short_message),
        tlvs=tuple(
            (tag, state if tag == TLV_MESSAGE_STATE else octets) for tag, octets in pdu.tlvs
        ),
    )


def _with(frame: bytes, body: bytes) -> bytes:
    return (_SIZE + len(body)).to_bytes(4, "big") + frame[4:_SIZE] + body


def _telling_id(request: SubmitSm) -> bytes:
    """Return a message_id with the phone number and words of the text, such as a password."""
    part = part_of(request)
    text = alphabet.decode(part.body if part else body_of(request), request.data_coding) or ""
    words = "/".join((request.destination_addr, *_WORD.findall(text)))
    return words.encode("ascii")[:_MAX_ID]


def _is_receipt(pdu: Pdu) -> bool:
    return isinstance(pdu, DeliverSm) and bool(pdu.esm_class & 0x3C)


def _control_fields(pdu: DeliverSm) -> DeliverSm:
    """Fill the fields that say neither who sent the message nor what it says.

    Parts keep their receiver, because it says which of them belong together.
    """
    text = CONTROL.decode("latin-1")
    return replace(
        pdu,
        service_type=text[11:15],
        destination_addr=pdu.destination_addr if part_of(pdu) else text[:20],
        schedule_delivery_time=text[10:26],
        validity_period=text[10:26],
    )


def _control_receipt(pdu: DeliverSm) -> DeliverSm:
    receipted_id = (TLV_RECEIPTED_MESSAGE_ID, CONTROL + b"\0")
    text = b" ".join(name + CONTROL for name in (b"id:", b"stat:", b"err:", b"done date:"))
    return replace(_control_fields(pdu), short_message=text, tlvs=(receipted_id, *pdu.tlvs[1:]))


def _huge_receipt(pdu: DeliverSm) -> DeliverSm:
    text = (b"id:" + b"7" * 10_000 + b" stat:DELIVRD err:" + b"8" * 10_000).ljust(60_000, b" x:y")
    return replace(pdu, short_message=b"", tlvs=((TLV_MESSAGE_PAYLOAD, text),))


def _telling_receipt(pdu: DeliverSm) -> DeliverSm:
    err = b"err:" + pdu.source_addr.encode("latin-1")
    return replace(pdu, short_message=_ERR.sub(err, pdu.short_message))


def _unknown_id(pdu: DeliverSm) -> DeliverSm:
    other = {TLV_RECEIPTED_MESSAGE_ID: _UNKNOWN_ID + b"\0"}
    return replace(
        pdu,
        short_message=_ID.sub(b"id:" + _UNKNOWN_ID, pdu.short_message),
        tlvs=tuple((tag, other.get(tag, octets)) for tag, octets in pdu.tlvs),
    )


_CHANGES: Final[dict[tuple[str, bool | None], Callable[[DeliverSm], DeliverSm]]] = {
    ("huge", True): _huge_receipt,
    ("control", False): _control_fields,
    ("control", True): _control_receipt,
    ("telling", True): _telling_receipt,
    ("unknown_id", True): _unknown_id,
    ("tlvs", None): partial(append, tail=_TLVS),
}
