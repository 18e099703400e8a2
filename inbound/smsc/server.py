"""Listening, with sessions that let a fault answer enquire_link."""

import asyncio
from collections.abc import Callable
from ssl import SSLContext
from typing import Final

from inbound.smpp.listener import Listener
from inbound.smpp.pdu import EnquireLink, decode
from inbound.smpp.session import OnBind, OnChange, OnRequest, Role, Session, SessionSettings, State

OnEnquiry = Callable[[EnquireLink, Session], bool]

_ENQUIRE_LINK: Final = EnquireLink.command_id.to_bytes(4, "big")


class EnquiredSession(Session):
    """A session of the centre that asks before it answers an enquire_link."""

    def __init__(
        self,
        settings: SessionSettings,
        on_request: OnRequest,
        on_enquiry: OnEnquiry,
        *,
        on_bind: OnBind,
        on_change: OnChange,
    ) -> None:
        super().__init__(Role.CENTRE, settings, on_request, on_bind=on_bind, on_change=on_change)
        self._on_enquiry = on_enquiry

    def on_frame(self, frame: bytes) -> None:
        """Sort a frame as ever, but for an enquire_link that somebody else answers."""
        if frame[4:8] == _ENQUIRE_LINK:
            pdu = decode(frame)
            if isinstance(pdu, EnquireLink) and self._on_enquiry(pdu, self):
                return
        super().on_frame(frame)


async def listen_enquired(
    host: str,
    port: int,
    *,
    on_enquiry: OnEnquiry,
    on_bind: OnBind,
    on_request: OnRequest,
    on_change: OnChange,
    settings: SessionSettings,
    ssl: SSLContext | None = None,
) -> Listener:
    """Listen as `inbound.smpp.listener.listen` does, with `EnquiredSession`."""
    sessions: set[Session] = set()

    def changed(session: Session) -> None:
        if session.state is State.CLOSED:
            sessions.discard(session)
        else:
            sessions.add(session)
        on_change(session)

    def accept() -> Session:
        return EnquiredSession(settings, on_request, on_enquiry, on_bind=on_bind, on_change=changed)

    server = await asyncio.get_running_loop().create_server(accept, host, port, ssl=ssl)
    return Listener(sessions, server)
