"""What another user of the same machine can reach of a running `scserv up`: nothing.

Each attack runs as `nobody`, in a forked process. The same attack by the service's own user, with
its password, succeeds: so a refusal is one of the person, not of the attack.
"""

import os
import pwd
import socket
import struct
from collections.abc import Callable, Iterable
from contextlib import closing, suppress
from dataclasses import replace
from functools import partial
from itertools import product
from pathlib import Path
from typing import Final

import psycopg
import pytest
from kafka import KafkaConsumer, KafkaProducer, TopicPartition

from inbound.kafka import availability
from inbound.kafka.connection import KafkaConnection
from inbound.smpp.pdu import BindTransceiver, encode
from inbound.smpp.status import Status
from schemas.topics import TopicNames
from tests.e2e.up.running import NUMBER, Up
from tests.patience import PATIENCE_S

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")

NOBODY: Final = pwd.getpwnam("nobody")
API_VERSIONS: Final = 18
DESCRIBE_QUORUM: Final = 55
REFUSED_WITHIN_S: Final = 3.0
"""How long an attack lasts that gets no answer; it counts as refused."""


def as_nobody(attack: Callable[[], object]) -> str:
    """Return "done: ..." or the name of the exception that the attack ended with."""
    return _begin(attack)()


def all_as_nobody(attacks: Iterable[Callable[[], object]]) -> list[str]:
    """Run attacks at once, since each may last `REFUSED_WITHIN_S`, and say how each ended."""
    return [end() for end in [_begin(attack) for attack in attacks]]


