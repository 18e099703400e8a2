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
    for_code,
)

from inbound.errors import SetupError
from inbound.kafka import availability
from inbound.kafka.connection import KafkaConnection
from inbound.kafka.topic_differences import (
    TopicDifference,
    WantedTopic,
    find_differences,
    refuse_what_apply_cannot_mend,
    with_durability,
)
from inbound.reasons import in_words

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from schemas.topics import TopicSpec

# The library's maximum of 30 s would delay clients long after a broker has restarted.
RECONNECT: Final[Mapping[str, int]] = {"reconnect_backoff_ms": 50, "reconnect_backoff_max_ms": 500}

_TIMEOUT_S: Final = 15.0
_TOPICS_WITHIN_S: Final = 60.0  # for a hundred partitions, on a busy broker
_LOOK_AGAIN_S: Final = 0.02


@dataclass(frozen=True, slots=True)
class TopicReport:
    """The changes that `apply` made, by topic."""

    created: tuple[str, ...] = ()
    altered: tuple[TopicDifference, ...] = ()
    unchanged: tuple[str, ...] = ()


def wait_for_broker(kafka: KafkaConnection, timeout_s: float = _TIMEOUT_S) -> None:
    """Block until a broker answers a metadata request. Raises `SetupError` after `timeout_s`."""
    deadline = time.monotonic() + timeout_s
    _wait_for_answer(kafka, deadline)
    with open_client(kafka, max(1.0, deadline - time.monotonic())) as client:
        client.describe_cluster()


def _wait_for_answer(kafka: KafkaConnection, deadline: float) -> None:
    """Block until a broker lets us in: kafka-python logs an error for each failed attempt."""
    while (problem := availability.problem(kafka)) is not None:
        if time.monotonic() > deadline:
            raise SetupError(f"no Kafka at {kafka}: {problem}; start it, or correct the address")
        time.sleep(_LOOK_AGAIN_S)


def apply(
    kafka: KafkaConnection, specs: Iterable[TopicSpec], replication_factor: int
) -> TopicReport:
    """Create missing topics, alter settings that differ, and wait until all have leaders.

    Blocks for about 75 s at most. With a replication factor of 3 or more `min.insync.replicas` is
    2, so that an acknowledged message is on two machines.

    Raises `SetupError` before changing anything if a topic has another number of partitions (after
    repartitioning, a person's later messages could overtake earlier ones), fewer replicas than
    wanted, or a higher `min.insync.replicas`: nothing that protects messages is lowered, or
    reported as present when it is not.
    """
    wanted = with_durability(specs, replication_factor)
    _wait_for_answer(kafka, time.monotonic() + _TIMEOUT_S)
    with open_client(kafka) as client:
        before = find_differences(client, wanted, replication_factor)
        refuse_what_apply_cannot_mend(before)
        missing = {diff.topic for diff in before if diff.found is None}
        created = _create(client, [s for s in wanted if s.name in missing], replication_factor)
        names = [spec.name for spec in wanted]
        client.wait_for_topics(names, timeout_ms=int(_TOPICS_WITHIN_S * 1000))
        # Another process may have created some meanwhile, perhaps from older specs.
        drifted = find_differences(client, wanted, replication_factor) if missing else before
        refuse_what_apply_cannot_mend(drifted)
        _alter(client, drifted)
        _wait_until_altered(client, wanted if drifted else [])
    touched = {*created, *(diff.topic for diff in drifted)}
    return TopicReport(
        created=created,
        altered=tuple(drifted),
        unchanged=tuple(spec.name for spec in wanted if spec.name not in touched),
    )


def check(kafka: KafkaConnection, specs: Iterable[TopicSpec]) -> list[TopicDifference]:
    """Return all settings of topics that differ. Changes nothing. Blocks.

    Raises `SetupError` if no broker answers within 15 s.
    """
    wanted = [WantedTopic(spec.name, spec.partitions, spec.config) for spec in specs]
    _wait_for_answer(kafka, time.monotonic() + _TIMEOUT_S)
    with open_client(kafka) as client:
        return find_differences(client, wanted)


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


def _create(
    client: KafkaAdminClient, specs: Sequence[WantedTopic], replication_factor: int
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


def _wait_until_altered(client: KafkaAdminClient, wanted: Sequence[WantedTopic]) -> None:
    """Wait: the controller confirms a change before every broker shows it."""
    deadline = time.monotonic() + _TIMEOUT_S
    while wanted and (left := find_differences(client, wanted)):
        if time.monotonic() > deadline:
            raise SetupError(f"{left[0]}; Kafka accepted the change but does not show it")
        time.sleep(_LOOK_AGAIN_S)
