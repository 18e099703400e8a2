"""The SMSC role: a listening socket whose connections are sessions."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from ssl import SSLContext

from inbound.smpp.session import (
    OnBind,
    OnChange,
    OnRequest,
    Session,
    SessionRole,
    SessionSettings,
    SessionState,
)


@dataclass(slots=True, eq=False)
class Listener:
    """A listening socket and its open sessions."""

    sessions: set[Session] = field(default_factory=set)
    _server: asyncio.Server | None = None

    @property
    def port(self) -> int:
        """The port, also when 0 was asked for."""
        assert self._server is not None  # noqa: S101 — `listen` hands out started ones only
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    async def close(self) -> None:
        """Stop listening, unbind every session, and wait until all have ended. Safe to repeat."""
        if self._server is not None:
            self._server.close()
        await asyncio.gather(*(session.unbind() for session in list(self.sessions)))


async def listen(
    host: str,
    port: int,
    *,
    on_bind: OnBind,
    on_request: OnRequest,
    on_change: OnChange = lambda _: None,
    settings: SessionSettings | None = None,
    ssl: SSLContext | None = None,
    session: Callable[..., Session] = Session,
) -> Listener:
    """Listen for ESMEs; port 0 takes a free port. Raises `OSError` if the port is taken.

    `on_bind` returns the command_status of each bind. `on_request` and `on_change` are as in
    `Session`. `session` is the session factory.
    """
    listener = Listener()

    def changed(one: Session) -> None:
        if one.state is SessionState.CLOSED:
            listener.sessions.discard(one)
        else:
            listener.sessions.add(one)
        on_change(one)

    def accept() -> Session:
        return session(
            SessionRole.SMSC,
            settings or SessionSettings(),
            on_request,
            on_bind=on_bind,
            on_change=changed,
        )

    loop = asyncio.get_running_loop()
    listener._server = await loop.create_server(accept, host, port, ssl=ssl)  # noqa: SLF001 — its maker
    return listener
