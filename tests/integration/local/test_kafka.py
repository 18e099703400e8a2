import contextlib
import socket
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from inbound.errors import SetupError
from inbound.kafka import admin
from inbound.kafka.connection import KafkaConnection
from inbound.kafka.handshake import KafkaRefusalError
from inbound.kafka.producer import Producer
from inbound.kafka.topic_reader import open_reader
from inbound.local.servers._folder import DataFolder
from inbound.local.servers.kafka import KafkaServer
from inbound.local.servers.kafka_listeners import OPEN
from schemas.topics import TopicNames
from tests.fix_servers import SharedKafka
from tests.integration.local.leftover import leave_behind, runs
from tests.patience import PATIENCE_S


@pytest.fixture
def server(tmp_path: Path) -> Iterator[KafkaServer]:
    server = KafkaServer(tmp_path / "kafka", heap_mb=256)
    yield server
    server.stop()


@pytest.mark.drill
def test_what_is_acknowledged_survives_a_kill_and_the_address_stays(server: KafkaServer) -> None:
    """Also: clients need the password, which stays; nothing that they say is raw in the log.

    One server for all of it: each start takes seconds.
    """
    connection = server.start().connection
    clients_need_the_password(connection)
    sent = acknowledged(connection)
    server.kill()
    server.start()
    assert server.connection == connection
    assert read(connection, len(sent)) == sent
    create_hostile_topic(connection)
    server.stop()
    lines = server.log.read_text("utf-8").split("\n")
    assert any("\\u001B]0;owned\\u0007" in line for line in lines)
    assert all(line.isprintable() for line in lines)


def clients_need_the_password(kafka: KafkaConnection) -> None:
    assert (kafka.security_protocol, kafka.sasl_mechanism) == ("SASL_PLAINTEXT", "SCRAM-SHA-256")
    for other in (KafkaConnection(kafka.bootstrap), replace(kafka, password="guessed")):
        with pytest.raises(KafkaRefusalError):
            admin.wait_for_broker(other)


def acknowledged(kafka: KafkaConnection) -> list[bytes]:
    """Send records to a partition and return their values once the broker has stored them."""
    from kafka import KafkaProducer

    admin.apply(kafka, TopicNames().specs(), replication_factor=1)
    values = [b"%d" % n for n in range(100)]
    with KafkaProducer(**kafka.client_arguments(), acks="all") as producer:
        for one in [producer.send(TopicNames().mo, value, partition=0) for value in values]:
            one.get(timeout=PATIENCE_S)
    return values


def read(kafka: KafkaConnection, how_many: int) -> list[bytes]:
    from kafka import KafkaConsumer, TopicPartition

    with KafkaConsumer(
        **kafka.client_arguments(),
        auto_offset_reset="earliest",
        consumer_timeout_ms=int(PATIENCE_S * 1000),
    ) as consumer:
        consumer.assign([TopicPartition(TopicNames().mo, 0)])
        return [record.value for _, record in zip(range(how_many), consumer, strict=False)]


def create_hostile_topic(kafka: KafkaConnection) -> None:
    from kafka.admin import KafkaAdminClient, NewTopic
    from kafka.errors import KafkaError

    hostile = "\x1b]0;owned\x07\x9b2J\r\nINFO forged"
    admin_client = KafkaAdminClient(**kafka.client_arguments())
    with contextlib.closing(admin_client), contextlib.suppress(KafkaError):
        admin_client.create_topics([NewTopic(hostile, 1, 1)])


@pytest.mark.drill
def test_leftover_broker_of_a_killed_parent_is_replaced(server: KafkaServer) -> None:
    leftover = leave_behind("inbound.local.servers.kafka", "KafkaServer", str(server.data_dir))
    assert "kafka.Kafka" in psutil.Process(leftover).cmdline()
    server.start()
    assert server.pid != leftover
    assert not runs(leftover)


def test_a_folder_in_use_is_left_alone(kafka_server: SharedKafka) -> None:
    with pytest.raises(SetupError, match="is in use by process"):
        KafkaServer(kafka_server.data_dir).start()
    admin.wait_for_broker(KafkaConnection(kafka_server.bootstrap), PATIENCE_S)


def test_ctrl_c_in_the_terminal_does_not_reach_the_broker(kafka_server: SharedKafka) -> None:
    import os

    assert os.getsid(kafka_server.pid) != os.getsid(0)


def test_it_listens_on_loopback_only(kafka_server: SharedKafka) -> None:
    listening = [
        connection.laddr.ip
        for connection in psutil.Process(kafka_server.pid).net_connections("tcp")
        if connection.status == psutil.CONN_LISTEN
    ]
    assert len(listening) == 3
    assert {address.removeprefix("::ffff:") for address in listening} == {"127.0.0.1"}


def test_a_port_in_use_stops_the_start(tmp_path: Path) -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as taken,
        pytest.raises(SetupError, match=r"Kafka: port .* is in use"),
    ):
        KafkaServer(tmp_path / "kafka", taken.getsockname()[1]).start()


def test_a_start_that_java_refuses_is_told_in_its_words(tmp_path: Path) -> None:
    server = KafkaServer(tmp_path / "kafka", java_options=["-XX:+NoSuchOption"])
    with pytest.raises(SetupError, match=r"Kafka did not start: .*console\.log"):
        server.start()


@pytest.mark.drill
def test_a_folder_of_a_release_without_passwords_gets_one(tmp_path: Path) -> None:
    folder, topic = tmp_path / "kafka", TopicNames().mo
    with KafkaServer(folder, heap_mb=256, listener=OPEN) as older:
        admin.apply(older.connection, TopicNames().specs(), replication_factor=1)
        producer = Producer(older.connection)
        producer.send(topic, b"kept", partition=0)
        producer.flush()
        producer.close()
    assert not (folder / "password").exists()
    with KafkaServer(folder, heap_mb=256) as newer:
        assert newer.bootstrap == older.bootstrap
        with pytest.raises(KafkaRefusalError, match="it wants a user and a password"):
            admin.wait_for_broker(older.connection)
        with open_reader(newer.connection) as reader:
            [record] = reader.read(topic, 0, 0, 1)
    assert record.value == b"kept"


@pytest.mark.parametrize("listener", ["client", "broker", "controller"])
def test_a_program_that_took_a_port_is_told_nothing(
    server: KafkaServer, monkeypatch: pytest.MonkeyPatch, listener: str
) -> None:
    ports = DataFolder.port
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken = other.getsockname()[1]

        def port(folder: DataFolder, name: str, wanted: int = 0) -> int:
            return taken if name == listener else ports(folder, name, wanted)

        monkeypatch.setattr(DataFolder, "port", port)
        with pytest.raises(SetupError, match="its port is in use by another program"):
            server.start()
        other.setblocking(False)
        with pytest.raises(BlockingIOError):
            other.accept()
