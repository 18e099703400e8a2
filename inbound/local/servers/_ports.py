"""Ports of loopback that a server is about to take, or has taken."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

from inbound.errors import SetupError
from inbound.local.ports import LOOPBACK, is_free
from inbound.local.servers import _process

if TYPE_CHECKING:
    from collections.abc import Iterable


def require_free(ports: Iterable[int], server: str) -> None:
    """Raise SetupError if another program has one of these ports.

    A broker would say so, too, but it may connect to itself before, with its password.
    """
    for port in ports:
        if not is_free(port):
            raise SetupError(f"{server} did not start: {_process.PORT_IN_USE}")


def are_open(ports: Iterable[int]) -> bool:
    """Whether something accepts connections on each of these ports."""
    for port in ports:
        with socket.socket() as probe:
            if probe.connect_ex((LOOPBACK, port)):
                return False
    return True
