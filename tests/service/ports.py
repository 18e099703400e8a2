"""Ports that nobody else takes meanwhile."""

import os
import random
import socket
from contextlib import suppress
from typing import Final

# Below the ephemeral ports, which systems use for connections and for port 0.
_PORTS: Final = range(10_000, 32_000)
_WORKERS: Final = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
_WORKER: Final = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
_given_out: Final[set[int]] = set()


def free_port() -> int:
    """Return a free loopback port outside the ephemeral range.

    A port from bind(0) could be given to another process before ours listens on it. For the same
    reason each worker of this run has ports of its own, and gives each out once.
    """
    while True:
        port = random.choice(_PORTS[_WORKER::_WORKERS])
        if port in _given_out:
            continue
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            _given_out.add(port)
            return port
