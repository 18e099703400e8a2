"""What a relay measures of a real Kafka: the clocks of its brokers, and their disks."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from inbound.clock import database_clock, utc_now
from inbound.kafka import disks
from inbound.kafka.broker_clocks import BrokerClocks
from inbound.kafka.connection import KafkaConnection
from inbound.kafka.producer import Producer
from inbound.ops import metrics
from schemas.topics import TopicNames


@pytest.fixture(autouse=True)
def forgotten() -> Iterator[None]:
    yield
    database_clock.forget()


@pytest.fixture
def producer(kafka_bootstrap: str) -> Iterator[Producer]:
    made = Producer(KafkaConnection(kafka_bootstrap), BrokerClocks())
    yield made
    made.close()


def broker_skews() -> dict[str, float]:
    found = {dict(labels)["clock"]: value for labels, value in metrics.CLOCK_SKEW.values().items()}
    return {clock: value for clock, value in found.items() if clock.startswith("broker ")}


@pytest.mark.parametrize("ahead_s", [0, 100, -100])
def test_a_brokers_clock_is_compared_with_the_databases(
    producer: Producer, topics: TopicNames, ahead_s: int
) -> None:
    """The machine is the broker's, too: the database is what differs."""
    now = database_clock.monotonic()
    database_clock.note(utc_now() - timedelta(seconds=ahead_s), now, now)
    producer.send(topics.events, b"v", b"key")
    producer.flush()
    [skew_s] = broker_skews().values()
    assert skew_s == pytest.approx(ahead_s, abs=5)


def test_each_broker_says_how_much_of_its_disk_is_free(kafka_bootstrap: str) -> None:
    disks.measure(KafkaConnection(kafka_bootstrap))
    found = {dict(labels)["server"]: value for labels, value in metrics.DISK_FREE.values().items()}
    [share] = [value for server, value in found.items() if server.startswith("kafka ")]
    assert 0 < share < 1


@pytest.mark.parametrize(
    ("folders", "share"),
    [
        ([(0, 100, 40), (0, 100, 10)], 0.1),
        ([(0, 100, 40), (56, -1, -1)], 0.0),
        ([(0, -1, -1)], None),
        ([], None),
    ],
)
def test_the_fullest_disk_counts_and_a_failed_one_is_full(
    folders: list[tuple[int, int, int]], share: float | None
) -> None:
    told = [
        {"error_code": error, "total_bytes": total, "usable_bytes": usable}
        for error, total, usable in folders
    ]
    assert disks.free_share(told) == share
