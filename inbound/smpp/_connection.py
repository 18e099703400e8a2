"""The transport layer of a session: a TCP connection that carries frames.

Everything written within one iteration of the event loop is sent with one
`transport.write`. When the connection ends, `reason` says why.
"""

import asyncio
import logging
import socket
from ssl import SSLObject
from typing import Final, cast

from inbound.smpp._wire import Framer
from inbound.smpp.errors import FramingError

log = logging.getLogger(__name__)

# Unsent octets at which a peer that does not read is disconnected.
_MAX_UNREAD: Final = 4 * 1024 * 1024
# Seconds that a closing connection may take to send its last octets.
_LINGER_S: Final = 5.0

_ESTABLISHED: Final = 1
"""`tcpi_state`, the first octet of Linux's tcp_info (linux/tcp.h, tcp_states.h)."""


class FramedConnection(asyncio.Protocol):
    """One connection. Subclasses override the `on_...` hooks, which must not block."""

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.peer = ""
        self.reading_paused = False
        self.writing_paused = False
        self._reason = ""
        self._framer = Framer()
        self._transport: asyncio.Transport
        self._out: list[bytes] = []
        self._closed: asyncio.Future[str] = self.loop.create_future()
        self._linger: asyncio.TimerHandle | None = None

    @property
    def reason(self) -> str:
        """Why the connection is closing or closed, as a sentence; empty while it is open."""
        return self._reason

    def write(self, octets: bytes) -> None:
        """Send with everything else of this loop iteration. Dropped when the link is closing."""
        if not self._out:
            self.loop.call_soon(self._flush)
        self._out.append(octets)

    def close(self, reason: str) -> None:
        """Close after flushing what was written. The first reason given is kept."""
        if self._reason:
            return
        self._flush()
        self._reason = self._reason or reason
        self._transport.close()
        # A peer that does not read would keep the connection open forever.
        self._linger = self.loop.call_later(_LINGER_S, self._transport.abort)

    def abort(self, reason: str) -> None:
        """Cut the connection at once and discard unsent octets."""
        self._reason = self._reason or reason
        self._transport.abort()

    def addresses(self) -> tuple[tuple[str, int], tuple[str, int]] | None:
        """Return the IP addresses and ports of the peer and of this side, None if it is closed."""
        peer = self._transport.get_extra_info("peername")
        own = self._transport.get_extra_info("sockname")
        return ((peer[0], peer[1]), (own[0], own[1])) if peer and own else None

    @property
    def encrypted(self) -> SSLObject | None:
        """The TLS layer of the connection, None without one."""
        return cast("SSLObject | None", self._transport.get_extra_info("ssl_object"))

    def is_closed_by_peer(self) -> bool:
        """Whether the peer has closed the connection, though its last octets are still unread.

        Such a peer sees no answer. Asks the kernel (TCP_INFO, about 2 µs), which knows
        before the event loop does; returns False on systems without TCP_INFO.
        """
        if self._transport.is_closing():
            return True
        connection = self._transport.get_extra_info("socket")
        if connection is None or not hasattr(socket, "TCP_INFO"):
            return False
        info = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)
        return bool(info[0] != _ESTABLISHED)

    async def wait_closed(self) -> str:
        """Wait until the connection has ended and return the reason. Safe to repeat."""
        return await asyncio.shield(self._closed)

    def pause_reading(self) -> None:
        """Stop reading until `resume_reading`, so that TCP slows the peer down."""
        if not self.reading_paused and not self._transport.is_closing():
            self.reading_paused = True
            self._transport.pause_reading()

    def resume_reading(self) -> None:
        """Resume reading."""
        if self.reading_paused:
            self.reading_paused = False
            if not self._transport.is_closing():
                self._transport.resume_reading()

    # Hooks.

    def on_open(self) -> None:
        """Handle: the connection is open."""

    def on_frame(self, frame: bytes) -> None:
        """Handle one whole frame. Not called once the link is closing."""

    def on_impossible_frame(self, error: FramingError) -> None:
        """Handle an impossible command_length; the link closes after this."""

    def on_read(self) -> None:
        """Handle: all frames of one read were passed to `on_frame`."""

    def on_written(self) -> None:
        """Handle: everything written so far was passed to the transport."""

    def on_writable(self) -> None:
        """Handle: `writing_paused` changed."""

    def on_lost(self) -> None:
        """Handle: the connection has ended; `reason` says why."""

    def why_broken(self, error: Exception) -> str:
        """Return why a connection broke."""
        return str(error)

    # Called by the transport.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport and call `on_open`."""
        self._transport = cast("asyncio.Transport", transport)
        name = transport.get_extra_info("peername")
        self.peer = f"{name[0]}:{name[1]}" if isinstance(name, tuple) else str(name)
        self.on_open()

    def data_received(self, data: bytes) -> None:
        """Cut octets into frames and pass each to `on_frame`."""
        try:
            for frame in self._framer.feed(data):
                if self._reason:
                    return
                self.on_frame(frame)
        except FramingError as error:
            self.on_impossible_frame(error)
            self.close(f"the peer sent an invalid frame: {error}")
        self.on_read()

    def pause_writing(self) -> None:
        """Note that the peer reads too slowly."""
        self.writing_paused = True
        self.on_writable()

    def resume_writing(self) -> None:
        """Note that the peer has caught up."""
        self.writing_paused = False
        self.on_writable()

    def connection_lost(self, exc: Exception | None) -> None:
        """Keep the reason, call `on_lost`, and resolve `wait_closed`."""
        if not self._reason:
            self._reason = (
                "the peer closed the connection"
                if exc is None
                else f"the connection broke: {self.why_broken(exc)}"
            )
        if self._linger is not None:
            self._linger.cancel()
        self.on_lost()
        self._closed.set_result(self._reason)

    def _flush(self) -> None:
        if not self._out:
            return
        octets = b"".join(self._out)
        self._out.clear()
        if self._transport.is_closing():
            return
        self._transport.write(octets)
        self.on_written()
        if self._transport.get_write_buffer_size() > _MAX_UNREAD:
            self.abort("the peer stopped reading")
