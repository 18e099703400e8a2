"""Settings of a bind, and the bind request they make."""

from dataclasses import KW_ONLY, dataclass, field
from enum import Enum
from typing import Final

from inbound.smpp.pdu import BindPdu, BindReceiver, BindTransceiver, BindTransmitter
from inbound.smpp.session import SessionSettings


class BindType(Enum):
    """Which of the three binds an ESME asks for (SMPP 3.4, 2.2)."""

    TRANSCEIVER = "transceiver"
    TRANSMITTER = "transmitter"
    RECEIVER = "receiver"


_BINDS: Final[dict[BindType, type[BindPdu]]] = {
    BindType.TRANSCEIVER: BindTransceiver,
    BindType.TRANSMITTER: BindTransmitter,
    BindType.RECEIVER: BindReceiver,
}


@dataclass(frozen=True, slots=True)
class BindSettings:
    """Settings of one bind: an account at one SMS centre.

    Times in seconds, `rate` in PDUs a second (0: no limit). `standby` is a second address of
    the same SMS centre, used after every other failed attempt. `strict` is as in
    `SessionSettings`. `name` tells the binds of one account apart in log lines.
    """

    host: str
    port: int
    system_id: str
    password: str = field(repr=False)
    _: KW_ONLY
    name: str = ""
    standby: tuple[str, int] | None = None
    system_type: str = ""
    bind_type: BindType = BindType.TRANSCEIVER
    interface_version: int = 0x34
    addr_ton: int = 0
    addr_npi: int = 0
    address_range: str = ""
    window: int = 10
    rate: float = 0.0
    queue_limit: int = 1000
    enquire_link_s: float = 30.0
    response_timeout_s: float = 10.0
    connect_timeout_s: float = 10.0
    bind_timeout_s: float = 10.0
    reconnect_min_s: float = 0.5
    reconnect_max_s: float = 30.0
    strict: bool = False

    def session_settings(self) -> SessionSettings:
        """Return the part of these settings that applies to a session."""
        return SessionSettings(
            window=self.window,
            response_timeout_s=self.response_timeout_s,
            bind_timeout_s=self.bind_timeout_s,
            enquire_link_s=self.enquire_link_s,
            queue_limit=self.queue_limit,
            strict=self.strict,
            bind=self.name,
        )

    def bind_pdu(self) -> BindPdu:
        """Return the bind request."""
        return _BINDS[self.bind_type](
            system_id=self.system_id,
            password=self.password,
            system_type=self.system_type,
            interface_version=self.interface_version,
            addr_ton=self.addr_ton,
            addr_npi=self.addr_npi,
            address_range=self.address_range,
        )
