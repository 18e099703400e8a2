"""Gives topics more replicas: from one broker to several, while everything runs.

Kafka copies in the background and goes on when this process ends, at the same limited rate; a later
call waits for the rest and lifts the limit. Synchronous (kafka-python): for commands, not for an
event loop.
"""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from kafka import TopicPartition
from kafka.admin import ConfigResource
from kafka.errors import KafkaError

from inbound.errors import SetupError
from inbound.kafka.admin import open_client, wait_for_broker
from inbound.kafka.replica_plan import plan, require_running
from inbound.kafka.topic_differences import OFFSETS
from inbound.plurals import counted
from inbound.reasons import in_words

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

    from kafka.admin import KafkaAdminClient

    from inbound.kafka.connection import KafkaConnection
    from schemas.topics import TopicSpec

_PREFERRED: Final = 0
_LOOK_AGAIN_S: Final = 0.3
_SHOWN_WITHIN_S: Final = 15.0
_RATES: Final = ("leader.replication.throttled.rate", "follower.replication.throttled.rate")
_LEADERS: Final = "leader.replication.throttled.replicas"
_FOLLOWERS: Final = "follower.replication.throttled.replicas"
_DELETED: Final = ("delete", None)


@dataclass(frozen=True, slots=True)
class Reassigned:
    """How many partitions got more replicas, and on how many controllers Kafka's metadata is.

    `controllers` is None if Kafka does not say it.
    """

    partitions: int
    controllers: int | None


@dataclass(frozen=True, slots=True)
class _Copying:
    """A partition that is copied from brokers that have it to others."""

    place: TopicPartition
    sources: Collection[int]
    targets: Collection[int]


def reassign(
    kafka: KafkaConnection,
    specs: Iterable[TopicSpec],
    wanted: int,
    bytes_per_s: int,
    on_progress: Callable[[int, int], None],
) -> Reassigned:
    """Give the topics, and Kafka's own topic of offsets, `wanted` replicas.

    Blocks until all are copied, as long as that takes when each broker sends and takes no more than
    `bytes_per_s` for it. `on_progress` gets how many octets are copied, and of how many. Raises
    `SetupError` before changing anything if there are too few brokers, a broker with one of these
    partitions is down, or Kafka moves partitions of other topics, whose limit this would lift.
    """
    wait_for_broker(kafka)
    with open_client(kafka) as client:
        brokers = {
            one["broker_id"]: one.get("rack") for one in client.describe_cluster()["brokers"]
        }
        if len(brokers) < wanted:
            raise SetupError(
                f"{wanted} replicas are wanted, and Kafka at {kafka} has"
                f" {counted(len(brokers), 'running broker')}: start the others first."
                " Nothing was changed"
            )
        current = _replicas(client, [*(spec.name for spec in specs), OFFSETS])
        topics = sorted({place.topic for place in current})
        adding = _being_added(client, topics)
        require_running(current, brokers, wanted)
        planned = plan(current, brokers, wanted)
        copying = _copying(current, planned, adding)
        if copying:
            _throttle(client, brokers, copying, bytes_per_s)
            _begin(client, planned)
            _wait(client, topics, copying, on_progress)
            _wait_until_shown(client, topics, wanted)
        _elect(client, topics)
        _lift_throttle(client, brokers, topics)
        return Reassigned(len(copying), _controllers(client))


def _replicas(client: KafkaAdminClient, topics: Sequence[str]) -> dict[TopicPartition, list[int]]:
    return {
        TopicPartition(topic["name"], partition["partition_index"]): partition["replica_nodes"]
        for topic in client.describe_topics(list(topics))
        for partition in topic["partitions"]
    }


def _being_added(
    client: KafkaAdminClient, topics: Collection[str]
) -> dict[TopicPartition, list[int]]:
    """Return the brokers that are getting a copy already, by partition."""
    under_way = client.list_partition_reassignments()
    others = sorted({place.topic for place in under_way if place.topic not in topics})
    if others:
        raise SetupError(
            f"Kafka is moving partitions of {', '.join(others)}: wait until it has, or cancel that."
            " Nothing was changed"
        )
    return {
        place: one["adding_replicas"] for place, one in under_way.items() if one["adding_replicas"]
    }


def _copying(
    current: Mapping[TopicPartition, Sequence[int]],
    planned: Mapping[TopicPartition, Sequence[int]],
    adding: Mapping[TopicPartition, Sequence[int]],
) -> list[_Copying]:
    found = []
    for place in sorted({*planned, *adding}):
        sources = [broker for broker in current[place] if broker not in adding.get(place, ())]
        replicas = planned.get(place, current[place])
        found.append(_Copying(place, sources, [one for one in replicas if one not in sources]))
    return found


