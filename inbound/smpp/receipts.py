"""Delivery receipts: recognising them among deliver_sm and data_sm, and reading them.

A receipt comes in two shapes, mostly in both at once: TLVs (SMPP 3.4, 5.3.2.12, .31, .35)
and a text (appendix B) that every centre writes a little differently. The TLVs are
believed first; what they leave open is looked for in the text.

What always holds: nothing here raises, whatever came; a person's text is never taken for
a receipt, because only what the centre itself sets (esm_class, TLVs) makes one; and of the
receipt's own `text:`, the beginning of the message, nothing is kept.
"""

import re
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum, IntEnum
from typing import Final

from inbound.smpp import alphabet
from inbound.smpp.message_ids import MAX_ID, IdForm, candidate_ids, normalise
from inbound.smpp.pdu import DataSm, DeliverSm
from inbound.smpp.segmentation import body_of

__all__ = [
    "DeliveryOutcome",
    "IdForm",
    "MessageState",
    "MessageType",
    "Receipt",
    "candidate_ids",
    "message_type_of",
    "normalise",
    "read",
]

TLV_RECEIPTED_MESSAGE_ID: Final = 0x001E
TLV_NETWORK_ERROR_CODE: Final = 0x0423
TLV_MESSAGE_STATE: Final = 0x0427

# The message type bits of esm_class (5.2.12).
_RECEIPT: Final = 0x04
_DELIVERY_ACK: Final = 0x08
_USER_ACK: Final = 0x10
_INTERMEDIATE: Final = 0x20


class MessageType(Enum):
    """What a deliver_sm or data_sm is, by the message type bits of its esm_class (5.2.12)."""

    TEXT = "text"
    RECEIPT = "receipt"
    INTERMEDIATE = "intermediate"
    DELIVERY_ACK = "delivery acknowledgement"
    USER_ACK = "user acknowledgement"
    ABORT = "conversation abort"


class DeliveryOutcome(Enum):
    """What became of a message in the end."""

    DELIVERED = "delivered"
    UNDELIVERABLE = "undeliverable"
    EXPIRED = "expired"
    REJECTED = "rejected"
    UNKNOWN = "unknown"


class MessageState(IntEnum):
    """message_state (5.2.28), with the two that SMPP 5.0, 4.7.15 added."""

    SCHEDULED = 0
    ENROUTE = 1
    DELIVERED = 2
    EXPIRED = 3
    DELETED = 4
    UNDELIVERABLE = 5
    ACCEPTED = 6
    UNKNOWN = 7
    REJECTED = 8
    SKIPPED = 9

    @property
    def outcome(self) -> DeliveryOutcome | None:
        """What this state means in the end, None when it is not the end.

        ACCEPTED is no end although 5.2.28 does not say so: centres report it when the next
        network has taken the message over, and the real end follows.
        """
        return _OUTCOMES.get(self)


