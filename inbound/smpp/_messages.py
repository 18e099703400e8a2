"""PDUs that carry messages: submit_sm, deliver_sm, data_sm."""

from dataclasses import dataclass
from typing import Self

from inbound.smpp._base import RESPONSE_BIT, AnswerT, RequestPdu, ResponsePdu
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
from inbound.smpp.leniency import Leniency
from inbound.smpp.message_ids import read_id
from inbound.smpp.status import Status

_MAX_SHORT_MESSAGE = 254


@dataclass(slots=True, repr=False, kw_only=True)
class MessageResp(ResponsePdu):
    """Common fields of submit_sm_resp, deliver_sm_resp and data_sm_resp.

    Parsing never fails, because discarding an answer would turn a known outcome into an
    unknown one: the body may be missing, the message_id may lack its NUL, and one that is no
    message_id is kept as a digest.
    """

    message_id: str = ""
    tlvs: Tlvs = ()

    def body(self) -> bytes:
        """Return message_id and TLVs."""
        return write_c_string(self.message_id, 65, "message_id") + write_tlvs(self.tlvs)

    @classmethod
    def parse(cls, frame: bytes) -> Self:
        """Parse message_id up to its NUL or the end, and the intact TLVs."""
        end = frame.find(0, HEADER_SIZE)
        is_terminated = end >= 0
        octets = frame[HEADER_SIZE : end if is_terminated else None]
        message_id, is_id = read_id(octets)
        if is_id and end + 1 == len(frame):
            return cls(message_id=message_id)
        tlvs: Tlvs = ()
        leniencies: tuple[Leniency, ...] = () if is_id else (Leniency.MESSAGE_ID,)
        if is_terminated:
            tlvs, tolerated = read_tlvs(frame, end + 1)
            leniencies += tolerated
        elif octets:
            leniencies += (Leniency.MESSAGE_RESPONSE,)
        return cls(message_id=message_id, tlvs=tlvs, leniencies=leniencies)


@dataclass(slots=True, repr=False, kw_only=True)
class SubmitSmResp(MessageResp):
    """submit_sm_resp (SMPP 3.4, 4.4.2)."""

    command_id = 0x04 | RESPONSE_BIT

    def body(self) -> bytes:
        """Return message_id and TLVs, or no body with an error status (4.4.2)."""
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
    """Common fields of submit_sm and deliver_sm (SMPP 3.4, 4.4.1 and 4.6.1)."""

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
        """Parse all fields and TLVs."""
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
        tlvs, leniencies = read_tlvs(frame, end)
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
            tlvs=tlvs,
            leniencies=leniencies,
        )


@dataclass(slots=True, repr=False, kw_only=True)
class SubmitSm(ShortMessage[SubmitSmResp]):
    """submit_sm (SMPP 3.4, 4.4.1): a message from an ESME to the SMSC."""

    command_id = 0x04
    answer_type = SubmitSmResp


@dataclass(slots=True, repr=False, kw_only=True)
class DeliverSm(ShortMessage[DeliverSmResp]):
    """deliver_sm (SMPP 3.4, 4.6.1): an MO or delivery receipt from the SMSC to an ESME."""

    command_id = 0x05
    answer_type = DeliverSmResp


@dataclass(slots=True, repr=False, kw_only=True)
class DataSm(RequestPdu[DataSmResp]):
    """data_sm (SMPP 3.4, 4.7.1): either direction, with the text in the TLV message_payload."""

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
        """Parse all fields and TLVs."""
        service_type, at = read_c_string(frame, HEADER_SIZE, 6, Status.ESME_RINVSERTYP)
        source_ton, source_npi = frame[at], frame[at + 1]
        source, at = read_c_string(frame, at + 2, 65, Status.ESME_RINVSRCADR)
        dest_ton, dest_npi = frame[at], frame[at + 1]
        destination, at = read_c_string(frame, at + 2, 65, Status.ESME_RINVDSTADR)
        esm_class, registered, data_coding = frame[at], frame[at + 1], frame[at + 2]
        tlvs, leniencies = read_tlvs(frame, at + 3)
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
            tlvs=tlvs,
            leniencies=leniencies,
        )
