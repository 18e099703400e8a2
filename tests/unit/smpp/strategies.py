"""Hypothesis strategies for PDUs: every value that can be encoded."""

from typing import Any

from hypothesis import strategies as st

from inbound.smpp.message_ids import ID
from inbound.smpp.pdu import (
    BindReceiver,
    BindTransceiver,
    BindTransceiverResp,
    BindTransmitter,
    CancelSm,
    CancelSmResp,
    DataSm,
    DataSmResp,
    DeliverSm,
    DeliverSmResp,
    EnquireLink,
    EnquireLinkResp,
    GenericNack,
    Outbind,
    Pdu,
    QuerySm,
    QuerySmResp,
    SubmitMulti,
    SubmitMultiResp,
    SubmitSm,
    SubmitSmResp,
    Unbind,
    UnbindResp,
)

OCTET = st.integers(0, 255)
UINT32 = st.integers(0, 0xFFFFFFFF)
TLVS = st.lists(st.tuples(st.integers(0, 0xFFFF), st.binary(max_size=40)), max_size=4).map(tuple)


def c_string(limit: int) -> st.SearchStrategy[str]:
    """A printable string whose octets and NUL take at most `limit`."""
    return st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=limit - 1)


_HEADER: dict[str, st.SearchStrategy[Any]] = {"status": UINT32, "sequence": UINT32}
_ADDRESSES: dict[str, st.SearchStrategy[Any]] = {
    "service_type": c_string(6),
    "source_addr_ton": OCTET,
    "source_addr_npi": OCTET,
    "dest_addr_ton": OCTET,
    "dest_addr_npi": OCTET,
    "esm_class": OCTET,
    "registered_delivery": OCTET,
    "data_coding": OCTET,
    "tlvs": TLVS,
    **_HEADER,
}
_MESSAGE: dict[str, st.SearchStrategy[Any]] = {
    **_ADDRESSES,
    "source_addr": c_string(21),
    "destination_addr": c_string(21),
    "protocol_id": OCTET,
    "priority_flag": OCTET,
    "schedule_delivery_time": c_string(17),
    "validity_period": c_string(17),
    "replace_if_present_flag": OCTET,
    "sm_default_msg_id": OCTET,
    "short_message": st.binary(max_size=254),
}
_BIND: dict[str, st.SearchStrategy[Any]] = {
    **_HEADER,
    "system_id": c_string(16),
    "password": c_string(9),
    "system_type": c_string(13),
    "interface_version": OCTET,
    "addr_ton": OCTET,
    "addr_npi": OCTET,
    "address_range": c_string(41),
}
_MESSAGE_ID = st.just("") | st.from_regex(ID, fullmatch=True)
_RESP: dict[str, st.SearchStrategy[Any]] = {**_HEADER, "message_id": _MESSAGE_ID, "tlvs": TLVS}

MESSAGES: st.SearchStrategy[SubmitSm | DeliverSm] = st.one_of(
    st.builds(SubmitSm, **_MESSAGE), st.builds(DeliverSm, **_MESSAGE)
)
PDUS: st.SearchStrategy[Pdu] = st.one_of(
    MESSAGES,
    st.builds(DataSm, **_ADDRESSES, source_addr=c_string(65), destination_addr=c_string(65)),
    st.builds(BindReceiver, **_BIND),
    st.builds(BindTransmitter, **_BIND),
    st.builds(BindTransceiver, **_BIND),
    st.builds(BindTransceiverResp, **_HEADER, system_id=c_string(16), tlvs=TLVS),
    st.builds(SubmitSmResp, **{**_RESP, "status": st.just(0)}),
    st.builds(DeliverSmResp, **_RESP),
    st.builds(DataSmResp, **_RESP),
    st.builds(
        QuerySm,
        **_HEADER,
        message_id=c_string(65),
        source_addr_ton=OCTET,
        source_addr_npi=OCTET,
        source_addr=c_string(21),
    ),
    st.builds(
        QuerySmResp,
        **_HEADER,
        message_id=c_string(65),
        final_date=c_string(17),
        message_state=OCTET,
        error_code=OCTET,
    ),
    st.builds(
        CancelSm,
        **_HEADER,
        service_type=c_string(6),
        message_id=c_string(65),
        source_addr_ton=OCTET,
        source_addr_npi=OCTET,
        source_addr=c_string(21),
        dest_addr_ton=OCTET,
        dest_addr_npi=OCTET,
        destination_addr=c_string(21),
    ),
    st.builds(SubmitMulti, **_HEADER, octets=st.binary(max_size=60)),
    st.builds(Outbind, **_HEADER, system_id=c_string(16), password=c_string(9)),
    *(
        st.builds(pdu_type, **_HEADER)
        for pdu_type in (
            *(Unbind, UnbindResp, EnquireLink, EnquireLinkResp, GenericNack),
            *(CancelSmResp, SubmitMultiResp),
        )
    ),
)
