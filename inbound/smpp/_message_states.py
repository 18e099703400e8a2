"""PDUs about the state of messages and phones: query_sm, alert_notification."""

from dataclasses import dataclass
from typing import Self

from inbound.smpp._base import RESPONSE_BIT, Pdu, RequestPdu, ResponsePdu
from inbound.smpp._wire import HEADER_SIZE, read_c_string, write_c_string, write_octets
from inbound.smpp.status import Status


@dataclass(slots=True, repr=False, kw_only=True)
class QuerySmResp(ResponsePdu):
    """query_sm_resp (SMPP 3.4, 4.8.2). With an error status the body may be missing.

    `final_date` is empty until the message reaches a final state. `message_state` is as in
    5.2.28; `error_code` is the network's.
    """

    command_id = 0x03 | RESPONSE_BIT

    message_id: str = ""
    final_date: str = ""
    message_state: int = 0
    error_code: int = 0

    def body(self) -> bytes:
        """Return all fields."""
        return b"".join(
            (
                write_c_string(self.message_id, 65, "message_id"),
                write_c_string(self.final_date, 17, "final_date"),
                write_octets(self.message_state, self.error_code),
            )
        )

    @classmethod
    def parse(cls, frame: bytes) -> Self:
        """Parse all fields, if present."""
        if len(frame) == HEADER_SIZE:
            return cls()
        message_id, at = read_c_string(frame, HEADER_SIZE, 65, Status.ESME_RINVMSGID)
        final_date, at = read_c_string(frame, at, 17, Status.ESME_RINVSCHED)
        return cls(
            message_id=message_id,
            final_date=final_date,
            message_state=frame[at],
            error_code=frame[at + 1],
        )


@dataclass(slots=True, repr=False, kw_only=True)
class QuerySm(RequestPdu[QuerySmResp]):
    """query_sm (SMPP 3.4, 4.8.1): asks for the state of a message.

    The source address must be that of the submit_sm; the message_id alone is not enough.
    """

    command_id = 0x03
    answer_type = QuerySmResp

    message_id: str = ""
    source_addr_ton: int = 0
    source_addr_npi: int = 0
    source_addr: str = ""

    def body(self) -> bytes:
        """Return all fields."""
        return b"".join(
            (
                write_c_string(self.message_id, 65, "message_id"),
                write_octets(self.source_addr_ton, self.source_addr_npi),
                write_c_string(self.source_addr, 21, "source_addr"),
            )
        )

    @classmethod
    def parse(cls, frame: bytes) -> Self:
        """Parse all fields."""
        message_id, at = read_c_string(frame, HEADER_SIZE, 65, Status.ESME_RINVMSGID)
        ton, npi = frame[at], frame[at + 1]
        source, _ = read_c_string(frame, at + 2, 21, Status.ESME_RINVSRCADR)
        return cls(
            message_id=message_id, source_addr_ton=ton, source_addr_npi=npi, source_addr=source
        )


@dataclass(slots=True, repr=False, kw_only=True)
class AlertNotification(Pdu):
    """alert_notification (SMPP 3.4, 4.12.1): a phone is reachable again. Ignored."""

    command_id = 0x102

    octets: bytes = b""

    def body(self) -> bytes:
        """Return the octets unchanged."""
        return self.octets

    @classmethod
    def parse(cls, frame: bytes) -> Self:
        """Keep the octets unparsed."""
        return cls(octets=frame[HEADER_SIZE:])
