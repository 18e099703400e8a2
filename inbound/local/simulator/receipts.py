"""Builds delivery receipts in each dialect. Pure functions."""

from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

from inbound.local.simulator.dialects import ReceiptDialect
from inbound.smpp import receipt_building
from inbound.smpp.pdu import DataSm, DeliverSm, SubmitSm, Tlvs
from inbound.smpp.receipt_building import (
    RECEIPT_CLASS,
    ReceiptContent,
    network_error_tlvs,
    receipt_text,
    state_tlvs,
)
from inbound.smpp.user_data import TLV_MESSAGE_PAYLOAD

ESM_CLASS: Final = RECEIPT_CLASS

# HLR data of a subscriber in the home network; names are URL-encoded, as SMS centres do.
_HLR: Final = (
    f"imsi:250013912345678 msc:79168999100 mcc:250 mnc:01 cn:{quote('Россия')}"
    f" net:{quote('МТС')} rcn: rnet:"
)


@dataclass(frozen=True, slots=True)
class FinalState:
    """The final state of a message. `state` is a word of `STATES`; times in seconds since 1970.

    `error` is the number after `err:`, unless `err` replaces it.
    """

    state: str
    error: int
    submitted: float
    done: float
    parts: int = 1
    err: str = ""


def is_requested(pdu: SubmitSm, *, delivered: bool) -> bool:
    """Whether registered_delivery (5.2.17) requests a receipt for this outcome."""
    return receipt_building.is_requested(pdu.registered_delivery, delivered=delivered)


def answer_id(message_id: str, dialect: ReceiptDialect) -> str:
    """Return a hexadecimal id in the form of the submit_sm_resp."""
    return _written(message_id, dialect.answer_id)


def receipt_id(message_id: str, dialect: ReceiptDialect) -> str:
    """Return a hexadecimal id in the form of the receipt."""
    return _written(message_id, dialect.receipt_id).zfill(dialect.id_width)


def receipt(
    pdu: SubmitSm, message_id: str, final: FinalState, dialect: ReceiptDialect
) -> DeliverSm | DataSm:
    """Return the receipt of a message, from its destination to its source."""
    written_id = receipt_id(message_id, dialect)
    text = _text(written_id, final, dialect).encode("ascii")
    tlvs = _tlvs(written_id, final, dialect)
    if dialect.by == "data_sm":
        return DataSm(
            source_addr_ton=pdu.dest_addr_ton,
            source_addr_npi=pdu.dest_addr_npi,
            source_addr=pdu.destination_addr,
            dest_addr_ton=pdu.source_addr_ton,
            dest_addr_npi=pdu.source_addr_npi,
            destination_addr=pdu.source_addr,
            esm_class=ESM_CLASS,
            tlvs=(*tlvs, (TLV_MESSAGE_PAYLOAD, text)) if text else tlvs,
        )
    return DeliverSm(
        source_addr_ton=pdu.dest_addr_ton,
        source_addr_npi=pdu.dest_addr_npi,
        source_addr=pdu.destination_addr,
        dest_addr_ton=pdu.source_addr_ton,
        dest_addr_npi=pdu.source_addr_npi,
        destination_addr=pdu.source_addr,
        esm_class=ESM_CLASS,
        short_message=text,
        tlvs=tlvs,
    )


def _text(written_id: str, final: FinalState, dialect: ReceiptDialect) -> str:
    if dialect.text == "none":
        return ""
    err = final.err or (f"0x{final.error:02X}" if dialect.err == "hex" else f"{final.error:03d}")
    if dialect.text == "hlr":
        return f"id:{written_id} stat:{final.state} err:{err} {_HLR}"
    content = ReceiptContent(written_id, final.state, err, final.submitted, final.done, final.parts)
    return f"{receipt_text(content, date_digits=dialect.date_digits)} text:"


def _tlvs(written_id: str, final: FinalState, dialect: ReceiptDialect) -> Tlvs:
    tlvs = state_tlvs(written_id, final.state) if dialect.tlvs else ()
    return (*tlvs, *network_error_tlvs(final.error)) if dialect.network_error else tlvs


def _written(message_id: str, base: str) -> str:
    """Return an id in another base; unchanged if it is not hexadecimal."""
    if base == "hex":
        return message_id
    try:
        return str(int(message_id, 16))
    except ValueError:
        return message_id
