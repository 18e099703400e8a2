"""Writes delivery receipts as an SMS centre does; `inbound.smpp.receipts` reads them. Pure.

SMPP 3.4 defines the text only as an example (appendix B) and the TLVs as optional (4.6.1).
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from inbound.smpp.pdu import Tlvs
from inbound.smpp.receipts import (
    TLV_MESSAGE_STATE,
    TLV_NETWORK_ERROR_CODE,
    TLV_RECEIPTED_MESSAGE_ID,
)

RECEIPT_CLASS: Final = 0x04
"""esm_class of a delivery receipt (5.2.12)."""

STATES: Final[dict[str, int]] = {
    "ENROUTE": 1,
    "DELIVRD": 2,
    "EXPIRED": 3,
    "DELETED": 4,
    "UNDELIV": 5,
    "ACCEPTD": 6,
    "UNKNOWN": 7,
    "REJECTD": 8,
}
"""message_state (5.2.28) of each `stat` word in a receipt's text (appendix B)."""

_GSM_NETWORK: Final = 3


@dataclass(frozen=True, slots=True)
class ReceiptContent:
    """The content of a receipt. `state` is a word of `STATES`; times in seconds since 1970."""

    message_id: str
    state: str
    err: str
    submitted: float
    done: float
    parts: int = 1


def is_requested(registered_delivery: int, *, delivered: bool) -> bool:
    """Whether registered_delivery (5.2.17, and 5.0, 4.7.21) requests a receipt for an outcome."""
    asked = registered_delivery & 0x03
    return asked == 1 or (asked == 2 and not delivered) or (asked == 3 and delivered)


def receipt_text(content: ReceiptContent, *, date_digits: int = 10) -> str:
    """Return the text of appendix B, without the beginning of the message; dates are in UTC.

    Dates have ten digits (to the minute) or twelve.
    """
    delivered = content.parts if content.state == "DELIVRD" else 0
    return (
        f"id:{content.message_id} sub:{content.parts:03d} dlvrd:{delivered:03d}"
        f" submit date:{_date(content.submitted, date_digits)}"
        f" done date:{_date(content.done, date_digits)}"
        f" stat:{content.state} err:{content.err}"
    )


def state_tlvs(message_id: str, state: str) -> Tlvs:
    """Return receipted_message_id and message_state."""
    return (
        (TLV_RECEIPTED_MESSAGE_ID, message_id.encode("ascii") + b"\0"),
        (TLV_MESSAGE_STATE, bytes((STATES[state],))),
    )


def network_error_tlvs(error: int) -> Tlvs:
    """Return network_error_code of a GSM network."""
    code = bytes((_GSM_NETWORK,)) + (error & 0xFFFF).to_bytes(2, "big")
    return ((TLV_NETWORK_ERROR_CODE, code),)


def _date(seconds: float, digits: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%y%m%d%H%M%S")[:digits]
