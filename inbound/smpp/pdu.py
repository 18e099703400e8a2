"""The PDUs of SMPP 3.4 that a session needs, and their encoding.

Invariant: `decode(encode(pdu)) == pdu` for every PDU that can be encoded and whose strings are
printable ASCII. What a peer writes has at most the length of its field. Protocol values
(status, TON, NPI, data_coding) are plain ints, and unknown values pass through. TLVs are
(tag, octets) pairs, unknown ones included.
"""

from struct import error as StructError  # noqa: N812 — struct's own spelling reads as a function
from typing import Any, Final

from inbound.smpp._base import RESPONSE_BIT, Pdu, RequestPdu, ResponsePdu
from inbound.smpp._control import (
    BindPdu,
    BindReceiver,
    BindReceiverResp,
    BindResp,
    BindTransceiver,
    BindTransceiverResp,
    BindTransmitter,
    BindTransmitterResp,
    EnquireLink,
    EnquireLinkResp,
    GenericNack,
    Outbind,
    Unbind,
    UnbindResp,
)
from inbound.smpp._message_states import AlertNotification, QuerySm, QuerySmResp
from inbound.smpp._messages import (
    DataSm,
    DataSmResp,
    DeliverSm,
    DeliverSmResp,
    MessageResp,
    ShortMessage,
    SubmitSm,
    SubmitSmResp,
)
from inbound.smpp._submitted_messages import (
    CancelSm,
    CancelSmResp,
    SubmitMulti,
    SubmitMultiResp,
)
from inbound.smpp._wire import HEADER, HEADER_SIZE, MAX_FRAME, Tlvs
from inbound.smpp.errors import PduError, UnencodableError
from inbound.smpp.status import Status

__all__ = [
    "AlertNotification",
    "BindPdu",
    "BindReceiver",
    "BindReceiverResp",
    "BindResp",
    "BindTransceiver",
    "BindTransceiverResp",
    "BindTransmitter",
    "BindTransmitterResp",
    "CancelSm",
    "CancelSmResp",
    "DataSm",
    "DataSmResp",
    "DeliverSm",
    "DeliverSmResp",
    "EnquireLink",
    "EnquireLinkResp",
    "GenericNack",
    "MessageResp",
    "Outbind",
    "Pdu",
    "QuerySm",
    "QuerySmResp",
    "RequestPdu",
    "ResponsePdu",
    "ShortMessage",
    "SubmitMulti",
    "SubmitMultiResp",
    "SubmitSm",
    "SubmitSmResp",
    "Tlvs",
    "Unbind",
    "UnbindResp",
    "answer_to_unreadable",
    "decode",
    "encode",
    "refusal_of",
]

_TYPES: Final[dict[int, type[Pdu]]] = {
    pdu_type.command_id: pdu_type
    for pdu_type in (
        BindReceiver,
        BindReceiverResp,
        BindTransmitter,
        BindTransmitterResp,
        QuerySm,
        QuerySmResp,
        SubmitSm,
        SubmitSmResp,
        DeliverSm,
        DeliverSmResp,
        Unbind,
        UnbindResp,
        CancelSm,
        CancelSmResp,
        BindTransceiver,
        BindTransceiverResp,
        Outbind,
        EnquireLink,
        EnquireLinkResp,
        SubmitMulti,
        SubmitMultiResp,
        AlertNotification,
        DataSm,
        DataSmResp,
        GenericNack,
    )
}


def encode(pdu: Pdu) -> bytes:
    """Return the frame of a PDU. Raises `UnencodableError`."""
    body = pdu.body()
    length = HEADER_SIZE + len(body)
    if length > MAX_FRAME:
        raise UnencodableError(f"the PDU is longer than {MAX_FRAME} octets")
    return HEADER.pack(length, pdu.command_id, pdu.status, pdu.sequence) + body


def decode(frame: bytes) -> Pdu:
    """Parse one whole frame, as cut by `Framer` (at least 16 octets).

    Raises only `PduError`, which carries command_id, sequence and the status to answer with
    (ESME_RINVCMDID for an unknown command).
    """
    _, command_id, status, sequence = HEADER.unpack_from(frame)
    try:
        pdu = _parse(command_id, frame)
    except PduError as error:
        error.command_id = command_id
        error.sequence = sequence
        raise
    pdu.status = status
    pdu.sequence = sequence
    if status and isinstance(pdu, ResponsePdu):
        # Nothing of its body is used.
        pdu.leniencies = ()
    return pdu


def _parse(command_id: int, frame: bytes) -> Pdu:
    pdu_type = _TYPES.get(command_id)
    if pdu_type is None:
        raise PduError(Status.ESME_RINVCMDID, f"unknown command_id 0x{command_id:08X}")
    try:
        return pdu_type.parse(frame)
    except (IndexError, ValueError, StructError):
        # Unpacking a slice that is too short raises ValueError.
        raise PduError(Status.ESME_RINVCMDLEN, "the body ends too early") from None


def refusal_of(pdu: RequestPdu[Any]) -> PduError:
    """Return the error with which a strict session refuses a request that has leniencies."""
    error = PduError(Status.ESME_RINVOPTPARSTREAM, pdu.leniencies[0].deviation)
    error.command_id, error.sequence = pdu.command_id, pdu.sequence
    return error


def answer_to_unreadable(error: PduError) -> ResponsePdu | None:
    """Return the answer to a frame that `decode` refused; None if the frame was an answer.

    That is the command's response with the error's status, or generic_nack for an unknown
    command (SMPP 3.4, 3.3 and 4.3).
    """
    if error.command_id & RESPONSE_BIT:
        return None
    pdu_type = _TYPES.get(error.command_id)
    if pdu_type is None:
        return GenericNack(status=error.status, sequence=error.sequence)
    if not issubclass(pdu_type, RequestPdu):
        return None
    answer: ResponsePdu = pdu_type.answer_type(status=error.status, sequence=error.sequence)
    return answer
