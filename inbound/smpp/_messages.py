"""PDUs about messages: submit_sm, deliver_sm, data_sm, query_sm, alert_notification."""

from dataclasses import dataclass
from typing import Self

from inbound.smpp._base import RESPONSE_BIT, AnswerT, Pdu, RequestPdu, ResponsePdu
from inbound.smpp._wire import (
    HEADER_SIZE,
    Tlvs,
    read_c_string,
    read_tlvs,
    write_c_string,
    write_octets,
    write_tlvs,
)
from inbound.smpp.errors import PduError, UnencodableError
from inbound.smpp.status import Status

_MAX_SHORT_MESSAGE = 254


@dataclass(slots=True, repr=False, kw_only=True)
class MessageResp(ResponsePdu):
    """submit_sm_resp, deliver_sm_resp, data_sm_resp: a message_id, mostly.

    Read leniently, because an answer that is thrown away makes an `unknown` outcome of a
    known one: the body may be missing, and the message_id may lack its NUL.
    """

    message_id: str = ""
    tlvs: Tlvs = ()

    def body(self) -> bytes:
        """Return message_id and TLVs."""
        return write_c_string(self.message_id, 65, "message_id") + write_tlvs(self.tlvs)

    @classmethod
    def parse(cls, frame: bytes) -> Self:
        """Read message_id up to its NUL or the end, and the TLVs that can be read."""
        end = frame.find(0, HEADER_SIZE)
        if end < 0:
            return cls(message_id=frame[HEADER_SIZE:].decode("latin-1"))
        message_id = frame[HEADER_SIZE:end].decode("latin-1")
        if end + 1 == len(frame):
            return cls(message_id=message_id)
        try:
            return cls(message_id=message_id, tlvs=read_tlvs(frame, end + 1))
        except PduError:
            return cls(message_id=message_id)


@dataclass(slots=True, repr=False, kw_only=True)
class SubmitSmResp(MessageResp):
    """submit_sm_resp (SMPP 3.4, 4.4.2)."""

    command_id = 0x04 | RESPONSE_BIT

    def body(self) -> bytes:
        """Return message_id and TLVs; nothing at all beside an error, as 4.4.2 wants it."""
        if self.status:
            return b""
        return write_c_string(self.message_id, 65, "message_id") + write_tlvs(self.tlvs)


@dataclass(slots=True, repr=False, kw_only=True)
class DeliverSmResp(MessageResp):
    """deliver_sm_resp (SMPP 3.4, 4.6.2); its message_id is unused."""

    command_id = 0x05 | RESPONSE_BIT


@dataclass(slots=True, repr=False, kw_only=True)
class DataSmResp(MessageResp):
    """data_sm_resp (SMPP 3.4, 4.7.2)."""

    command_id = 0x103 | RESPONSE_BIT


@dataclass(slots=True, repr=False, kw_only=True)
class ShortMessage(RequestPdu[AnswerT]):
    """The common body of submit_sm and deliver_sm (SMPP 3.4, 4.4.1 and 4.6.1)."""

    service_type: str = ""
    source_addr_ton: int = 0
    source_addr_npi: int = 0
    source_addr: str = ""
    dest_addr_ton: int = 0
    dest_addr_npi: int = 0
    destination_addr: str = ""
    esm_class: int = 0
    protocol_id: int = 0
    priority_flag: int = 0
    schedule_delivery_time: str = ""
    validity_period: str = ""
    registered_delivery: int = 0
    replace_if_present_flag: int = 0
    data_coding: int = 0
    sm_default_msg_id: int = 0
    short_message: bytes = b""
    tlvs: Tlvs = ()

    def body(self) -> bytes:
        """Return all fields and TLVs. Raises `UnencodableError` for a value over its limit."""
        text = self.short_message
        if len(text) > _MAX_SHORT_MESSAGE:
            raise UnencodableError(f"short_message is longer than {_MAX_SHORT_MESSAGE} octets")
        return b"".join(
            (
                write_c_string(self.service_type, 6, "service_type"),
                write_octets(self.source_addr_ton, self.source_addr_npi),
                write_c_string(self.source_addr, 21, "source_addr"),
                write_octets(self.dest_addr_ton, self.dest_addr_npi),
                write_c_string(self.destination_addr, 21, "destination_addr"),
                write_octets(self.esm_class, self.protocol_id, self.priority_flag),
                write_c_string(self.schedule_delivery_time, 17, "schedule_delivery_time"),
                write_c_string(self.validity_period, 17, "validity_period"),
                write_octets(
                    self.registered_delivery,
                    self.replace_if_present_flag,
                    self.data_coding,
                    self.sm_default_msg_id,
                    len(text),
                ),
                text,
                write_tlvs(self.tlvs) if self.tlvs else b"",
            )
        )

    @classmethod
    def parse(cls, frame: bytes) -> Self:
        """Read all fields and TLVs."""
        service_type, at = read_c_string(frame, HEADER_SIZE, 6, Status.ESME_RINVSERTYP)
        source_ton, source_npi = frame[at], frame[at + 1]
        source, at = read_c_string(frame, at + 2, 21, Status.ESME_RINVSRCADR)
        dest_ton, dest_npi = frame[at], frame[at + 1]
        destination, at = read_c_string(frame, at + 2, 21, Status.ESME_RINVDSTADR)
        esm_class, protocol_id, priority = frame[at], frame[at + 1], frame[at + 2]
        schedule, at = read_c_string(frame, at + 3, 17, Status.ESME_RINVSCHED)
        validity, at = read_c_string(frame, at, 17, Status.ESME_RINVEXPIRY)
        registered, replace, data_coding, default_id, sm_length = frame[at : at + 5]
        start, end = at + 5, at + 5 + sm_length
        if sm_length > _MAX_SHORT_MESSAGE or end > len(frame):
            raise PduError(Status.ESME_RINVMSGLEN, f"sm_length is {sm_length}")
        return cls(
            service_type=service_type,
            source_addr_ton=source_ton,
            source_addr_npi=source_npi,
            source_addr=source,
            dest_addr_ton=dest_ton,
            dest_addr_npi=dest_npi,
            destination_addr=destination,
            esm_class=esm_class,
            protocol_id=protocol_id,
            priority_flag=priority,
            schedule_delivery_time=schedule,
            validity_period=validity,
            registered_delivery=registered,
            replace_if_present_flag=replace,
            data_coding=data_coding,
            sm_default_msg_id=default_id,
            short_message=frame[start:end],
            tlvs=read_tlvs(frame, end) if end < len(frame) else (),
        )


