"""Accepts connections as long as there is room for them, before any TLS handshake.

A connection takes a place when it is accepted; the one that has waited longest for its client, in
the handshake or after it, makes room for a new one (`inbound.api.connections`).
"""

import asyncio
import logging
import socket
import ssl
from collections.abc import Callable
from functools import partial
from typing import Final

from inbound.api.addresses import client_of
from inbound.api.connections import ConnectionLimits, Slot

HANDSHAKE_TIMEOUT_S: Final = 10.0
OUT_OF_FILES_S: Final = 0.1

log = logging.getLogger(__name__)


class Accepting:
    """Accepts on one socket. `protocol` makes the protocol of a connection with a place.

    `is_limited` says whether the connections of an address have a limit of their own, too.
    """

    def __init__(
        self,
        limits: ConnectionLimits,
        protocol: Callable[[Slot], asyncio.Protocol],
        tls: ssl.SSLContext | None,
        is_limited: Callable[[str], bool] = lambda _: True,
    ) -> None:
        self._limits = limits
        self._protocol = protocol
        self._tls = tls
        self._is_limited = is_limited
        self._handshakes: set[asyncio.Task[None]] = set()

    async def run(self, listening: socket.socket) -> None:
        """Accept until cancelled. The socket must not block; it stays open."""
        loop = asyncio.get_running_loop()
        while True:
            try:
                connection, peer = await loop.sock_accept(listening)
            except OSError as error:  # no more open files, or the client is gone already
                log.debug("can't accept a connection: %s", error)
                await asyncio.sleep(OUT_OF_FILES_S)
                continue
            slot = self._limits.admit(client_of(peer[0]), limited=self._is_limited(peer[0]))
            if slot is None:
                connection.close()
                continue
            task = asyncio.create_task(self._open(connection, slot))
            slot.close = task.cancel
            self._handshakes.add(task)
            task.add_done_callback(partial(self._opened, connection, slot))

    def close(self) -> None:
        """End the handshakes in progress."""
        for handshake in self._handshakes:
            handshake.cancel()

    def _opened(self, connection: socket.socket, slot: Slot, task: "asyncio.Task[None]") -> None:
        self._handshakes.discard(task)
        if task.cancelled():  # perhaps before it has begun
            slot.release()
            connection.close()

    async def _open(self, connection: socket.socket, slot: Slot) -> None:
        """Hand a connection to its protocol, after the TLS handshake."""
        try:
            await asyncio.get_running_loop().connect_accepted_socket(
                lambda: self._protocol(slot),
                connection,
                ssl=self._tls,
                ssl_handshake_timeout=HANDSHAKE_TIMEOUT_S if self._tls else None,
            )
        except OSError:  # a failed handshake; ssl.SSLError is one
            slot.release()
            connection.close()
        except Exception:
            slot.release()
            connection.close()
            raise
