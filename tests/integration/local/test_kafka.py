import socket
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from inbound.errors import SetupError
from inbound.kafka import admin
from inbound.local.servers.kafka import KafkaServer
from tests.fix_servers import SharedKafka
from tests.integration.local.leftover import leave_behind


@pytest.fixture
def server(tmp_path: Path) -> Iterator[KafkaServer]:
    server = KafkaServer(tmp_path / "kafka", heap_mb=256)
    yield server
    server.stop()


def test_what_is_acknowledged_survives_a_kill_and_the_address_stays(server: KafkaServer) -> None:
    from kafka import KafkaConsumer, KafkaProducer, TopicPartition

    from schemas.topics import TopicNames

    server.start()
    bootstrap, topic = server.bootstrap, TopicNames().mo
    admin.apply(bootstrap, TopicNames().specs(), replication_factor=1)
    with KafkaProducer(bootstrap_servers=bootstrap, acks="all") as producer:
        sent = [producer.send(topic, b"%d" % n, partition=0) for n in range(100)]
        for acknowledgement in sent:
            acknowledgement.get(timeout=10)
    server.kill()
    server.start()
    assert server.bootstrap == bootstrap
    with KafkaConsumer(
        bootstrap_servers=bootstrap, auto_offset_reset="earliest", consumer_timeout_ms=10_000
    ) as consumer:
        consumer.assign([TopicPartition(topic, 0)])
        values = [message.value for _, message in zip(range(100), consumer, strict=False)]
    assert values == [b"%d" % n for n in range(100)]


def test_leftover_broker_of_a_killed_parent_is_replaced(server: KafkaServer) -> None:
    leftover = leave_behind("inbound.local.servers.kafka", "KafkaServer", str(server.data_dir))
    assert "kafka.Kafka" in psutil.Process(leftover).cmdline()
    server.start()
    assert server.pid != leftover
    assert not psutil.pid_exists(leftover) or psutil.Process(leftover).status() == "zombie"


def test_a_folder_in_use_is_left_alone(kafka_server: SharedKafka) -> None:
    with pytest.raises(SetupError, match="is in use by process"):
        KafkaServer(kafka_server.data_dir).start()
    admin.wait_for_broker(kafka_server.bootstrap, 5)


def test_ctrl_c_in_the_terminal_does_not_reach_the_broker(kafka_server: SharedKafka) -> None:
    import os

    assert os.getsid(kafka_server.pid) != os.getsid(0)


def test_it_listens_on_loopback_only(kafka_server: SharedKafka) -> None:
    listening = [
        connection.laddr.ip
        for connection in psutil.Process(kafka_server.pid).net_connections("tcp")
        if connection.status == psutil.CONN_LISTEN
    ]
    assert len(listening) == 2
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