def _begin(attack: Callable[[], object]) -> Callable[[], str]:
    """Fork an attack; return a function that waits for its end."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        said = "did not run"
        with suppress(BaseException):
            os.setgroups([])
            os.setgid(NOBODY.pw_gid)
            os.setuid(NOBODY.pw_uid)
            try:
                said = f"done: {attack()}"
            except BaseException as error:  # noqa: BLE001 - all of them are the result
                said = type(error).__name__
        os.write(writing, said[:200].encode())
        os._exit(0)
    os.close(writing)

    def end() -> str:
        with os.fdopen(reading, "rb") as answer:
            said = answer.read().decode()
        os.waitpid(child, 0)
        return said

    return end


# -- Kafka ---------------------------------------------------------------------------------------


def read_texts(kafka: KafkaConnection, patience_s: float = REFUSED_WITHIN_S) -> list[bytes]:
    topic = TopicNames().mo
    with closing(
        KafkaConsumer(
            **kafka.client_arguments(),
            auto_offset_reset="earliest",
            consumer_timeout_ms=int(patience_s * 1000),
            bootstrap_timeout_ms=int(patience_s * 1000),
        )
    ) as consumer:
        consumer.assign([TopicPartition(topic, n) for n in consumer.partitions_for_topic(topic)])
        # The list comes first: it ends the iteration before a second record is waited for.
        return [record.value for _, record in zip([0], consumer, strict=False)]


def write(kafka: KafkaConnection, topic: str, patience_s: float = REFUSED_WITHIN_S) -> None:
    # An empty record is harmless to its reader.
    with closing(
        KafkaProducer(
            **kafka.client_arguments(),
            bootstrap_timeout_ms=int(patience_s * 1000),
            delivery_timeout_ms=int(patience_s * 1000) + 1000,
            request_timeout_ms=int(patience_s * 1000),
            max_block_ms=int(patience_s * 1000),
        )
    ) as producer:
        producer.send(topic, b"").get(timeout=patience_s + 2)


def pretenders(up: Up) -> list[KafkaConnection]:
    kafka = up.kafka
    return [
        KafkaConnection(kafka.bootstrap),
        replace(kafka, password="guessed"),
        replace(kafka, password=""),
        replace(kafka, sasl_mechanism="PLAIN", password="guessed"),
        *(KafkaConnection(f"127.0.0.1:{up.port(name)}") for name in ("broker", "controller")),
        *(
            KafkaConnection(
                *(f"127.0.0.1:{up.port(name)}", "SASL_PLAINTEXT", "PLAIN", "node", "guessed")
            )
            for name in ("broker", "controller")
        ),
    ]


def test_own_user_reads_and_writes(up: Up) -> None:
    assert NUMBER.encode() in read_texts(up.kafka, PATIENCE_S)[0]
    write(up.kafka, TopicNames().notify, PATIENCE_S)


def test_no_numbers_and_texts_are_read_from_kafka(up: Up) -> None:
    kafkas = pretenders(up)
    said = all_as_nobody(partial(read_texts, kafka) for kafka in kafkas)
    for kafka, one in zip(kafkas, said, strict=True):
        assert one.endswith("Error"), (kafka, one)


def test_no_pretender_is_authenticated(up: Up) -> None:
    assert availability.problem(up.kafka, PATIENCE_S) is None
    kafkas = pretenders(up)
    said = all_as_nobody(partial(availability.problem, kafka, PATIENCE_S) for kafka in kafkas)
    for kafka, one in zip(kafkas, said, strict=True):
        assert one == "KafkaRefusalError", (kafka, one)


def test_nothing_is_written_to_topics(up: Up) -> None:
    names = TopicNames()
    kafkas = KafkaConnection(up.kafka.bootstrap), pretenders(up)[1]
    tried = list(product(kafkas, (names.mo, names.receipts, names.lanes[0])))
    said = all_as_nobody(partial(write, kafka, topic) for kafka, topic in tried)
    for place, one in zip(tried, said, strict=True):
        assert one.endswith("Error"), (place, one)


def request(port: int, api: int, body: bytes) -> bytes:
    """Return the first octet of the answer, b"" if the broker closes the connection."""
    header = struct.pack(">hhih", api, 0, 1, -1)
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S) as connection:
        connection.sendall(struct.pack(">i", len(header) + len(body)) + header + body)
        with suppress(ConnectionError):
            return connection.recv(1)
    return b""


@pytest.mark.parametrize("listener", ["client", "broker", "controller"])
def test_the_quorum_can_be_neither_described_nor_joined(up: Up, listener: str) -> None:
    port = up.port(listener)
    assert as_nobody(lambda: request(port, API_VERSIONS, b"")) == "done: b'\\x00'"
    # Everything but a handshake ends the connection: voting, fetching, registering, describing.
    for api in (1, 52, 54, DESCRIBE_QUORUM, 62, 80):
        assert as_nobody(lambda api=api: request(port, api, bytes(64))) == "done: b''"  # type: ignore[misc]


# -- the built-in SMS centre -----------------------------------------------------------------------


def bind(up: Up, pdu: BindTransceiver) -> int:
    """Return the command_status of a bind at the built-in SMS centre."""
    with socket.create_connection(
        ("127.0.0.1", up.settings["smpp"]["port"]), timeout=PATIENCE_S
    ) as connection:
        connection.sendall(encode(replace(pdu, sequence=1)))
        return int.from_bytes(connection.recv(16)[8:12], "big")


def test_nobody_else_binds_as_a_phone_or_as_the_service(up: Up) -> None:
    phone = BindTransceiver(system_id="phone", address_range=NUMBER)
    account = BindTransceiver(system_id="scserv", password=up.settings["smpp"]["password"])
    for own in (phone, account):
        assert bind(up, own) == Status.ESME_ROK
        for password in ("", "guessed"):
            other = replace(own, password=password)
            said = as_nobody(lambda other=other: bind(up, other))  # type: ignore[misc]
            assert said == f"done: {int(Status.ESME_RINVPASWD)}"


# -- PostgreSQL ----------------------------------------------------------------------------------


def test_postgresql_is_closed(up: Up) -> None:
    url = up.settings["database_url"]
    with psycopg.connect(url) as connection:
        assert connection.execute("SELECT count(*) > 0 FROM events").fetchone() == (True,)
    password = up.secrets[0]
    for other in (url.replace(f":{password}@", "@"), url.replace(password, "guessed")):
        said = as_nobody(lambda other=other: psycopg.connect(other))  # type: ignore[misc]
        assert said == "OperationalError"


# -- files and processes -------------------------------------------------------------------------


def test_no_file_is_read_and_none_is_made(up: Up) -> None:
    files = [path for path in up.folder.rglob("*") if path.is_file()]
    names = {path.name for path in files}
    assert {"service.json", "vault_key", "password", "server.properties", "gateway.log"} <= names
    assert {"owner.lock", "sample-clients.csv", "broker.log", "console.log"} <= names

    def readable() -> list[str]:
        return [str(path) for path in files if os.access(path, os.R_OK)]

    assert as_nobody(readable) == "done: []"
    for folder in ("", "keys", "logs", "kafka", "postgres"):
        made = up.folder / folder / "planted"
        assert as_nobody(made.touch) == "PermissionError"


def test_processes_show_no_secret(up: Up) -> None:
    looked_at = {}
    for process in up.processes():
        # PostgreSQL has a process for each connection: it may end at any moment.
        with suppress(FileNotFoundError, ProcessLookupError):
            words = Path(f"/proc/{process.pid}/cmdline").read_bytes().decode()
            assert not [secret for secret in up.secrets if secret in words]
            looked_at[process.pid] = words
    assert len(looked_at) > 6
    assert any("kafka.Kafka" in words for words in looked_at.values())

    def readable() -> list[str]:
        opened = []
        for pid, name in product(looked_at, ("environ", "mem", "maps", "fd/0")):
            path = Path(f"/proc/{pid}/{name}")
            with suppress(PermissionError, FileNotFoundError, ProcessLookupError):
                path.open("rb").read(1)
                opened.append(str(path))
        return opened

    assert as_nobody(readable) == "done: []"
