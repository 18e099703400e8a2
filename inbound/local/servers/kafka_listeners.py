"""The listeners of the embedded Kafka, and who may use them.

Three listeners on loopback, where every user of the machine can connect:

* CLIENT is for the service. By default clients prove their password with SCRAM, which also proves
  the broker's identity to them: a program of another user that listens on a dead broker's port
  learns nothing and is not believed (RFC 5802). The password is kept in a file of mode 0600.
* BROKER and CONTROLLER are for the node itself: its own requests, the quorum, and the request
  that sets the password of clients. They take one user whose password is new at every start.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from inbound.errors import SetupError
from inbound.kafka.connection import KafkaConnection
from inbound.kafka.handshake import KafkaRefusalError
from inbound.reasons import in_words

USER: Final = "scserv"
_NODE_USER: Final = "node"

# Kafka's minimum. More iterations slow down guessing, and nobody guesses 192 random bits.
_ITERATIONS: Final = 4096

_ANSWER_S: Final = 240.0
_PASSWORD_S: Final = 60.0

_PROTECTED: Final = """\
inter.broker.listener.name=BROKER
sasl.mechanism.inter.broker.protocol=PLAIN
sasl.mechanism.controller.protocol=PLAIN
listener.name.broker.sasl.enabled.mechanisms=PLAIN
listener.name.broker.plain.sasl.jaas.config={jaas}
listener.name.controller.sasl.enabled.mechanisms=PLAIN
listener.name.controller.plain.sasl.jaas.config={jaas}
"""

_SCRAM: Final[Mapping[str, str]] = {
    "listener.name.client.sasl.enabled.mechanisms": "SCRAM-SHA-256",
    "listener.name.client.scram-sha-256.sasl.jaas.config": (
        "org.apache.kafka.common.security.scram.ScramLoginModule required;"
    ),
}


@dataclass(frozen=True, slots=True)
class ClientListener:
    """The listener for clients: how they connect, and the broker's properties for it.

    `connection` lacks the address, which the broker adds. If its user is set, the broker is told
    that user's password at every start.
    """

    connection: KafkaConnection
    properties: Mapping[str, str] = field(default_factory=dict)


OPEN: Final = ClientListener(KafkaConnection(""))
"""For every user of the machine: tests and benchmarks, never the data of clients."""


def with_password(password: str) -> ClientListener:
    """Return the listener of `scserv up`: SCRAM with the service's user."""
    return ClientListener(
        KafkaConnection("", "SASL_PLAINTEXT", "SCRAM-SHA-256", USER, password), _SCRAM
    )


def new_password() -> str:
    """Return a random password of 192 bits."""
    return secrets.token_urlsafe(24)


def properties_of(listener: ClientListener, node_password: str) -> str:
    """Return the lines of server.properties that protect the listeners. They hold a password."""
    jaas = (
        "org.apache.kafka.common.security.plain.PlainLoginModule required"
        f' username="{_NODE_USER}" password="{node_password}"'
        f' user_{_NODE_USER}="{node_password}";'
    )
    protocol = listener.connection.security_protocol
    protocols = f"CLIENT:{protocol},BROKER:SASL_PLAINTEXT,CONTROLLER:SASL_PLAINTEXT"
    lines = [
        f"listener.security.protocol.map={protocols}",
        *(f"{name}={value}" for name, value in listener.properties.items()),
    ]
    return _PROTECTED.format(jaas=jaas) + "\n".join(lines) + "\n"


def set_client_password(address: str, node_password: str, clients: KafkaConnection) -> None:
    """Tell the broker the password of its clients. Blocks. Safe to repeat.

    `address` is the BROKER listener of a broker that is known to be ours: PLAIN reveals the
    node's password to whatever listens there. Raises `SetupError`.
    """
    from kafka.admin import KafkaAdminClient, UserScramCredentialUpsertion
    from kafka.errors import KafkaError

    node = KafkaConnection(address, "SASL_PLAINTEXT", "PLAIN", _NODE_USER, node_password)
    wanted = UserScramCredentialUpsertion(
        clients.user, clients.sasl_mechanism, clients.password, iterations=_ITERATIONS
    )
    try:
        client = KafkaAdminClient(**node.client_arguments(), client_id="scserv-password")
        try:
            problem = client.alter_user_scram_credentials([wanted])[clients.user]
        finally:
            client.close()
    except (KafkaError, OSError) as error:
        raise SetupError(
            f"Kafka does not take the password of its clients: {in_words(error)}"
        ) from error
    if problem:
        raise SetupError(f"Kafka does not take the password of its clients: {problem}")


def wait_until_let_in(clients: KafkaConnection) -> None:
    """Block until the broker takes the password, which it is told a moment before it knows it."""
    from inbound.kafka.admin import wait_for_broker

    deadline = time.monotonic() + _PASSWORD_S
    while True:
        try:
            return wait_for_broker(clients, _ANSWER_S)
        except KafkaRefusalError:
            if time.monotonic() > deadline:
                raise
