"""Builds the deliver_sm of a receipt. Pure."""

from typing import Final

from inbound.ingress.smpp.sealing import Addresses
from inbound.ingress.smpp.statuses import error_code, word_of
from inbound.smpp.pdu import DeliverSm
from inbound.smpp.receipt_building import (
    RECEIPT_CLASS,
    ReceiptContent,
    network_error_tlvs,
    receipt_text,
    state_tlvs,
)
from inbound.smpp.user_data import TLV_MESSAGE_PAYLOAD
from inbound.store.smpp.rows import WaitingReceipt
from schemas.orders import OrderState

LONGEST_SHORT_MESSAGE: Final = 254
"""Octets (SMPP 3.4, 5.2.22); more go in message_payload."""


def receipt(delivery: WaitingReceipt, addresses: Addresses, answer: str = "") -> DeliverSm:
    """Return the receipt of a message, from its destination to its source.

    The fields have the form that programs of SMSC's dialect read: appendix B without `text:`, times
    in UTC, and the TLVs receipted_message_id, message_state and network_error_code. With an
    `answer` of the network about the number, it stands in place of the counts and times.
    """
    state = OrderState(delivery.state)
    message_id, error = str(delivery.message_id), error_code(state, delivery.error)
    # Of mails and messages in chats alone there are receipts in this state.
    word = "ACCEPTD" if state is OrderState.SENT else word_of(state, delivery.receipt)
    content = ReceiptContent(
        message_id,
        word,
        error.text,
        delivery.submitted_at.timestamp(),
        delivery.done_at.timestamp(),
        delivery.parts,
    )
    source, destination = addresses.destination, addresses.source
    text = receipt_text(content)
    if answer:
        text = f"id:{message_id} stat:{word} err:{error.text} {answer}"
    payload = text.encode("ascii", "replace")
    is_long = len(payload) > LONGEST_SHORT_MESSAGE
    return DeliverSm(
        source_addr_ton=source.ton,
        source_addr_npi=source.npi,
        source_addr=source.addr,
        dest_addr_ton=destination.ton,
        dest_addr_npi=destination.npi,
        destination_addr=destination.addr,
        esm_class=RECEIPT_CLASS,
        short_message=b"" if is_long else payload,
        tlvs=(
            *state_tlvs(message_id, word),
            *network_error_tlvs(error.number),
            *(((TLV_MESSAGE_PAYLOAD, payload),) if is_long else ()),
        ),
    )
