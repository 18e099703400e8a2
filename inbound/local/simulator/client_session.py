"""Sessions of clients whose answers to enquire_link and to a bind may be faulty.

They may also starve the client: read nothing, or send octet by octet.
"""

import asyncio
from collections.abc import Callable
from typing import Final

from inbound.local.simulator.scheduler import Sleep
from inbound.smpp.pdu import (
    BindReceiverResp,
    BindTransceiverResp,
    BindTransmitterResp,
    EnquireLink,
    decode,
)
from inbound.smpp.session import OnBind, OnChange, OnRequest, Session, SessionRole, SessionSettings

OnEnquireLink = Callable[[EnquireLink, Session], bool]

_ENQUIRE_LINK: Final = EnquireLink.command_id.to_bytes(4, "big")
_OCTETS_PER_S: Final = 20.0
_MAX_DRIPPING: Final = 1024 * 1024
_BIND_RESPONSES: Final = {
    answer.command_id.to_bytes(4, "big")
    for answer in (BindReceiverResp, BindTransceiverResp, BindTransmitterResp)
}


class ClientSession(Session):
    """A session that offers each enquire_link to `on_enquire_link` before answering it.

    `bend_bind`, if set, changes the frame of its next bind response.
    """

    def __init__(
        self,
        role: SessionRole,
        settings: SessionSettings,
        on_request: OnRequest,
        *,
        on_bind: OnBind,
        on_change: OnChange,
        on_enquire_link: OnEnquireLink,
    ) -> None:
        super().__init__(role, settings, on_request, on_bind=on_bind, on_change=on_change)
        self._on_enquire_link = on_enquire_link
        self.bend_bind: Callable[[bytes], bytes] | None = None
        self._writable = asyncio.Event()
        self._writable.set()
        self._is_deaf = False
        self._dripping: bytearray | None = None

    def on_frame(self, frame: bytes) -> None:
        """Handle a frame, unless it is an enquire_link that `on_enquire_link` answers."""
        if frame[4:8] == _ENQUIRE_LINK:
            pdu = decode(frame)
            if isinstance(pdu, EnquireLink) and self._on_enquire_link(pdu, self):
                return
        super().on_frame(frame)

    def write(self, octets: bytes) -> None:
        """Send octets: a bind response as `bend_bind` has it, octet by octet after `drip`."""
        if self.bend_bind and octets[4:8] in _BIND_RESPONSES:
            octets, self.bend_bind = self.bend_bind(octets), None
        if self._dripping is None:
            super().write(octets)
        elif len(self._dripping) < _MAX_DRIPPING:
            self._dripping += octets

    async def writable(self) -> None:
        """Wait until the client has read most of what was written, or the link has ended."""
        await self._writable.wait()

    def stop_reading(self) -> None:
        """Read nothing any more, whatever the client sends."""
        self.pause_reading()
        self._is_deaf = True

    async def unbind(self) -> None:
        """Unbind; cut the link if its answer would not be read."""
        if self._is_deaf:
            self.abort("a fault stopped reading")
        await super().unbind()

    async def drip(self, per_second: float, sleep: Sleep) -> None:
        """Send from now on one octet at a time, until the link ends."""
        self._dripping = bytearray()
        while not self.reason:
            await sleep(1 / (per_second or _OCTETS_PER_S))
            super().write(bytes(self._dripping[:1]))
            del self._dripping[:1]

    def resume_reading(self) -> None:
        """Resume reading, unless `stop_reading` was called."""
        if not self._is_deaf:
            super().resume_reading()

    def on_writable(self) -> None:
        """Wake `writable`."""
        super().on_writable()
        if self.writing_paused:
            self._writable.clear()
        else:
            self._writable.set()

    def on_lost(self) -> None:
        """Wake `writable`: nothing will be read any more."""
        super().on_lost()
        self._writable.set()
