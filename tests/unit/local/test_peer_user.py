"""Whose a connection is: looked up for real sockets, between real users."""

import os
import socket
from collections.abc import Iterator
from contextlib import closing

import pytest

from inbound.local.peer_user import is_another_user
from tests.patience import PATIENCE_S

NOBODY = 65534


@pytest.fixture(params=["127.0.0.1", "::1", "::"])
def listener(request: pytest.FixtureRequest) -> Iterator[socket.socket]:
    """A listener for IPv4, for IPv6, or for both; the last is asked over IPv4."""
    family = socket.AF_INET if request.param == "127.0.0.1" else socket.AF_INET6
    with socket.create_server(
        (request.param, 0), family=family, dualstack_ipv6=request.param == "::"
    ) as listening:
        yield listening


def connect(listener: socket.socket) -> socket.socket:
    host, port = listener.getsockname()[:2]
    return socket.create_connection(
        ("127.0.0.1" if host == "::" else host, port), timeout=PATIENCE_S
    )


def is_other(accepted: socket.socket) -> bool:
    peer, own = accepted.getpeername(), accepted.getsockname()
    return is_another_user((peer[0], peer[1]), (own[0], own[1]))


def test_our_own_connection_is_ours(listener: socket.socket) -> None:
    with connect(listener), closing(listener.accept()[0]) as accepted:
        assert not is_other(accepted)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_that_of_another_user_is_not(listener: socket.socket) -> None:
    read, write = os.pipe()
    if not (child := os.fork()):
        os.setuid(NOBODY)
        connection = connect(listener)
        os.close(write)
        os.read(read, 1)
        connection.close()
        os._exit(0)
    with closing(listener.accept()[0]) as accepted:
        assert is_other(accepted)
    os.write(write, b".")
    os.close(write)
    os.close(read)
    os.waitpid(child, 0)


def test_a_connection_whose_program_has_hung_up_is_nobodys(listener: socket.socket) -> None:
    connect(listener).close()
    with closing(listener.accept()[0]) as accepted:
        assert accepted.recv(1) == b""
        assert is_other(accepted)


def test_other_hosts_are_not_judged() -> None:
    peer, own = ("192.0.2.7", 40000), ("192.0.2.1", 2775)
    assert not is_another_user(peer, own)
