"""Topics as code: creates and alters the broker's topics to match `schemas.topics`.

Synchronous (kafka-python): for set-up commands and tests, not for an event loop. Everything
here is safe to repeat and to run in several processes at once.
"""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from kafka.admin import ConfigResource, KafkaAdminClient
from kafka.errors import (
    KafkaError,
    TopicAlreadyExistsError,
    UnknownTopicOrPartitionError,
    for_code,
)

from inbound.errors import SetupError
from inbound.kafka import availability
from inbound.kafka.connection import KafkaConnection
from inbound.reasons import in_words

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from schemas.topics import TopicSpec

# The library's maximum of 30 s would delay clients long after a broker has restarted.
RECONNECT: Final[Mapping[str, int]] = {"reconnect_backoff_ms": 50, "reconnect_backoff_max_ms": 500}

PARTITIONS: Final = "partitions"
"""The setting of a `TopicDifference` that is about the number of partitions."""

REPLICAS: Final = "replicas"
"""The setting of a `TopicDifference` that is about the copies of its least copied partition."""

IN_SYNC: Final = "min.insync.replicas"

_TIMEOUT_S: Final = 15.0
_TOPICS_WITHIN_S: Final = 60.0  # for a hundred partitions, on a busy broker
_LOOK_AGAIN_S: Final = 0.02
_ABSENT: Final = UnknownTopicOrPartitionError.errno


@dataclass(frozen=True, slots=True)
class TopicDifference:
    """One setting of a topic that differs. `found` is None if the topic is missing."""

    topic: str
    setting: str
    found: str | None
    wanted: str

    def __str__(self) -> str:
        """One line for an operator."""
        if self.found is None:
            return f"topic {self.topic} is missing"
        return f"topic {self.topic}: {self.setting} is {self.found}, wanted {self.wanted}"


@dataclass(frozen=True, slots=True)
class TopicReport:
    """What `apply` did, by topic."""

    created: tuple[str, ...] = ()
    altered: tuple[TopicDifference, ...] = ()
    unchanged: tuple[str, ...] = ()


def wait_for_broker(kafka: KafkaConnection, timeout_s: float = _TIMEOUT_S) -> None:
    """Block until a broker answers a metadata request. Raises `SetupError` after `timeout_s`."""
    deadline = time.monotonic() + timeout_s
    # Probe the port first: kafka-python logs an error for each failed attempt.
    while (problem := availability.problem(kafka)) is not None:
        if time.monotonic() > deadline:
            raise SetupError(f"no Kafka at {kafka}: {problem}; start it, or correct the address")
        time.sleep(_LOOK_AGAIN_S)
    with open_client(kafka, max(1.0, deadline - time.monotonic())) as client:
        client.describe_cluster()


def apply(
    kafka: KafkaConnection, specs: Iterable[TopicSpec], replication_factor: int
) -> TopicReport:
    """Create missing topics, alter settings that differ, and wait until all have leaders.

    Blocks for about 75 s at most. With a replication factor of 3 or more `min.insync.replicas` is
    2, so that an acknowledged message is on two machines.

    Raises `SetupError` before changing anything if a topic has another number of partitions (after
    repartitioning, a person's later messages could overtake earlier ones), fewer replicas than
    wanted, or a higher `min.insync.replicas`: nothing that protects messages is lowered, nor said
    to be there when it is not.
    """
    wanted = _with_durability(specs, replication_factor)
    wait_for_broker(kafka)
    with open_client(kafka) as client:
        before = _differences(client, wanted, replication_factor)
        _refuse_what_apply_cannot_mend(before)
        missing = {diff.topic for diff in before if diff.found is None}
        created = _create(client, [s for s in wanted if s.name in missing], replication_factor)
        names = [spec.name for spec in wanted]
        client.wait_for_topics(names, timeout_ms=int(_TOPICS_WITHIN_S * 1000))
        # Another process may have created some meanwhile, perhaps from older specs.
        drifted = _differences(client, wanted, replication_factor) if missing else before
        _refuse_what_apply_cannot_mend(drifted)
        _alter(client, drifted)
        _wait_until_altered(client, wanted if drifted else [])
    touched = {*created, *(diff.topic for diff in drifted)}
    return TopicReport(
        created=created,
        altered=tuple(drifted),
        unchanged=tuple(spec.name for spec in wanted if spec.name not in touched),
    )


def check(kafka: KafkaConnection, specs: Iterable[TopicSpec]) -> list[TopicDifference]:
    """Return all settings of topics that differ. Changes nothing. Blocks."""
    wanted = [_Wanted(spec.name, spec.partitions, spec.config) for spec in specs]
    wait_for_broker(kafka)
    with open_client(kafka) as client:
        return _differences(client, wanted)


def other_partitions(diff: TopicDifference) -> str:
    """Say what to do about another number of partitions."""
    return (
        f"set SCSERV_KAFKA_PARTITIONS={diff.found} everywhere if all topics have so many;"
        " docs/SCALING.md says how to change the number"
    )


def delete(kafka: KafkaConnection, names: Iterable[str]) -> None:
    """Delete topics with their records. Missing topics are ignored. Blocks."""
    with open_client(kafka) as client:
        client.delete_topics(list(names), raise_errors=False)


def describe_disks(kafka: KafkaConnection, topics: Sequence[str] = ()) -> list[dict[str, Any]]:
    """Return the log folders of each broker, with the size of their disks. Blocks.

    With the sizes of the partitions of these topics. Needs the right to describe the cluster.
    """
    with open_client(kafka) as client:
        found: list[dict[str, Any]] = client.describe_log_dirs(list(topics) or {})
    return found


