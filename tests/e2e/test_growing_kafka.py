"""docs/OPERATORS.md, "From one Kafka broker to three": while texts are answered."""

import os
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from typing import Any

import pytest
import pytest_asyncio
from confluent_kafka import Producer
from kafka import TopicPartition
from kafka.admin import ConfigResource, KafkaAdminClient

from inbound.kafka.topic_differences import OFFSETS
from inbound.local.servers.kafka import KafkaServer
from inbound.local.servers.kafka_listeners import OPEN
from tests import forks
from tests.fix_servers import SharedPostgres
from tests.fix_service import Service, eventually, open_service
from tests.more_brokers import more_brokers

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.drill]

THREE = "SCSERV_KAFKA_REPLICATION_FACTOR"
PREFIX = "SCSERV_TOPIC_PREFIX"
APPLY = ("topics", "apply")


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaServer]:
    folder = tmp_path_factory.mktemp("growing") / "kafka"
    with KafkaServer(folder, heap_mb=256, listener=OPEN) as server:
        yield server


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def service(
    tmp_path_factory: pytest.TempPathFactory, postgres_server: SharedPostgres, first: KafkaServer
) -> AsyncIterator[Service]:
    folder = tmp_path_factory.mktemp("service")
    async with open_service(folder, postgres_server.url, first.bootstrap) as service:
        service.extra_environment[THREE] = "3"
        yield service


async def test_topics_get_three_replicas_while_texts_are_answered(
    service: Service, first: KafkaServer
) -> None:
    client = service.new_client()
    await service.text(client.number, "CLIENT sms stop")
    await service.completed(client.number)
    _fill(first, service.names.events, megabytes=30)
    alone = await service.command(*APPLY, "--reassign")
    assert alone.status == 2
    assert "3 replicas are wanted, and Kafka at" in alone.err
    assert "has 1 running broker: start the others first. Nothing was changed" in alone.err
    # A client that is older than the brokers may not know them yet.
    with (
        more_brokers(first, 2, 3),
        closing(KafkaAdminClient(bootstrap_servers=first.bootstrap)) as kafka,
    ):
        refused = await service.command(*APPLY)
        assert refused.status == 2
        assert "replicas is 1, wanted 3; `scserv topics apply --reassign` copies" in refused.err

        await _interrupted(service, kafka)
        await service.text(client.number, "CLIENT sms start")
        await service.completed(client.number, requests=2)
        done = await service.command(*APPLY, "--reassign", "--throttle-mb", "500")
        assert done.status == 0, done.err
        assert "partition" in done.out
        assert ": 3 replicas each" in done.out
        assert "Kafka's own metadata is on 1 controller, which this doesn't change" in done.err
        # Of the partitions, too, that were copied after the interruption. Brokers hear of it late.
        await eventually(
            lambda: _leaders(service, kafka) == {1, 2, 3},
            lambda: f"{_leaders(service, kafka)} lead",
        )
        _is_replicated(service, kafka)
        assert _limits(service, kafka) == {}

        again = await service.command(*APPLY, "--reassign")
        assert "nothing to do" in again.out, again.out + again.err
        await _offsets_are_compared(service, kafka)
        await service.text(client.number, "CLIENT sms stop")
        await service.completed(client.number, requests=3)
        for one in list(service.running):  # before the brokers that lead their partitions
            await service.stop(one)


def _fill(first: KafkaServer, topic: str, megabytes: int) -> None:
    """Write what takes a while to copy at 1 MB/s. Nobody in this test reads the topic."""
    producer = Producer({"bootstrap.servers": first.bootstrap})
    for _ in range(2 * megabytes):
        producer.produce(topic, os.urandom(500_000), partition=0)
    assert producer.flush() == 0


async def _interrupted(service: Service, kafka: KafkaAdminClient) -> None:
    """Interrupt the command in the middle: Kafka goes on within the limit."""
    path = service.folder / "interrupted.err"
    wanted = forks.Wanted(
        (*APPLY, "--reassign", "--throttle-mb", "1"),
        service.environment(),
        *(str(service.folder), os.devnull, str(path)),
    )
    process = await forks.start(wanted)
    place = TopicPartition(service.names.events, 0)
    await eventually(
        lambda: _is_busy(kafka, place), lambda: f"nothing is copied: {path.read_text('utf-8')}"
    )
    process.send_signal(signal.SIGINT)
    assert await process.wait() == 130
    assert "Kafka goes on copying at the same rate" in path.read_text("utf-8")
    assert _is_busy(kafka, place), "30 MB were copied at once"
    assert set(_limits(service, kafka).values()) == {"1000000"}
    service.extra_environment[PREFIX] = "other."
    other = await service.command(*APPLY, "--reassign")
    del service.extra_environment[PREFIX]
    assert f"Kafka is moving partitions of {place.topic}: wait" in other.err


def _is_busy(kafka: KafkaAdminClient, place: TopicPartition) -> bool:
    """Whether this partition alone is still copied: the small ones take no time."""
    return set(kafka.list_partition_reassignments()) == {place}


def _limits(service: Service, kafka: KafkaAdminClient) -> dict[str, str]:
    """Return the limits of the rate that are set on brokers and topics."""
    asked = [
        *(ConfigResource("broker", str(node)) for node in (1, 2, 3)),
        ConfigResource("topic", service.names.events),
    ]
    found: dict[str, dict[str, dict[str, Any]]] = kafka.describe_configs(asked)
    return {
        f"{kind} {name} {setting}": entry["value"]
        for kind, of_kind in found.items()
        for name, settings in of_kind.items()
        for setting, entry in settings.items()
        if setting.endswith("throttled.rate")
    }


async def _offsets_are_compared(service: Service, kafka: KafkaAdminClient) -> None:
    """Where a server.properties of Kafka's own was used, they have one replica alone."""
    place = TopicPartition(OFFSETS, 0)
    kafka.alter_partition_reassignments({place: [1]})
    await eventually(lambda: _nodes(kafka, place) == [1], lambda: f"{_nodes(kafka, place)}")
    refused = await service.command(*APPLY)
    assert (refused.status, f"{OFFSETS}: replicas is 1, wanted 3" in refused.err) == (2, True)
    done = await service.command(*APPLY, "--reassign")
    assert "copied 1 partition: 3 replicas each" in done.out, done.err
    assert _nodes(kafka, place) == [1, 2, 3]


def _nodes(kafka: KafkaAdminClient, place: TopicPartition) -> list[int]:
    """Return the brokers of a partition."""
    (topic,) = kafka.describe_topics([place.topic])
    return sorted(
        node
        for one in topic["partitions"]
        if one["partition_index"] == place.partition
        for node in one["replica_nodes"]
    )


def _leaders(service: Service, kafka: KafkaAdminClient) -> set[int]:
    topics = kafka.describe_topics([*(spec.name for spec in service.names.specs()), OFFSETS])
    return {one["leader_id"] for topic in topics for one in topic["partitions"]}


def _is_replicated(service: Service, kafka: KafkaAdminClient) -> None:
    names = [spec.name for spec in service.names.specs()]
    topics = kafka.describe_topics([*names, OFFSETS])
    partitions = [one for topic in topics for one in topic["partitions"]]
    assert all(sorted(one["replica_nodes"]) == [1, 2, 3] for one in partitions)
    assert all(sorted(one["isr_nodes"]) == [1, 2, 3] for one in partitions)
    found = kafka.describe_configs([ConfigResource("topic", name) for name in names])
    settings = found["topic"].values()
    assert all(one["min.insync.replicas"]["value"] == "2" for one in settings)
    assert not [name for one in settings for name in one if "throttled" in name]
