"""Whether somebody listens at Kafka's address, and the health that follows it."""

import socket
import threading

import pytest

from inbound.errors import SetupError
from inbound.kafka import reach
from inbound.ops.health import Health


@pytest.fixture
def listening() -> socket.socket:
    server = socket.create_server(("127.0.0.1", 0))
    server.settimeout(10)
    return server


def address(server: socket.socket) -> str:
    host, port = server.getsockname()
    return f"{host}:{port}"


def test_one_address_that_answers_is_enough(listening: socket.socket) -> None:
    here = address(listening)
    assert reach.problem(here) is None
    assert reach.problem(f"127.0.0.1:1,{here}") is None
    listening.close()
    assert reach.problem(here) == "Connection refused"


def test_what_is_no_address_is_said() -> None:
    with pytest.raises(SetupError, match="'nowhere' is not HOST:PORT"):
        reach.problem("nowhere")


class Told(Health):
    """A health that says when a condition changes."""

    def __init__(self) -> None:
        super().__init__()
        self.is_ok = {True: threading.Event(), False: threading.Event()}

    def set(self, name: str, ok: bool, reason: str = "") -> None:
        super().set(name, ok, reason)
        self.is_ok[ok].set()


def test_health_follows_kafka(listening: socket.socket) -> None:
    health, here = Told(), address(listening)
    reach.watch(here, health, every_s=0.01)
    assert health.is_ok[True].wait(10)
    listening.close()
    assert health.is_ok[False].wait(10)
    assert health.ready().reasons == [f"kafka: no Kafka at {here}: Connection refused"]
    health.is_ok[True].clear()
    host, port = here.split(":")
    with socket.create_server((host, int(port))):
        assert health.is_ok[True].wait(10)
