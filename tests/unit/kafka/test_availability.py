"""Whether somebody listens at Kafka's address, and the health that follows it."""

import socket
import threading
from collections.abc import Iterator
from contextlib import suppress

import pytest

from inbound.errors import SetupError
from inbound.kafka import availability
from inbound.ops.health import Health


class Listening:
    """Somebody at an address who answers whatever is asked, or nothing."""

    def __init__(self, answer: bytes | None = b"\0", port: int = 0) -> None:
        self._answer = answer
        self._server = socket.create_server(("127.0.0.1", port))
        self.address = f"127.0.0.1:{self._server.getsockname()[1]}"
        self._silent: list[socket.socket] = []
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._server.accept()
                if self._answer is None:
                    self._silent.append(connection)
                    continue
                with connection:
                    assert len(connection.recv(100)) == 14
                    connection.sendall(self._answer)

    def close(self) -> None:
        with suppress(OSError):
            self._server.shutdown(socket.SHUT_RDWR)  # wakes who waits in accept
        self._server.close()
        for connection in self._silent:
            connection.close()


@pytest.fixture
def listening() -> Iterator[Listening]:
    one = Listening()
    yield one
    one.close()


def test_one_address_that_answers_is_enough(listening: Listening) -> None:
    here = listening.address
    assert availability.problem(here) is None
    assert availability.problem(f"127.0.0.1:1,{here}") is None
    listening.close()
    assert availability.problem(here) == "Connection refused"


@pytest.mark.parametrize(
    ("answer", "problem"),
    [(None, "no answer within 0.1 s"), (b"", "it closes the connection; is this Kafka?")],
)
def test_server_that_accepts_but_never_answers_is_unavailable(
    answer: bytes | None, problem: str
) -> None:
    one = Listening(answer)
    assert availability.problem(one.address, timeout_s=0.1) == problem
    one.close()


def test_malformed_address_is_a_setup_error() -> None:
    with pytest.raises(SetupError, match="'nowhere' is malformed; use HOST:PORT"):
        availability.problem("nowhere")


class Told(Health):
    """A health that says when a condition changes."""

    def __init__(self) -> None:
        super().__init__()
        self.is_ok = {True: threading.Event(), False: threading.Event()}

    def set(self, name: str, ok: bool, reason: str = "") -> None:
        super().set(name, ok, reason)
        self.is_ok[ok].set()


def test_health_follows_kafka(listening: Listening, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "inbound.kafka")
    health, here = Told(), listening.address
    availability.watch(here, health, every_s=0.01)
    assert health.is_ok[True].wait(10)
    listening.close()
    assert health.is_ok[False].wait(10)
    assert health.ready().reasons == [f"kafka: no Kafka at {here}: Connection refused"]
    health.is_ok[True].clear()
    back = Listening(port=int(here.split(":")[1]))
    assert health.is_ok[True].wait(10)
    health.is_ok[True].clear()
    assert health.is_ok[True].wait(10)  # the round after it, so that the one before has logged
    back.close()
    assert caplog.messages[:2] == [
        f"no Kafka at {here}: Connection refused",
        f"Kafka at {here} can be reached again",
    ]