@dataclass(frozen=True, slots=True)
class _Wanted:
    name: str
    partitions: int
    config: Mapping[str, str]


def _with_durability(specs: Iterable[TopicSpec], replication_factor: int) -> list[_Wanted]:
    in_sync = {IN_SYNC: "2" if replication_factor >= 3 else "1"}
    return [_Wanted(spec.name, spec.partitions, {**spec.config, **in_sync}) for spec in specs]


@contextmanager
def open_client(
    kafka: KafkaConnection, timeout_s: float = _TIMEOUT_S
) -> Iterator[KafkaAdminClient]:
    """Connect for the duration of the block. Raises `SetupError` if Kafka can't be used."""
    try:
        client = KafkaAdminClient(
            **kafka.client_arguments(),
            client_id="scserv-admin",
            bootstrap_timeout_ms=int(timeout_s * 1000),
            request_timeout_ms=int(timeout_s * 1000),
            **RECONNECT,
        )
        try:
            yield client
        finally:
            client.close()
    except (KafkaError, OSError) as error:
        raise SetupError(f"Kafka at {kafka} failed: {in_words(error)}") from error


def _differences(
    client: KafkaAdminClient, wanted: Sequence[_Wanted], replication_factor: int = 1
) -> list[TopicDifference]:
    topics = client.describe_topics([spec.name for spec in wanted])
    found = {topic["name"]: topic for topic in topics if topic["error_code"] != _ABSENT}
    configs = _configs(client, [spec for spec in wanted if spec.name in found])
    differences: list[TopicDifference] = []
    for spec in wanted:
        if spec.name not in found:
            differences.append(TopicDifference(spec.name, "topic", None, "present"))
            continue
        partitions = found[spec.name]["partitions"]
        copies = min(len(partition["replica_nodes"]) for partition in partitions)
        settings = {
            PARTITIONS: (str(len(partitions)), str(spec.partitions)),
            REPLICAS: (str(copies), str(max(copies, replication_factor))),
            **{key: (configs[spec.name][key], value) for key, value in spec.config.items()},
        }
        differences += [
            TopicDifference(spec.name, setting, is_now, should_be)
            for setting, (is_now, should_be) in settings.items()
            if is_now != should_be
        ]
    return differences


def _configs(client: KafkaAdminClient, specs: Sequence[_Wanted]) -> dict[str, dict[str, str]]:
    """Return the effective values of the settings in the specs, by topic."""
    if not specs:
        return {}
    asked = [ConfigResource("topic", spec.name, list(spec.config)) for spec in specs]
    topics: dict[str, dict[str, dict[str, Any]]] = client.describe_configs(
        asked, config_filter="all"
    )["topic"]
    return {
        name: {key: str(entry["value"]) for key, entry in settings.items()}
        for name, settings in topics.items()
    }


def _refuse_what_apply_cannot_mend(differences: Iterable[TopicDifference]) -> None:
    for diff in differences:
        if diff.setting == PARTITIONS:
            raise SetupError(
                f"{diff}; partitions are never changed in place, because keys would move:"
                f" {other_partitions(diff)}"
            )
        if diff.setting == REPLICAS:
            raise SetupError(
                f"{diff}; a topic gets more replicas by Kafka's kafka-reassign-partitions.sh:"
                " run it, then this again. Nothing was changed"
            )
        if diff.setting == IN_SYNC and int(diff.found or 0) > int(diff.wanted):
            raise SetupError(
                f"{diff}; that would keep acknowledged messages on fewer machines: set"
                " SCSERV_KAFKA_REPLICATION_FACTOR to the replicas that the topics have."
                " Nothing was changed"
            )


def _create(
    client: KafkaAdminClient, specs: Sequence[_Wanted], replication_factor: int
) -> tuple[str, ...]:
    if not specs:
        return ()
    answer = client.create_topics(
        {
            spec.name: {
                "num_partitions": spec.partitions,
                "replication_factor": replication_factor,
                "configs": dict(spec.config),
            }
            for spec in specs
        },
        raise_errors=False,
    )
    created = []
    for topic in answer["topics"]:
        error = for_code(topic["error_code"])
        if topic["error_code"] == 0:
            created.append(topic["name"])
        elif error is not TopicAlreadyExistsError:
            raise SetupError(
                f"Kafka does not create topic {topic['name']}: {topic['error_message']}"
            )
    return tuple(created)


def _alter(client: KafkaAdminClient, differences: Iterable[TopicDifference]) -> None:
    changes: dict[str, dict[str, str]] = {}
    for diff in differences:
        changes.setdefault(diff.topic, {})[diff.setting] = diff.wanted
    if not changes:
        return
    asked = [ConfigResource("topic", name, settings) for name, settings in changes.items()]
    for name, result in client.alter_configs(asked)["topic"].items():
        if result != "OK":
            raise SetupError(f"Kafka does not change topic {name} ({changes[name]}): {result}")


def _wait_until_altered(client: KafkaAdminClient, wanted: Sequence[_Wanted]) -> None:
    """Wait: the controller confirms a change before every broker shows it."""
    deadline = time.monotonic() + _TIMEOUT_S
    while wanted and (left := _differences(client, wanted)):
        if time.monotonic() > deadline:
            raise SetupError(f"{left[0]}; Kafka accepted the change but does not show it")
        time.sleep(_LOOK_AGAIN_S)