_OUTCOMES: Final = {
    MessageState.DELIVERED: DeliveryOutcome.DELIVERED,
    MessageState.EXPIRED: DeliveryOutcome.EXPIRED,
    MessageState.DELETED: DeliveryOutcome.UNDELIVERABLE,
    MessageState.UNDELIVERABLE: DeliveryOutcome.UNDELIVERABLE,
    MessageState.UNKNOWN: DeliveryOutcome.UNKNOWN,
    MessageState.REJECTED: DeliveryOutcome.REJECTED,
    MessageState.SKIPPED: DeliveryOutcome.UNDELIVERABLE,
}
# Centres write seven letters (appendix B), the whole name, or one of their own.
_LETTERS: Final = 5
_WORDS: Final = {
    **{state.name[:_LETTERS]: state for state in MessageState},
    "BUFFE": MessageState.ENROUTE,
    "BUFFR": MessageState.ENROUTE,
    "FAILE": MessageState.UNDELIVERABLE,
}


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a receipt says.

    `message_ids` are the ids its message may have been given, likeliest first: see
    `message_ids` for the care a look-up needs. `state` is None when it cannot be
    understood; such a receipt is not `final`, and neither is an intermediate notification,
    whatever its state. `error` is the centre's own code as it wrote it, `network` the
    network type of a network_error_code (1 ANSI-136, 2 IS-95, 3 GSM). `done_at` is without
    a time zone: centres write their local time and do not say which.

    The repr leaves the ids out, because what stands there came from outside.
    """

    message_ids: tuple[str, ...] = field(default=(), repr=False)
    state: MessageState | None = None
    final: bool = False
    error: str | None = None
    network: int | None = None
    done_at: datetime | None = None

    @property
    def outcome(self) -> DeliveryOutcome | None:
        """What became of the message, None as long as that is open."""
        return self.state.outcome if self.final and self.state is not None else None


def message_type_of(pdu: DeliverSm | DataSm) -> MessageType:
    """Return what a message is. Bits are tested one by one: centres set several at once.

    A centre that forgets esm_class and sets receipted_message_id has sent a receipt; a
    phone can do neither.
    """
    bits = pdu.esm_class
    if bits & _RECEIPT:
        return MessageType.RECEIPT
    if bits & _INTERMEDIATE:
        return MessageType.INTERMEDIATE
    if bits & _DELIVERY_ACK:
        return MessageType.ABORT if bits & _USER_ACK else MessageType.DELIVERY_ACK
    if bits & _USER_ACK:
        return MessageType.USER_ACK
    if pdu.tlvs and any(tag == TLV_RECEIPTED_MESSAGE_ID for tag, _ in pdu.tlvs):
        return MessageType.RECEIPT
    return MessageType.TEXT


def read(pdu: DeliverSm | DataSm, form: IdForm = IdForm.ANY) -> Receipt | None:
    """Return what a receipt or intermediate notification says, None for anything else.

    `form` is how this centre writes ids in receipts. Never raises: what cannot be read is
    left out, and a receipt of nothing but junk has no ids and no state.
    """
    kind = message_type_of(pdu)
    if kind not in {MessageType.RECEIPT, MessageType.INTERMEDIATE}:
        return None
    tlvs = dict(pdu.tlvs)
    fields = _fields(_text(body_of(pdu)))
    state = _state(tlvs.get(TLV_MESSAGE_STATE, b""))
    if state is None:
        state = _WORDS.get(fields.get("stat", "")[:_LETTERS].upper())
    network, error = _network_error(tlvs.get(TLV_NETWORK_ERROR_CODE, b""))
    return Receipt(
        message_ids=_ids(tlvs.get(TLV_RECEIPTED_MESSAGE_ID, b""), fields.get("id", ""), form),
        state=state,
        final=kind is MessageType.RECEIPT and state is not None and state.outcome is not None,
        error=error if error is not None else _code(fields.get("err", "")),
        network=network,
        done_at=_date(fields.get("done", "")),
    )


def _ids(tlv: bytes, text: str, form: IdForm) -> tuple[str, ...]:
    """Return the ids of a receipt: those of its TLV before those of its text."""
    written = (tlv.split(b"\0", 1)[0].decode("latin-1").strip(), text)
    ids: list[str] = []
    for message_id in written:
        if not _ID.fullmatch(message_id):
            continue
        if form is IdForm.ANY:
            ids += candidate_ids(message_id)
        else:
            ids.append(normalise(message_id, form))
    return tuple(dict.fromkeys(ids))


def _state(tlv: bytes) -> MessageState | None:
    """Return message_state, which is one octet but has been seen with zeros before it."""
    try:
        return MessageState(int.from_bytes(tlv, "big")) if 1 <= len(tlv) <= 4 else None
    except ValueError:
        return None


def _network_error(tlv: bytes) -> tuple[int | None, str | None]:
    """Return network type and error code of a network_error_code (5.3.2.31)."""
    return (tlv[0], str(int.from_bytes(tlv[1:], "big"))) if len(tlv) == 3 else (None, None)


# The text of appendix B.

_ID = re.compile(f"[!-~]{{1,{MAX_ID}}}")
_CODE = re.compile("[0-9A-Za-z._-]{1,16}")
_DIGITS = re.compile("[0-9]+")
# `text:` ends the fields: behind it stands what the message began with.
_TEXT = re.compile(r"(?<![^\s,;])text\s*:.*", re.IGNORECASE | re.DOTALL)
_KEY = re.compile(
    r"(?<![^\s,;])(id|sub|dlvrd|submit|done|stat|err)(?:[\s_]?date|us|or)?\s*:", re.IGNORECASE
)
_SEPARATOR = re.compile(r"[\s,;]+")
# YYMMDDhhmm by appendix B; with seconds, or with the century, by custom. Of the two with
# twelve digits only one can be meant since 2013: there is no month 13.
_DATES: Final = {
    10: ("%y%m%d%H%M",),
    12: ("%y%m%d%H%M%S", "%Y%m%d%H%M"),
    14: ("%Y%m%d%H%M%S",),
}


def _text(octets: bytes) -> str:
    """Return the octets as text. Receipts are ASCII whatever data_coding says, or UCS-2."""
    if octets[:1] in {b"\0", b"\xfe", b"\xff"}:
        return alphabet.decode(octets, alphabet.UCS_2) or ""
    return octets.decode("latin-1").replace("\0", " ")


def _fields(text: str) -> dict[str, str]:
    """Return the first word behind each known key, the first of each counting."""
    text = _TEXT.sub("", text)
    keys = list(_KEY.finditer(text))
    fields: dict[str, str] = {}
    for number, key in enumerate(keys):
        end = keys[number + 1].start() if number + 1 < len(keys) else len(text)
        value = _SEPARATOR.split(text[key.end() : end].strip(), maxsplit=1)[0]
        fields.setdefault(key[1].lower(), value)
    return fields


def _code(value: str) -> str | None:
    return value if _CODE.fullmatch(value) else None


def _date(value: str) -> datetime | None:
    if not _DIGITS.fullmatch(value):
        return None
    for form in _DATES.get(len(value), ()):
        try:
            return datetime.strptime(value, form)  # noqa: DTZ007 — the centre names no zone
        except ValueError:
            continue
    return None
