"""The lower half of a session: a TCP connection that carries frames and says why it ended.

What is written within one turn of the event loop leaves in one `transport.write`.
"""

import asyncio
import logging
import socket
from typing import Final, cast

from inbound.smpp._wire import Framer
from inbound.smpp.errors import FramingError

log = logging.getLogger(__name__)

# Octets that may wait for a peer that does not read before it is given up.
_MAX_UNREAD: Final = 4 * 1024 * 1024
# Seconds that a closing connection may take to get rid of its last octets.
_LINGER_S: Final = 5.0

_ESTABLISHED: Final = 1
"""The first octet of Linux' tcp_info (linux/tcp.h, tcp_states.h)."""


class FramedConnection(asyncio.Protocol):
    """One connection. A session overrides the `on_...` hooks, which must not block."""

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.peer = ""
        self.heard = self.loop.time()
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
        """Why the connection is closing or closed, a plain sentence; empty before that."""
        return self._reason

    def write(self, octets: bytes) -> None:
        """Write with everything else of this turn of the loop; a closing link drops it."""
        if not self._out:
            self.loop.call_soon(self._flush)
        self._out.append(octets)

    def close(self, reason: str) -> None:
        """Close after writing what is due; the first reason given stays."""
        if self._reason:
            return
        self._flush()
        self._reason = self._reason or reason
        self._transport.close()
        # A peer that does not read would keep the connection open for ever.
        self._linger = self.loop.call_later(_LINGER_S, self._transport.abort)

    def abort(self, reason: str) -> None:
        """Cut the connection at once; what was not written yet never will be."""
        self._reason = self._reason or reason
        self._transport.abort()

    def left_by_peer(self) -> bool:
        """Whether the peer has closed already, while what it had sent is still being read.

        It will see no answer. Asks the kernel, which knows before the event loop does; where
        it can't be asked nobody has left. Costs about 2 microseconds.
        """
        if self._transport.is_closing():
            return True
        connection = self._transport.get_extra_info("socket")
        if connection is None or not hasattr(socket, "TCP_INFO"):
            return False
        info = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)
        return bool(info[0] != _ESTABLISHED)

    async def wait_closed(self) -> str:
        """Wait for the end of the connection and return its reason. Safe to repeat."""
        return await asyncio.shield(self._closed)

    def pause_reading(self) -> None:
        """Read nothing more until `resume_reading`; the peer's window fills up."""
        if not self.reading_paused and not self._transport.is_closing():
            self.reading_paused = True
            self._transport.pause_reading()

    def resume_reading(self) -> None:
        """Read on."""
        if self.reading_paused:
            self.reading_paused = False
            if not self._transport.is_closing():
                self._transport.resume_reading()

    # Hooks.

    def on_open(self) -> None:
        """Take note that the connection stands."""

    def on_frame(self, frame: bytes) -> None:
        """Take one whole frame; never called once the link is closing."""

    def on_impossible_frame(self, error: FramingError) -> None:
        """Take note that the stream is lost; the link closes after this."""

    def on_read(self) -> None:
        """Take note that all frames of one read were handed over."""

    def on_written(self) -> None:
        """Take note that everything written so far was handed to the transport."""

    def on_writable(self) -> None:
        """Take note that `writing_paused` changed."""

    def on_lost(self) -> None:
        """Take note of the end; `reason` says why."""

    # What the transport calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take up the connection."""
        self._transport = cast("asyncio.Transport", transport)
        name = transport.get_extra_info("peername")
        self.peer = f"{name[0]}:{name[1]}" if isinstance(name, tuple) else str(name)
        self.on_open()

    def data_received(self, data: bytes) -> None:
        """Cut octets into frames and hand over each."""
        self.heard = self.loop.time()
        try:
            for frame in self._framer.feed(data):
                if self._reason:
                    return
                self.on_frame(frame)
        except FramingError as error:
            self.on_impossible_frame(error)
            self.close(f"the peer sent an impossible frame: {error}")
        self.on_read()

    def pause_writing(self) -> None:
        """Take note that the peer reads too slowly."""
        self.writing_paused = True
        self.on_writable()

    def resume_writing(self) -> None:
        """Take note that the peer has caught up."""
        self.writing_paused = False
        self.on_writable()

    def connection_lost(self, exc: Exception | None) -> None:
        """Take note of the end of the connection."""
        if not self._reason:
            self._reason = (
                "the peer closed the connection" if exc is None else f"the connection broke: {exc}"
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
            self.abort("the peer does not read what it is sent")
