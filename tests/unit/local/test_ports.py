"""Ports that programs get which listen only later."""

import socket
from pathlib import Path

import pytest

from inbound.local.ports import LOOPBACK, free_port
from inbound.local.servers._folder import DataFolder


@pytest.fixture
def offered(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """What the system offers as a free port from now on, in this order."""
    with (
        socket.create_server((LOOPBACK, 0)) as first,
        socket.create_server((LOOPBACK, 0)) as second,
    ):
        found = [first.getsockname()[1], second.getsockname()[1]]
    coming = iter([found[0], found[0], found[0], found[1]])

    class Offering(socket.socket):
        def getsockname(self) -> tuple[str, int]:
            return LOOPBACK, next(coming)

    monkeypatch.setattr("socket.socket", Offering)
    return found


def test_a_port_is_given_out_once(offered: list[int]) -> None:
    assert [free_port(), free_port()] == offered


def test_no_port_of_a_server_that_does_not_listen_yet_is_given_out(
    offered: list[int], tmp_path: Path
) -> None:
    folder = DataFolder(tmp_path / "kafka", "Kafka")
    folder.claim()
    assert [folder.port("client"), free_port()] == offered
    folder.release()


def test_the_port_that_a_program_had_is_given_to_it_again() -> None:
    port = free_port()
    assert free_port(port) == port
    with socket.create_server((LOOPBACK, port)):
        assert free_port(port) != port
