"""PDUs about messages that were submitted, or are submitted to many: cancel_sm, submit_multi."""

from dataclasses import dataclass
from typing import Self

from inbound.smpp._base import RESPONSE_BIT, RequestPdu, ResponsePdu
from inbound.smpp._wire import HEADER_SIZE, read_c_string, write_c_string, write_octets
from inbound.smpp.status import Status


@dataclass(slots=True, repr=False, kw_only=True)
class CancelSmResp(ResponsePdu):
    """cancel_sm_resp (SMPP 3.4, 4.9.2)."""

    command_id = 0x08 | RESPONSE_BIT


@dataclass(slots=True, repr=False, kw_only=True)
class CancelSm(RequestPdu[CancelSmResp]):
    """cancel_sm (SMPP 3.4, 4.9.1): cancels one message, or all between two addresses.

    All of them if `message_id` is empty.
    """

    command_id = 0x08
    answer_type = CancelSmResp

    service_type: str = ""
    message_id: str = ""
    source_addr_ton: int = 0
    source_addr_npi: int = 0
    source_addr: str = ""
    dest_addr_ton: int = 0
    dest_addr_npi: int = 0
    destination_addr: str = ""

    def body(self) -> bytes:
        """Return all fields."""
        return b"".join(
            (
                write_c_string(self.service_type, 6, "service_type"),
                write_c_string(self.message_id, 65, "message_id"),
                write_octets(self.source_addr_ton, self.source_addr_npi),
                write_c_string(self.source_addr, 21, "source_addr"),
                write_octets(self.dest_addr_ton, self.dest_addr_npi),
                write_c_string(self.destination_addr, 21, "destination_addr"),
            )
        )

    @classmethod
    def parse(cls, frame: bytes) -> Self:
        """Parse all fields."""
        service_type, at = read_c_string(frame, HEADER_SIZE, 6, Status.ESME_RINVSERTYP)
        message_id, at = read_c_string(frame, at, 65, Status.ESME_RINVMSGID)
        source_ton, source_npi = frame[at], frame[at + 1]
        source, at = read_c_string(frame, at + 2, 21, Status.ESME_RINVSRCADR)
        dest_ton, dest_npi = frame[at], frame[at + 1]
        destination, _ = read_c_string(frame, at + 2, 21, Status.ESME_RINVDSTADR)
        return cls(
            service_type=service_type,
            message_id=message_id,
            source_addr_ton=source_ton,
            source_addr_npi=source_npi,
            source_addr=source,
            dest_addr_ton=dest_ton,
            dest_addr_npi=dest_npi,
            destination_addr=destination,
        )


@dataclass(slots=True, repr=False, kw_only=True)
class SubmitMultiResp(ResponsePdu):
    """submit_multi_resp (SMPP 3.4, 4.5.2). It only ever refuses, so it has no body."""

    command_id = 0x21 | RESPONSE_BIT


@dataclass(slots=True, repr=False, kw_only=True)
class SubmitMulti(RequestPdu[SubmitMultiResp]):
    """submit_multi (SMPP 3.4, 4.5.1): one text to many. Recognised so that it can be refused."""

    command_id = 0x21
    answer_type = SubmitMultiResp

    octets: bytes = b""

    def body(self) -> bytes:
        """Return the octets unchanged."""
        return self.octets

    @classmethod
    def parse(cls, frame: bytes) -> Self:
        """Keep the octets unparsed."""
        return cls(octets=frame[HEADER_SIZE:])
