"""PDUs of session management: bind, unbind, enquire_link, generic_nack, outbind."""

from dataclasses import dataclass
from typing import ClassVar, Final, Self

from inbound.smpp._base import RESPONSE_BIT, Pdu, RequestPdu, ResponsePdu
from inbound.smpp._wire import (
    HEADER_SIZE,
    Tlvs,
    printable_ascii,
    read_c_octets,
    read_c_string,
    read_tlvs,
    write_c_string,
    write_octets,
    write_tlvs,
)
from inbound.smpp.leniency import Leniency
from inbound.smpp.status import Status

# The octets of a system_id, its NUL included (SMPP 3.4, 5.2.1).
_MAX_SYSTEM_ID: Final = 16


@dataclass(slots=True, repr=False, kw_only=True)
class BindResp(ResponsePdu):
    """bind_*_resp (SMPP 3.4, 4.1.2). The body may be missing, as with an error status.

    Parsing never fails, because command_status alone says whether the bind was accepted.
    """

    system_id: str = ""
    tlvs: Tlvs = ()

    def body(self) -> bytes:
        """Return system_id and TLVs."""
        system_id = write_c_string(self.system_id, _MAX_SYSTEM_ID, "system_id")
        return system_id + write_tlvs(self.tlvs)

    @classmethod
    def parse(cls, frame: bytes) -> Self:
        """Parse system_id up to its NUL or the end, and the intact TLVs.

        A system_id that is too long is dropped.
        """
        if len(frame) == HEADER_SIZE:
            return cls()
        octets, nul, _ = frame[HEADER_SIZE:].partition(b"\0")
        tlvs, garbage = read_tlvs(frame, HEADER_SIZE + len(octets) + len(nul))
        fits = len(octets) < _MAX_SYSTEM_ID
        is_intact = nul and fits and not garbage
        return cls(
            system_id=printable_ascii(octets) if fits else "",
            tlvs=tlvs,
            leniencies=() if is_intact else (Leniency.BIND_RESPONSE,),
        )


@dataclass(slots=True, repr=False, kw_only=True)
class BindReceiverResp(BindResp):
    """bind_receiver_resp."""

    command_id = 0x01 | RESPONSE_BIT


@dataclass(slots=True, repr=False, kw_only=True)
class BindTransmitterResp(BindResp):
    """bind_transmitter_resp."""

    command_id = 0x02 | RESPONSE_BIT


@dataclass(slots=True, repr=False, kw_only=True)
class BindTransceiverResp(BindResp):
    """bind_transceiver_resp."""

    command_id = 0x09 | RESPONSE_BIT


@dataclass(slots=True, repr=False, kw_only=True)
class BindPdu(RequestPdu[BindResp]):
    """Common fields of the three bind requests (SMPP 3.4, 4.1.1)."""

    receives: ClassVar[bool]
    transmits: ClassVar[bool]

    system_id: str = ""
    password: str = ""
    system_type: str = ""
    interface_version: int = 0x34
    addr_ton: int = 0
    addr_npi: int = 0
    address_range: str = ""

    def body(self) -> bytes:
        """Return the bind's fields."""
        return b"".join(
            (
                write_c_string(self.system_id, _MAX_SYSTEM_ID, "system_id"),
                write_c_string(self.password, 9, "password"),
                write_c_string(self.system_type, 13, "system_type"),
                write_octets(self.interface_version, self.addr_ton, self.addr_npi),
                write_c_string(self.address_range, 41, "address_range"),
            )
        )

    @classmethod
    def parse(cls, frame: bytes) -> Self:
        """Parse the bind's fields. A bind has no TLVs."""
        system_id, at = read_c_string(frame, HEADER_SIZE, _MAX_SYSTEM_ID, Status.ESME_RINVSYSID)
        password, at = read_c_octets(frame, at, 9, Status.ESME_RINVPASWD)
        system_type, at = read_c_string(frame, at, 13, Status.ESME_RINVSYSTYP)
        version, ton, npi = frame[at], frame[at + 1], frame[at + 2]
        address_range, _ = read_c_string(frame, at + 3, 41, Status.ESME_RBINDFAIL)
        return cls(
            system_id=system_id,
            password=password.decode("latin-1"),
            system_type=system_type,
            interface_version=version,
            addr_ton=ton,
            addr_npi=npi,
            address_range=address_range,
        )


@dataclass(slots=True, repr=False, kw_only=True)
class BindReceiver(BindPdu):
    """bind_receiver: the ESME only receives."""

    command_id = 0x01
    answer_type = BindReceiverResp
    receives = True
    transmits = False


@dataclass(slots=True, repr=False, kw_only=True)
class BindTransmitter(BindPdu):
    """bind_transmitter: the ESME only submits."""

    command_id = 0x02
    answer_type = BindTransmitterResp
    receives = False
    transmits = True


@dataclass(slots=True, repr=False, kw_only=True)
class BindTransceiver(BindPdu):
    """bind_transceiver: the ESME submits and receives."""

    command_id = 0x09
    answer_type = BindTransceiverResp
    receives = True
    transmits = True


@dataclass(slots=True, repr=False, kw_only=True)
class UnbindResp(ResponsePdu):
    """unbind_resp (SMPP 3.4, 4.2.2)."""

    command_id = 0x06 | RESPONSE_BIT


@dataclass(slots=True, repr=False, kw_only=True)
class Unbind(RequestPdu[UnbindResp]):
    """unbind (SMPP 3.4, 4.2.1): the sender ends the session."""

    command_id = 0x06
    answer_type = UnbindResp


@dataclass(slots=True, repr=False, kw_only=True)
class EnquireLinkResp(ResponsePdu):
    """enquire_link_resp (SMPP 3.4, 4.11.2)."""

    command_id = 0x15 | RESPONSE_BIT


@dataclass(slots=True, repr=False, kw_only=True)
class EnquireLink(RequestPdu[EnquireLinkResp]):
    """enquire_link (SMPP 3.4, 4.11.1): a keep-alive that either side may send."""

    command_id = 0x15
    answer_type = EnquireLinkResp


@dataclass(slots=True, repr=False, kw_only=True)
class GenericNack(ResponsePdu):
    """generic_nack (SMPP 3.4, 4.3): the peer could not identify the request."""

    command_id = RESPONSE_BIT


@dataclass(slots=True, repr=False, kw_only=True)
class Outbind(Pdu):
    """outbind (SMPP 3.4, 4.1.7): the SMS centre asks the ESME to bind. Read and ignored."""

    command_id = 0x0B

    system_id: str = ""
    password: str = ""

    def body(self) -> bytes:
        """Return system_id and password."""
        return write_c_string(self.system_id, _MAX_SYSTEM_ID, "system_id") + write_c_string(
            self.password, 9, "password"
        )

    @classmethod
    def parse(cls, frame: bytes) -> Self:
        """Parse system_id and password."""
        system_id, at = read_c_string(frame, HEADER_SIZE, _MAX_SYSTEM_ID, Status.ESME_RINVSYSID)
        password, _ = read_c_octets(frame, at, 9, Status.ESME_RINVPASWD)
        return cls(system_id=system_id, password=password.decode("latin-1"))