def _begin(client: KafkaAdminClient, planned: Mapping[TopicPartition, Sequence[int]]) -> None:
    if not planned:
        return
    answers = client.alter_partition_reassignments(
        {place: list(replicas) for place, replicas in planned.items()}
    )
    for place, error in answers.items():
        if error is not None:
            raise SetupError(
                f"Kafka does not copy partition {place.partition} of {place.topic}: "
                f"{in_words(error())}"
            )


def _wait(
    client: KafkaAdminClient,
    topics: Collection[str],
    copying: Sequence[_Copying],
    on_progress: Callable[[int, int], None],
) -> None:
    while any(place.topic in topics for place in client.list_partition_reassignments()):
        with suppress(KafkaError):  # a broker restarts; the copying goes on when it is back
            on_progress(*_copied(client, copying))
        time.sleep(_LOOK_AGAIN_S)


def _copied(client: KafkaAdminClient, copying: Sequence[_Copying]) -> tuple[int, int]:
    """Return how many octets the targets have, and how many the sources have for them."""
    answers = client.describe_log_dirs(sorted({one.place.topic for one in copying}))
    sizes = {
        (TopicPartition(topic["name"], partition["partition_index"]), answer["broker"]): int(
            partition["partition_size"]
        )
        for answer in answers
        for folder in answer["log_dirs"]
        for topic in folder["topics"]
        for partition in topic["partitions"]
    }
    done = total = 0
    for one in copying:
        whole = max((sizes.get((one.place, broker), 0) for broker in one.sources), default=0)
        total += whole * len(one.targets)
        done += sum(min(whole, sizes.get((one.place, broker), 0)) for broker in one.targets)
    return done, total


def _wait_until_shown(client: KafkaAdminClient, topics: Sequence[str], wanted: int) -> None:
    """Wait: the controller has ended a copy before every broker shows it."""
    deadline = time.monotonic() + _SHOWN_WITHIN_S
    while few := [at for at, nodes in _replicas(client, topics).items() if len(nodes) < wanted]:
        if time.monotonic() > deadline:
            raise SetupError(
                f"partition {few[0].partition} of {few[0].topic} still has fewer than {wanted}"
                " replicas: somebody cancelled the copying; run this again"
            )
        time.sleep(_LOOK_AGAIN_S)


def _elect(client: KafkaAdminClient, topics: Sequence[str]) -> None:
    """Spread the leaders now, those of partitions too that were copied after an interruption.

    Kafka does it by itself within minutes, so an error doesn't matter.
    """
    partitions: dict[str, list[int]] = {}
    for topic in client.describe_topics(list(topics)):
        for one in topic["partitions"]:
            if one["leader_id"] != one["replica_nodes"][0]:
                partitions.setdefault(topic["name"], []).append(one["partition_index"])
    if partitions:
        client.elect_leaders(_PREFERRED, partitions, raise_errors=False)


def _controllers(client: KafkaAdminClient) -> int | None:
    try:
        quorum = client.describe_metadata_quorum()["topics"][0]["partitions"][0]
    except KafkaError:  # not every user may ask
        return None
    return len(quorum["current_voters"])


def _throttle(
    client: KafkaAdminClient,
    brokers: Iterable[int],
    copying: Sequence[_Copying],
    bytes_per_s: int,
) -> None:
    """Limit what each broker sends and takes for the new replicas, and nothing else."""
    rates = dict.fromkeys(_RATES, str(bytes_per_s))
    limits = [ConfigResource("broker", str(broker), dict(rates)) for broker in brokers]
    for topic in sorted({one.place.topic for one in copying}):
        of_topic = [one for one in copying if one.place.topic == topic]
        senders = [f"{one.place.partition}:{broker}" for one in of_topic for broker in one.sources]
        takers = [f"{one.place.partition}:{broker}" for one in of_topic for broker in one.targets]
        names = {_LEADERS: ",".join(senders), _FOLLOWERS: ",".join(takers)}
        limits.append(ConfigResource("topic", topic, names))
    _alter(client, limits)


def _lift_throttle(client: KafkaAdminClient, brokers: Iterable[int], topics: Iterable[str]) -> None:
    rates, replicas = (dict.fromkeys(names, _DELETED) for names in (_RATES, (_LEADERS, _FOLLOWERS)))
    _alter(
        client,
        [
            *(ConfigResource("broker", str(broker), dict(rates)) for broker in brokers),
            *(ConfigResource("topic", topic, dict(replicas)) for topic in topics),
        ],
    )


def _alter(client: KafkaAdminClient, resources: Sequence[ConfigResource]) -> None:
    # Brokers take the limits and don't list them among their settings.
    answers: Mapping[str, Mapping[str, Any]] = client.alter_configs(
        resources, raise_on_unknown=False
    )
    for results in answers.values():
        for name, result in results.items():
            if result != "OK":
                raise SetupError(f"Kafka does not change the settings of {name}: {result}")
