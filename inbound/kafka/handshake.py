"""The first requests of a connection to Kafka, to tell exactly why a client is refused.

Client libraries mistake a wrong password for an outage and retry until they time out. Here each
refusal is one error that names the setting to correct. Requests are those of the protocol guide
(kafka.apache.org/protocol): ApiVersions 0, SaslHandshake 1, SaslAuthenticate 0.
"""

import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from inbound.errors import SetupError
from inbound.kafka.connection import (
    PASSWORD,
    SASL_MECHANISM,
    SECURITY_PROTOCOL,
    KafkaConnection,
)

_API_VERSIONS: Final = 18, 0
_SASL_HANDSHAKE: Final = 17, 1
_SASL_AUTHENTICATE: Final = 36, 0
_NO_CLIENT_ID: Final = -1

_UNSUPPORTED_MECHANISM: Final = 33
_NO_SASL_HERE: Final = 34
_MOST_BYTES: Final = 1_000_000

_TLS_ALERT: Final = 0x15
"""First octet of a TLS alert (RFC 8446, 5.1); an answer of Kafka's begins with its length."""


class KafkaRefusalError(SetupError):
    """Kafka answers, but not to clients with these settings: waiting doesn't help."""


def authenticate(connection: socket.socket, kafka: KafkaConnection) -> None:
    """Ask for the broker's versions, then authenticate as clients do.

    Blocks, at most for the socket's timeout per answer. Raises `KafkaRefusalError` if the broker
    does not accept these settings, and `OSError` if it does not answer like a broker.
    """
    ask_versions(connection)
    mechanism = kafka.sasl_mechanism if kafka.uses_sasl else "PLAIN"
    answer = _ask(connection, _SASL_HANDSHAKE, _string(mechanism))
    (error,) = struct.unpack_from(">h", answer)
    if not kafka.uses_sasl:
        if error != _NO_SASL_HERE:
            raise KafkaRefusalError(
                f"it wants a user and a password: set {SECURITY_PROTOCOL} to"
                f" SASL_{kafka.security_protocol}"
            )
        return
    if error == _NO_SASL_HERE:
        protocol = kafka.security_protocol.removeprefix("SASL_")
        raise KafkaRefusalError(
            f"it takes no passwords at this address: set {SECURITY_PROTOCOL} to {protocol}, or"
            " correct the port"
        )
    if error == _UNSUPPORTED_MECHANISM:
        offered = ", ".join(_strings(answer[2:])) or "none"
        raise KafkaRefusalError(
            f"it does not accept {mechanism}, but {offered}: correct {SASL_MECHANISM}"
        )
    with _told_as_refusal(kafka):
        _prove(connection, kafka)


def ask_versions(connection: socket.socket) -> None:
    """Ask for the broker's versions, at any time; blocks and raises as `authenticate` does."""
    _ask(connection, _API_VERSIONS, b"")


def _prove(connection: socket.socket, kafka: KafkaConnection) -> None:
    # Imported here: it imports all of kafka-python.
    from kafka.net.sasl import get_sasl_mechanism

    mechanism: Any = get_sasl_mechanism(kafka.sasl_mechanism)(
        host="", security_protocol=kafka.security_protocol, **_credentials(kafka)
    )
    while not mechanism.is_done():
        token = mechanism.auth_bytes()
        answer = _ask(
            connection, _SASL_AUTHENTICATE, struct.pack(f">i{len(token)}s", len(token), token)
        )
        error, length = struct.unpack_from(">hh", answer)
        if error:
            raise PermissionError(error, "")
        start = 4 + max(0, length) + 4
        mechanism.receive(answer[start:])
    if not mechanism.is_authenticated():
        raise PermissionError(0, "")


def _credentials(kafka: KafkaConnection) -> dict[str, str]:
    arguments = kafka.client_arguments()
    return {name: value for name, value in arguments.items() if name.startswith("sasl_")}


@contextmanager
def _told_as_refusal(kafka: KafkaConnection) -> Iterator[None]:
    """Turn a broker's or a library's error about a wrong password into a `KafkaRefusalError`."""
    try:
        yield
    except (PermissionError, ConnectionError) as error:
        raise KafkaRefusalError(
            f"it refuses user {kafka.user} with this password: correct SCSERV_KAFKA_USER or"
            f" {PASSWORD}, or create the user there for {kafka.sasl_mechanism}"
        ) from error
    except (ValueError, KeyError, struct.error) as error:
        raise KafkaRefusalError(
            f"it does not prove that it knows the password of user {kafka.user}: another program"
            " may listen at this address"
        ) from error


def _ask(connection: socket.socket, api: tuple[int, int], body: bytes) -> bytes:
    """Send a request and return the body of its answer."""
    header = struct.pack(">hhih", *api, 1, _NO_CLIENT_ID)
    connection.sendall(struct.pack(">i", len(header) + len(body)) + header + body)
    begin = _receive(connection, 1)
    if begin[0] == _TLS_ALERT:
        raise KafkaRefusalError(f"it wants TLS: set {SECURITY_PROTOCOL} to SSL or SASL_SSL")
    (length,) = struct.unpack(">i", begin + _receive(connection, 3))
    if not 4 <= length <= _MOST_BYTES:
        raise ConnectionError(None, "it does not answer like Kafka; is this Kafka?")
    return _receive(connection, length)[4:]


def _receive(connection: socket.socket, size: int) -> bytes:
    received = b""
    while len(received) < size:
        if not (piece := connection.recv(size - len(received))):
            raise ConnectionError(None, "it closes the connection; is this Kafka?")
        received += piece
    return received


def _string(text: str) -> bytes:
    return struct.pack(">h", len(text)) + text.encode("ascii")


def _strings(packed: bytes) -> Iterator[str]:
    (count,) = struct.unpack_from(">i", packed)
    place = 4
    for _ in range(count):
        (length,) = struct.unpack_from(">h", packed, place)
        yield packed[place + 2 : place + 2 + length].decode("ascii", "replace")
        place += 2 + length
