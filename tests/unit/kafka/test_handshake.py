"""A program that pretends to be Kafka learns no password and is not believed."""

import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from inbound.kafka import availability
from inbound.kafka.connection import KafkaConnection
from inbound.kafka.handshake import KafkaRefusalError
from tests.patience import PATIENCE_S

PASSWORD = "correct-horse-battery"
VERSIONS, HANDSHAKE = 18, 17

Token = Callable[[bytes], bytes]


class Pretender:
    """Accepts every mechanism; `tokens` answer the client's SASL tokens. Keeps what it received."""

    def __init__(self, *tokens: Token) -> None:
        self.received = b""
        self._tokens = iter(tokens)

    def answer(self, request: bytes) -> bytes:
        self.received += request
        (api,) = struct.unpack_from(">h", request)
        if api == VERSIONS:
            return struct.pack(">hi", 0, 0)
        if api == HANDSHAKE:
            return struct.pack(">hi", 0, 0)
        token = next(self._tokens)(request[14:])
        return struct.pack(f">hhi{len(token)}s", 0, -1, len(token), token)

    def serve(self, server: socket.socket) -> None:
        connection, _ = server.accept()
        with connection, connection.makefile("rb") as requests:
            while size := requests.read(4):
                body = self.answer(requests.read(*struct.unpack(">i", size)))
                connection.sendall(struct.pack(">ii", 4 + len(body), 1) + body)


@contextmanager
def listening(pretender: Pretender) -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=pretender.serve, args=(server,))
        thread.start()
        yield f"127.0.0.1:{server.getsockname()[1]}"
        thread.join(PATIENCE_S)


def scram_first(token: bytes) -> bytes:
    nonce = token.partition(b",r=")[2]
    return b"r=" + nonce + b"server,s=c2FsdHNhbHQ=,i=4096"


@pytest.mark.parametrize(
    "tokens",
    [
        (scram_first, lambda _: b"v=" + b"A" * 43 + b"="),
        (scram_first, lambda _: b""),
        (scram_first, lambda _: b"e=none"),
        (lambda _: b"",),
        (lambda _: b"r=another,s=c2FsdHNhbHQ=,i=4096",),
    ],
)
def test_pretender_is_not_believed_and_learns_nothing(tokens: tuple[Token, ...]) -> None:
    pretender = Pretender(*tokens)
    with listening(pretender) as address:
        kafka = KafkaConnection(
            address, "SASL_PLAINTEXT", "SCRAM-SHA-256", user="scserv", password=PASSWORD
        )
        with pytest.raises(KafkaRefusalError, match="does not prove that it knows the password"):
            availability.problem(kafka, PATIENCE_S)
    assert b"scserv" in pretender.received
    assert PASSWORD.encode() not in pretender.received


def test_plain_believes_an_empty_answer() -> None:
    """PLAIN proves nothing: the reason why the embedded Kafka uses SCRAM."""
    pretender = Pretender(lambda _: b"")
    with listening(pretender) as address:
        kafka = KafkaConnection(address, "SASL_PLAINTEXT", "PLAIN", "scserv", PASSWORD)
        assert availability.problem(kafka, PATIENCE_S) is None
    assert PASSWORD.encode() in pretender.received


def test_password_is_in_no_representation() -> None:
    kafka = KafkaConnection("k:9092", "SASL_PLAINTEXT", user="scserv", password=PASSWORD)
    assert PASSWORD not in f"{kafka} {kafka!r}"
