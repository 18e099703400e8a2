"""Free ports of loopback, of which this process gives each out once.

A port is chosen before the program that gets it listens there, so two could be given the same one.
"""

from __future__ import annotations

import socket
import threading
from typing import Final

LOOPBACK: Final = "127.0.0.1"

_lock: Final = threading.Lock()
_given_out: Final[set[int]] = set()


def is_free(port: int) -> bool:
    """Whether a server could listen on this port. Connections in TIME_WAIT don't matter."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except (OSError, OverflowError):
            return False
        return True


def free_port(wanted: int = 0) -> int:
    """Return `wanted` if that port is free, else a free one that was not given out yet."""
    if wanted and is_free(wanted):
        with _lock:
            _given_out.add(wanted)
        return wanted
    while True:
        with socket.socket() as probe:
            probe.bind((LOOPBACK, 0))
            port: int = probe.getsockname()[1]
        with _lock:
            if port not in _given_out:
                _given_out.add(port)
                return port
