"""Delivery receipts: recognises and parses them among deliver_sm and data_sm.

A receipt has TLVs (SMPP 3.4, 5.3.2.12, .31, .35), a text (appendix B) whose format varies
between SMS centres, or both. TLVs take precedence over the text.

Invariants: nothing here raises, whatever arrives. A person's text is never taken for a
receipt, because only esm_class and TLVs, which the SMS centre sets, make one. The receipt's
own `text:`, the beginning of the message, is discarded.
"""

from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum, IntEnum
from typing import Final

from inbound.smpp._receipt_text import (
    answer_of,
    fields_of,
    is_padded,
    parse_code,
    parse_date,
    text_of,
)
from inbound.smpp.message_ids import ID, IdForm, candidate_ids, normalise
from inbound.smpp.pdu import DataSm, DeliverSm
from inbound.smpp.user_data import body_of

__all__ = [
    "DeliveryOutcome",
    "IdForm",
    "MessageState",
    "MessageType",
    "Receipt",
    "candidate_ids",
    "is_padded",
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
    """Message type of a deliver_sm or data_sm (esm_class, SMPP 3.4, 5.2.12)."""

    TEXT = "text"
    RECEIPT = "receipt"
    INTERMEDIATE = "intermediate"
    DELIVERY_ACK = "delivery acknowledgement"
    USER_ACK = "user acknowledgement"
    ABORT = "conversation abort"


class DeliveryOutcome(Enum):
    """The final outcome of a message according to its receipt."""

    DELIVERED = "delivered"
    UNDELIVERABLE = "undeliverable"
    EXPIRED = "expired"
    REJECTED = "rejected"
    UNKNOWN = "unknown"


class MessageState(IntEnum):
    """message_state (SMPP 3.4, 5.2.28), with SCHEDULED and SKIPPED of SMPP 5.0, 4.7.15."""

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
        """The outcome of a final state, None for others.

        ACCEPTED is not final, although 5.2.28 does not say so: SMS centres report it when the
        next network has accepted the message, and a final state follows.
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
# `stat` has seven letters (appendix B), the whole name, or a word of the SMS centre's own.
_LETTERS: Final = 5
_WORDS: Final = {
    **{state.name[:_LETTERS]: state for state in MessageState},
    "BUFFE": MessageState.ENROUTE,
    "BUFFR": MessageState.ENROUTE,
    "FAILE": MessageState.UNDELIVERABLE,
}


@dataclass(frozen=True, slots=True)
class Receipt:
    """A parsed receipt.

    `message_ids` are the ids that its message may have, likeliest first; see
    `inbound.smpp.message_ids` for the rules of a look-up. `state` is None if it is unknown.
    `final` is False then, and for an intermediate notification whatever its state. `error`
    is the SMS centre's own code as written, `network` the network type of network_error_code
    (1 ANSI-136, 2 IS-95, 3 GSM). `done_at` has no time zone: SMS centres write local time.

    `answer` is the rest of the receipt of an HLR look-up, which appendix B does not define:
    everything from `imsi:` to the end, unchanged. It is "" for every other receipt.

    The repr omits ids and answer, because they are input from outside.
    """

    message_ids: tuple[str, ...] = field(default=(), repr=False)
    state: MessageState | None = None
    final: bool = False
    error: str | None = None
    network: int | None = None
    done_at: datetime | None = None
    answer: str = field(default="", repr=False)

    @property
    def outcome(self) -> DeliveryOutcome | None:
        """The final outcome of the message, None if the receipt is not final."""
        return self.state.outcome if self.final and self.state is not None else None


def message_type_of(pdu: DeliverSm | DataSm) -> MessageType:
    """Return the message type. Bits are tested separately: some SMS centres set several.

    Without them a message is a receipt if it has the parameter receipted_message_id and a state.
    A phone can set neither. The parameter alone may be another one with a damaged tag.
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
    return MessageType.RECEIPT if _has_id_and_state(pdu) else MessageType.TEXT


def read(pdu: DeliverSm | DataSm, form: IdForm = IdForm.ANY) -> Receipt | None:
    """Parse a receipt or intermediate notification; return None for any other message.

    `form` is the form of ids in this SMS centre's receipts. Never raises: fields that can't
    be parsed are left out, so an unreadable receipt has no ids and no state.
    """
    message_type = message_type_of(pdu)
    if message_type not in {MessageType.RECEIPT, MessageType.INTERMEDIATE}:
        return None
    tlvs = dict(pdu.tlvs)
    text = text_of(body_of(pdu))
    fields = fields_of(text)
    state = _state(tlvs.get(TLV_MESSAGE_STATE, b""))
    if state is None:
        state = _WORDS.get(fields.get("stat", "")[:_LETTERS].upper())
    network, error = _network_error(tlvs.get(TLV_NETWORK_ERROR_CODE, b""))
    is_receipt = message_type is MessageType.RECEIPT
    return Receipt(
        message_ids=_ids(tlvs.get(TLV_RECEIPTED_MESSAGE_ID, b""), fields.get("id", ""), form),
        state=state,
        final=is_receipt and state is not None and state.outcome is not None,
        error=error if error is not None else parse_code(fields.get("err", "")),
        network=network,
        done_at=parse_date(fields.get("done", "")),
        answer=answer_of(text),
    )


def _has_id_and_state(pdu: DeliverSm | DataSm) -> bool:
    tlvs = dict(pdu.tlvs)
    message_id = tlvs.get(TLV_RECEIPTED_MESSAGE_ID)
    if message_id is None or not ID.fullmatch(_c_string(message_id)):
        return False
    if _state(tlvs.get(TLV_MESSAGE_STATE, b"")) is not None:
        return True
    return bool(fields_of(text_of(body_of(pdu))).get("stat"))


def _c_string(tlv: bytes) -> str:
    return tlv.lstrip(b"\0").split(b"\0", 1)[0].decode("latin-1").strip()


def _ids(tlv: bytes, text: str, form: IdForm) -> tuple[str, ...]:
    """Return the ids of a receipt, those of the TLV first."""
    as_written = (_c_string(tlv), text)
    ids: list[str] = []
    for message_id in as_written:
        if not ID.fullmatch(message_id):
            continue
        if form is IdForm.ANY:
            ids += candidate_ids(message_id)
        else:
            ids.append(normalise(message_id, form))
    return tuple(dict.fromkeys(ids))


def _state(tlv: bytes) -> MessageState | None:
    """Return message_state: one octet, which some SMS centres pad with leading zeros."""
    try:
        return MessageState(int.from_bytes(tlv, "big")) if 1 <= len(tlv) <= 4 else None
    except ValueError:
        return None


def _network_error(tlv: bytes) -> tuple[int | None, str | None]:
    """Return network type and error code of network_error_code (5.3.2.31)."""
    return (tlv[0], str(int.from_bytes(tlv[1:], "big"))) if len(tlv) == 3 else (None, None)
