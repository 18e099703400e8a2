"""Builds the deliver_sm of a receipt. Pure."""

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
from inbound.store.smpp.rows import WaitingReceipt
from schemas.orders import OrderState


def receipt(delivery: WaitingReceipt, addresses: Addresses) -> DeliverSm:
    """Return the receipt of a message, from its destination to its source.

    The fields have the form that programs of SMSC's dialect read: appendix B without `text:`, times
    in UTC, and the TLVs receipted_message_id, message_state and network_error_code.
    """
    state = OrderState(delivery.state)
    message_id, word = str(delivery.message_id), word_of(state)
    error = error_code(state, delivery.error)
    content = ReceiptContent(
        message_id,
        word,
        error.text,
        delivery.submitted_at.timestamp(),
        delivery.done_at.timestamp(),
        delivery.parts,
    )
    source, destination = addresses.destination, addresses.source
    return DeliverSm(
        source_addr_ton=source.ton,
        source_addr_npi=source.npi,
        source_addr=source.addr,
        dest_addr_ton=destination.ton,
        dest_addr_npi=destination.npi,
        destination_addr=destination.addr,
        esm_class=RECEIPT_CLASS,
        short_message=receipt_text(content).encode("ascii"),
        tlvs=(*state_tlvs(message_id, word), *network_error_tlvs(error.number)),
    )
