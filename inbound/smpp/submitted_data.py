"""Handles a data_sm as a submit_sm with its text in message_payload (SMPP 3.4, 4.7)."""

from dataclasses import dataclass
from typing import Final

from inbound.smpp.pdu import DataSm, DataSmResp, SubmitSm
from inbound.smpp.status import Status

# Addresses have up to 64 octets in a data_sm, and 20 in submit_sm and deliver_sm.
_LONGEST_ADDRESS: Final = 20


@dataclass(slots=True, repr=False, kw_only=True)
class SubmittedData(SubmitSm):
    """A data_sm as a submit_sm; its answer is a data_sm_resp."""

    answer_type = DataSmResp  # type: ignore[assignment]  # a MessageResp, as the other is


def as_submit(pdu: DataSm) -> SubmittedData:
    """Return the message as a submit_sm with the same sequence_number."""
    return SubmittedData(
        sequence=pdu.sequence,
        service_type=pdu.service_type,
        source_addr_ton=pdu.source_addr_ton,
        source_addr_npi=pdu.source_addr_npi,
        source_addr=pdu.source_addr,
        dest_addr_ton=pdu.dest_addr_ton,
        dest_addr_npi=pdu.dest_addr_npi,
        destination_addr=pdu.destination_addr,
        esm_class=pdu.esm_class,
        registered_delivery=pdu.registered_delivery,
        data_coding=pdu.data_coding,
        tlvs=pdu.tlvs,
    )


def check(pdu: DataSm) -> int:
    """Return an error status if the addresses don't fit into a deliver_sm, else ESME_ROK."""
    if len(pdu.source_addr) > _LONGEST_ADDRESS:
        return Status.ESME_RINVSRCADR
    if len(pdu.destination_addr) > _LONGEST_ADDRESS:
        return Status.ESME_RINVDSTADR
    return Status.ESME_ROK