@dataclass(slots=True, repr=False, kw_only=True)
class SubmitSm(ShortMessage[SubmitSmResp]):
    """submit_sm (SMPP 3.4, 4.4.1): from an ESME to the centre."""

    command_id = 0x04
    answer_type = SubmitSmResp


@dataclass(slots=True, repr=False, kw_only=True)
class DeliverSm(ShortMessage[DeliverSmResp]):
    """deliver_sm (SMPP 3.4, 4.6.1): from the centre to an ESME, a message or a receipt."""

    command_id = 0x05
    answer_type = DeliverSmResp


@dataclass(slots=True, repr=False, kw_only=True)
class DataSm(RequestPdu[DataSmResp]):
    """data_sm (SMPP 3.4, 4.7.1): either direction, the text in the TLV message_payload."""

    command_id = 0x103
    answer_type = DataSmResp

    service_type: str = ""
    source_addr_ton: int = 0
    source_addr_npi: int = 0
    source_addr: str = ""
    dest_addr_ton: int = 0
    dest_addr_npi: int = 0
    destination_addr: str = ""
    esm_class: int = 0
    registered_delivery: int = 0
    data_coding: int = 0
    tlvs: Tlvs = ()

    def body(self) -> bytes:
        """Return all fields and TLVs. Raises `UnencodableError` for a value over its limit."""
        return b"".join(
            (
                write_c_string(self.service_type, 6, "service_type"),
                write_octets(self.source_addr_ton, self.source_addr_npi),
                write_c_string(self.source_addr, 65, "source_addr"),
                write_octets(self.dest_addr_ton, self.dest_addr_npi),
                write_c_string(self.destination_addr, 65, "destination_addr"),
                write_octets(self.esm_class, self.registered_delivery, self.data_coding),
                write_tlvs(self.tlvs),
            )
        )

    @classmethod
    def parse(cls, frame: bytes) -> Self:
        """Read all fields and TLVs."""
        service_type, at = read_c_string(frame, HEADER_SIZE, 6, Status.ESME_RINVSERTYP)
        source_ton, source_npi = frame[at], frame[at + 1]
        source, at = read_c_string(frame, at + 2, 65, Status.ESME_RINVSRCADR)
        dest_ton, dest_npi = frame[at], frame[at + 1]
        destination, at = read_c_string(frame, at + 2, 65, Status.ESME_RINVDSTADR)
        esm_class, registered, data_coding = frame[at], frame[at + 1], frame[at + 2]
        return cls(
            service_type=service_type,
            source_addr_ton=source_ton,
            source_addr_npi=source_npi,
            source_addr=source,
            dest_addr_ton=dest_ton,
            dest_addr_npi=dest_npi,
            destination_addr=destination,
            esm_class=esm_class,
            registered_delivery=registered,
            data_coding=data_coding,
            tlvs=read_tlvs(frame, at + 3),
        )


@dataclass(slots=True, repr=False, kw_only=True)
class AlertNotification(Pdu):
    """alert_notification (SMPP 3.4, 4.12.1): a phone came back. Kept as octets and ignored."""

    command_id = 0x102

    octets: bytes = b""

    def body(self) -> bytes:
        """Return the octets as they came."""
        return self.octets

    @classmethod
    def parse(cls, frame: bytes) -> Self:
        """Keep the octets as they are."""
        return cls(octets=frame[HEADER_SIZE:])


@dataclass(slots=True, repr=False, kw_only=True)
class QuerySmResp(ResponsePdu):
    """query_sm_resp (SMPP 3.4, 4.8.2). Beside an error the body may be missing.

    `final_date` is empty as long as the message is on its way, `message_state` is one of
    5.2.28, `error_code` the network's.
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
        """Read all fields, if there are any."""
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
    """query_sm (SMPP 3.4, 4.8.1): asks what became of a message.

    The source is that of the message's submit_sm: an id alone tells nobody anything.
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
        """Read all fields."""
        message_id, at = read_c_string(frame, HEADER_SIZE, 65, Status.ESME_RINVMSGID)
        ton, npi = frame[at], frame[at + 1]
        source, _ = read_c_string(frame, at + 2, 21, Status.ESME_RINVSRCADR)
        return cls(
            message_id=message_id, source_addr_ton=ton, source_addr_npi=npi, source_addr=source
        )
