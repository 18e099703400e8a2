"""Whether somebody listens at Kafka's address, and the health that follows it."""

import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import closing, suppress
from itertools import chain, repeat

import pytest

from inbound.errors import SetupError
from inbound.kafka import availability
from inbound.kafka.connection import KafkaConnection
from inbound.ops.health import Health
from tests.patience import PATIENCE_S

# ApiVersions: no error, nothing. SaslHandshake: ILLEGAL_SASL_STATE, no mechanisms.
AS_KAFKA = (
    b"\0\0\0\x0a\0\0\0\1\0\0\0\0\0\0",
    b"\0\0\0\x0a\0\0\0\1\0\x22\0\0\0\0",
)


class Listening:
    """A program that answers each request with the next answer, or accepts and says nothing."""

    def __init__(self, answers: Sequence[bytes] | None = AS_KAFKA, port: int = 0) -> None:
        self._answers = answers
        self._server = socket.create_server(("127.0.0.1", port))
        self.address = f"127.0.0.1:{self._server.getsockname()[1]}"
        self._silent: list[socket.socket] = []
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._server.accept()
                if self._answers is None:
                    self._silent.append(connection)
                    continue
                with connection:
                    for answer in self._answers:
                        assert len(connection.recv(100)) >= 14
                        connection.sendall(answer)

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
    assert availability.problem(KafkaConnection(here)) is None
    assert availability.problem(KafkaConnection(f"127.0.0.1:1,{here}")) is None
    listening.close()
    assert availability.problem(KafkaConnection(here)) == "Connection refused"


@pytest.mark.parametrize(
    ("answers", "problem"),
    [
        (None, "no answer within 0.1 s"),
        ([b""], "it closes the connection; is this Kafka?"),
        ([b"HTTP/1.1 400 Bad Request"], "it does not answer like Kafka; is this Kafka?"),
    ],
)
def test_server_that_accepts_but_never_answers_is_unavailable(
    answers: Sequence[bytes] | None, problem: str
) -> None:
    one = Listening(answers)
    timeout_s = 0.1 if answers is None else PATIENCE_S
    assert availability.problem(KafkaConnection(one.address), timeout_s) == problem
    one.close()


class Kept(Listening):
    """A broker that answers as long as it is asked; counts connections, and may begin to hang."""

    def __init__(self) -> None:
        self.connections = 0
        self.hangs = False
        super().__init__()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._server.accept()
                self.connections += 1
                self._silent.append(connection)
                threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, connection: socket.socket) -> None:
        with suppress(OSError):
            for answer in chain(AS_KAFKA, repeat(AS_KAFKA[0])):
                if not connection.recv(100) or self.hangs:
                    return
                connection.sendall(answer)


@pytest.fixture
def kept() -> Iterator[Kept]:
    one = Kept()
    yield one
    one.close()


def test_one_connection_serves_for_a_minute(kept: Kept) -> None:
    now = 0.0
    with closing(availability.Probe(KafkaConnection(kept.address), lambda: now)) as probe:
        assert [probe.problem(PATIENCE_S) for _ in range(3)] == [None] * 3
        assert kept.connections == 1
        now = availability.KEEP_S
        assert probe.problem(PATIENCE_S) is None
        assert kept.connections == 2


def test_a_broker_that_hangs_or_ends_after_it_answered_is_unavailable(kept: Kept) -> None:
    with closing(availability.Probe(KafkaConnection(kept.address))) as probe:
        assert probe.problem(1.0) is None
        kept.hangs = True
        assert probe.problem(0.1) == "no answer within 0.1 s"
        kept.hangs = False
        assert probe.problem(PATIENCE_S) is None
        kept.close()
        assert probe.problem(PATIENCE_S) == "Connection refused"


@pytest.mark.parametrize(
    "address",
    ["nowhere", ":9092", "a..b:9092", f"{'x' * 64}.org:9092", "kafka:0", "kafka:65536", "kafka:x"],
)
def test_malformed_address_is_a_setup_error(address: str) -> None:
    with pytest.raises(SetupError, match=f"'{address}' is malformed; use HOST:PORT"):
        availability.problem(KafkaConnection(address))


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
    availability.watch(KafkaConnection(here), health, every_s=0.01)
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
