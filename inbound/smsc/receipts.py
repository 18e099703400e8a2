"""Delivery receipts as the centre writes them: both TLVs and the text of SMPP 3.4, appendix B."""

from datetime import UTC, datetime
from typing import Final

from inbound.smpp.pdu import DeliverSm, SubmitSm

# The message type bits of esm_class (5.2.12) that say "delivery receipt".
ESM_CLASS: Final = 0x04
TLV_RECEIPTED_MESSAGE_ID: Final = 0x001E
TLV_MESSAGE_STATE: Final = 0x0427

_DELIVERED: Final = (2, "DELIVRD")
_REJECTED: Final = (8, "REJECTD")


def wanted(pdu: SubmitSm, status: int) -> bool:
    """Whether registered_delivery (5.2.17) asks for a receipt of this final status."""
    asked = pdu.registered_delivery & 0x03
    return asked == 1 or (asked == 2 and status != 0)


def receipt(
    pdu: SubmitSm, message_id: str, status: int, submitted: float, done: float
) -> DeliverSm:
    """Return the receipt of a message: from its destination, back to its source.

    `status` is what the receiver answered; times are seconds since 1970.
    """
    state, word = _REJECTED if status else _DELIVERED
    text = (
        f"id:{message_id} sub:001 dlvrd:{0 if status else 1:03d} submit date:{_date(submitted)}"
        f" done date:{_date(done)} stat:{word} err:{status & 0xFF:03d} text:"
    )
    return DeliverSm(
        source_addr_ton=pdu.dest_addr_ton,
        source_addr_npi=pdu.dest_addr_npi,
        source_addr=pdu.destination_addr,
        dest_addr_ton=pdu.source_addr_ton,
        dest_addr_npi=pdu.source_addr_npi,
        destination_addr=pdu.source_addr,
        esm_class=ESM_CLASS,
        short_message=text.encode("ascii"),
        tlvs=(
            (TLV_RECEIPTED_MESSAGE_ID, message_id.encode("ascii") + b"\0"),
            (TLV_MESSAGE_STATE, bytes((state,))),
        ),
    )


def _date(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%y%m%d%H%M")
