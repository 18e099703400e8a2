"""Sessions of clients whose answers to enquire_link and to a bind may be faulty."""

from collections.abc import Callable
from typing import Final

from inbound.local.simulator.habits import lengthen
from inbound.smpp.pdu import (
    BindReceiverResp,
    BindTransceiverResp,
    BindTransmitterResp,
    EnquireLink,
    decode,
)
from inbound.smpp.session import OnBind, OnChange, OnRequest, Role, Session, SessionSettings

OnEnquireLink = Callable[[EnquireLink, Session], bool]

_ENQUIRE_LINK: Final = EnquireLink.command_id.to_bytes(4, "big")
_BIND_RESPONSES: Final = {
    answer.command_id.to_bytes(4, "big")
    for answer in (BindReceiverResp, BindTransceiverResp, BindTransmitterResp)
}


class ClientSession(Session):
    """A session that offers each enquire_link to `on_enquire_link` before answering it.

    `bind_habit` is the habit of its next bind response.
    """

    def __init__(
        self,
        role: Role,
        settings: SessionSettings,
        on_request: OnRequest,
        *,
        on_bind: OnBind,
        on_change: OnChange,
        on_enquire_link: OnEnquireLink,
    ) -> None:
        super().__init__(role, settings, on_request, on_bind=on_bind, on_change=on_change)
        self._on_enquire_link = on_enquire_link
        self.bind_habit = ""

    def on_frame(self, frame: bytes) -> None:
        """Handle a frame, unless it is an enquire_link that `on_enquire_link` answers."""
        if frame[4:8] == _ENQUIRE_LINK:
            pdu = decode(frame)
            if isinstance(pdu, EnquireLink) and self._on_enquire_link(pdu, self):
                return
        super().on_frame(frame)

    def write(self, octets: bytes) -> None:
        """Send octets, a bind response with its habit."""
        if self.bind_habit and octets[4:8] in _BIND_RESPONSES:
            octets, self.bind_habit = lengthen(self.bind_habit, octets), ""
        super().write(octets)
