"""How the broker's topics differ from `schemas.topics`, and which differences `apply` can't fix."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from kafka.admin import ConfigResource
from kafka.errors import UnknownTopicOrPartitionError

from inbound.errors import SetupError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from kafka.admin import KafkaAdminClient

    from schemas.topics import TopicSpec

PARTITIONS: Final = "partitions"
"""The setting of a `TopicDifference` that is about the number of partitions."""

REPLICAS: Final = "replicas"
"""The setting of a `TopicDifference` that is about the copies of its least copied partition."""

IN_SYNC: Final = "min.insync.replicas"

OFFSETS: Final = "__consumer_offsets"
"""Kafka's own topic with the offsets of groups; without it workers would begin anew."""

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
class WantedTopic:
    """A topic as it should be."""

    name: str
    partitions: int
    config: Mapping[str, str]


def with_durability(specs: Iterable[TopicSpec], replication_factor: int) -> list[WantedTopic]:
    """Add the `min.insync.replicas` that belongs to a replication factor."""
    in_sync = {IN_SYNC: "2" if replication_factor >= 3 else "1"}
    return [WantedTopic(spec.name, spec.partitions, {**spec.config, **in_sync}) for spec in specs]


def find_differences(
    client: KafkaAdminClient, wanted: Sequence[WantedTopic], replication_factor: int = 1
) -> list[TopicDifference]:
    """Compare topics with the broker's; more replicas than wanted are no difference. Blocks.

    Kafka's own topic of offsets is compared too, if it has too few replicas.
    """
    topics = client.describe_topics([*(spec.name for spec in wanted), OFFSETS])
    found = {topic["name"]: topic for topic in topics if topic["error_code"] != _ABSENT}
    configs = _configs(client, [spec for spec in wanted if spec.name in found])
    differences: list[TopicDifference] = []
    for spec in wanted:
        if spec.name not in found:
            differences.append(TopicDifference(spec.name, "topic", None, "present"))
            continue
        copies = _least_copies(found[spec.name], default=0)
        settings = {
            PARTITIONS: (str(len(found[spec.name]["partitions"])), str(spec.partitions)),
            REPLICAS: (str(copies), str(max(copies, replication_factor))),
            **{key: (configs[spec.name][key], value) for key, value in spec.config.items()},
        }
        differences += [
            TopicDifference(spec.name, setting, is_now, should_be)
            for setting, (is_now, should_be) in settings.items()
            if is_now != should_be
        ]
    # It appears with the first group, and not every user of Kafka may see it.
    copies = _least_copies(found.get(OFFSETS, {}), default=replication_factor)
    if copies < replication_factor:
        differences.append(TopicDifference(OFFSETS, REPLICAS, str(copies), str(replication_factor)))
    return differences


def _least_copies(topic: Mapping[str, Any], default: int) -> int:
    partitions = topic.get("partitions", ())
    return min((len(one["replica_nodes"]) for one in partitions), default=default)


def _configs(client: KafkaAdminClient, specs: Sequence[WantedTopic]) -> dict[str, dict[str, str]]:
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


def refuse_what_apply_cannot_mend(differences: Iterable[TopicDifference]) -> None:
    """Raise `SetupError` for a difference that only a person, or `--reassign`, can fix."""
    for diff in differences:
        if diff.setting == PARTITIONS:
            raise SetupError(
                f"{diff}; partitions are never changed in place, because keys would move:"
                f" {other_partitions(diff)}"
            )
        if diff.setting == REPLICAS:
            raise SetupError(
                f"{diff}; `scserv topics apply --reassign` copies its partitions to more brokers."
                " Nothing was changed"
            )
        if diff.setting == IN_SYNC and int(diff.found or 0) > int(diff.wanted):
            raise SetupError(
                f"{diff}; that would keep acknowledged messages on fewer machines: set"
                " SCSERV_KAFKA_REPLICATION_FACTOR to the replicas that the topics have."
                " Nothing was changed"
            )


def other_partitions(diff: TopicDifference) -> str:
    """Say what to do about another number of partitions."""
    return (
        f"set SCSERV_KAFKA_PARTITIONS={diff.found} everywhere if all topics have so many;"
        " docs/SCALING.md says how to change the number"
    )
