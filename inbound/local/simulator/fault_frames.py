"""Frames that a fault makes of PDUs, and their names in the ledger. Pure."""

from typing import Any, Final

from inbound.local.simulator.habits import lengthen
from inbound.local.simulator.hostile_values import in_answer
from inbound.local.simulator.script import Fault
from inbound.smpp.pdu import DeliverSm, RequestPdu, ResponsePdu, encode

# sequence_number of frames that the session does not know.
_UNMATCHED_SEQUENCE: Final = 0x7FFF0000


def is_written_here(fault: Fault) -> bool:
    """Whether the answer to a submit_sm is not what the session would write."""
    return bool(
        fault.no_answer
        or fault.cut
        or fault.malformed
        or fault.duplicate
        or fault.habit
        or fault.hostile
    )


def bend_answer(fault: Fault, request: RequestPdu[Any], frame: bytes) -> bytes:
    """Return the frame of an answer as the fault's habit and hostile values make it."""
    return in_answer(fault.hostile, request, lengthen(fault.habit, frame))


def unmatched_frame(pdu: DeliverSm) -> bytes:
    """Return the frame of a message with a sequence_number that matches no request."""
    own, pdu.sequence = pdu.sequence, _UNMATCHED_SEQUENCE
    try:
        return encode(pdu)
    finally:
        pdu.sequence = own


def name_of(answer: ResponsePdu) -> str:
    """Return the ledger's name of the request that an answer belongs to."""
    names = {0x03: "query_sm", 0x04: "submit_sm", 0x15: "enquire_link", 0x103: "submit_sm"}
    return names.get(answer.command_id & 0xFFFF, "bind")


def describe(fault: Fault) -> str:
    """Return the ledger's detail about a PDU that was not sent normally."""
    words = [f"malformed {fault.malformed}" if fault.malformed else ""]
    words += ["cut in the middle" if fault.cut == "middle" else ""]
    words += [fault.habit, fault.hostile and f"hostile {fault.hostile}"]
    words += ["twice" if fault.duplicate else ""]
    return ", ".join(filter(None, words))
