"""Checks and creates the topic of a replay.

A replay never writes to a topic of the service, because its readers would treat the events as
new. Topics have prefixes, so endings are compared.
"""

import re
from dataclasses import dataclass, fields, replace
from typing import Final

from inbound.errors import SetupError
from inbound.kafka import admin
from inbound.kafka.connection import KafkaConnection
from inbound.kafka.topic_differences import PARTITIONS
from schemas.topics import EVENTS, TOPICS, TopicNames, TopicSpec

# Valid names (org.apache.kafka.common.internals.Topic).
_NAME: Final = re.compile(r"[A-Za-z0-9._-]{1,249}")
_CLEANUP: Final = "cleanup.policy"


def check_name(topic: str) -> None:
    """Raise `SetupError` for a name that a replay must not use."""
    if not _NAME.fullmatch(topic) or topic in {".", ".."}:
        raise SetupError(f"--to-topic {topic}: use at most 249 letters, digits, '.', '_' and '-'")
    for field in fields(TopicNames):
        if topic.endswith(str(field.default)):
            raise SetupError(
                f"--to-topic {topic}: {field.default} is a live topic, whose readers would treat "
                f"the events as new; choose another ending, like {topic}.replay"
            )
    if topic.startswith("__"):
        raise SetupError(f"--to-topic {topic}: names with __ are reserved for Kafka")


@dataclass(frozen=True, slots=True)
class PreparedTopic:
    """Whether the topic was created, and its number of partitions if the live topic has another."""

    created: bool = False
    other_partitions: str | None = None


def prepare(
    kafka: KafkaConnection, topic: str, replication_factor: int, *, create: bool
) -> PreparedTopic:
    """Check that the topic exists, or create it.

    Blocks a few seconds. A new topic has the configuration of `sms.events.v1`. Raises
    `SetupError` when the topic is missing and `create` is false, and when it is compacted:
    it would lose all events but the last of each subject.
    """
    spec = _like_events(topic)
    kept = replace(spec, config={_CLEANUP: spec.config[_CLEANUP]})
    differences = admin.check(kafka, [kept])
    if any(difference.found is None for difference in differences):
        if not create:
            raise SetupError(
                f"--to-topic {topic}: the topic does not exist; create it, or use --create"
            )
        admin.apply(kafka, [spec], replication_factor)
        return PreparedTopic(created=True)
    other_partitions = None
    for difference in differences:
        if difference.setting == _CLEANUP:
            raise SetupError(
                f"--to-topic {topic}: its {_CLEANUP} is {difference.found}, which keeps only the "
                "last event of each subject; set it to delete"
            )
        if difference.setting == PARTITIONS:
            other_partitions = difference.found
    return PreparedTopic(other_partitions=other_partitions)


def _like_events(topic: str) -> TopicSpec:
    live = next(spec for spec in TOPICS if spec.name == EVENTS)
    return replace(live, name=topic, what="a replay")
