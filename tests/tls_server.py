"""A TLS server of OpenSSL in a thread, which refuses clients as real ones do.

Servers of asyncio end a connection without saying why.
"""

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from tests.patience import PATIENCE_S


@contextmanager
def tls_server(context: ssl.SSLContext) -> Iterator[int]:
    """Shake hands with every client and wait until it leaves. Yields the port."""

    def serve(client: socket.socket) -> None:
        encrypted = context.wrap_socket(client, server_side=True, do_handshake_on_connect=False)
        with suppress(ssl.SSLError):
            encrypted.do_handshake()
        _drain(socket.socket(fileno=encrypted.detach()))

    with _server(serve) as port:
        yield port


@contextmanager
def raw_server(answer: bytes) -> Iterator[int]:
    """Answer every client's first octets with these, and end. Yields the port."""

    def serve(client: socket.socket) -> None:
        client.recv(65536)
        client.sendall(answer)
        _drain(client)

    with _server(serve) as port:
        yield port


def alert(description: int) -> bytes:
    """Return a fatal alert in the clear (RFC 8446, 6)."""
    return bytes([21, 3, 3, 0, 2, 2, description])


def _drain(client: socket.socket) -> None:
    """End our side, and read until the client ends its: a reset would lose what we sent."""
    with client:
        client.settimeout(PATIENCE_S)
        client.shutdown(socket.SHUT_WR)
        while client.recv(65536):
            pass


@contextmanager
def _server(serve: Callable[[socket.socket], None]) -> Iterator[int]:
    """Serve in a thread, which is not waited for: clients of this thread's loop leave later."""

    def accept() -> None:
        while True:
            client, _ = listening.accept()
            if stopping.is_set():
                client.close()
                listening.close()
                return
            client.settimeout(PATIENCE_S)
            with suppress(OSError):
                serve(client)

    stopping = threading.Event()
    listening = socket.create_server(("127.0.0.1", 0))
    port: int = listening.getsockname()[1]
    threading.Thread(target=accept, daemon=True).start()
    try:
        yield port
    finally:
        stopping.set()
        socket.create_connection(("127.0.0.1", port)).close()
