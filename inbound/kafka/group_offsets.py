"""Lets a consumer group read records again: moves its committed offsets back, never forward.

Synchronous (kafka-python): for commands, not for an event loop.
"""

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from kafka import TopicPartition
from kafka.admin import KafkaAdminClient
from kafka.errors import NoError

from inbound.errors import SetupError
from inbound.kafka.admin import open_client
from inbound.kafka.connection import KafkaConnection
from inbound.kafka.topic_reader import TopicReader
from inbound.reasons import in_words

_WITHOUT_MEMBERS: Final = {"Empty", "Dead"}
_SESSIONS_S: Final = 20.0
"""Longer than the session time-out of a killed worker."""

_LOOK_AGAIN_S: Final = 0.3


@dataclass(frozen=True, slots=True)
class Moved:
    """One partition's offset was moved back from `before` to `now`."""

    topic: str
    partition: int
    before: int
    now: int


def rewind(
    kafka: KafkaConnection, reader: TopicReader, group: str, since: Mapping[str, datetime]
) -> list[Moved]:
    """Move the group back to the records of each topic from a time on; return what was moved.

    Blocks. Raises SetupError if the group keeps having members, or Kafka can't be used.
    """
    with open_client(kafka) as client:
        _wait_until_empty(client, group)
        committed = client.list_group_offsets({group: None})[group]
        moved = dict(_moves(reader, committed, since))
        if moved:
            for place, done in client.reset_group_offsets(group, dict(moved)).items():
                if done["error"] is not NoError:
                    raise SetupError(
                        f"Kafka does not move the group {group} in {place.topic}: "
                        f"{in_words(done['error']())}"
                    )
    return [
        Moved(place.topic, place.partition, committed[place].offset, offset)
        for place, offset in moved.items()
    ]


def _wait_until_empty(client: KafkaAdminClient, group: str) -> None:
    """Wait until the members that were killed have lost their sessions."""
    deadline = time.monotonic() + _SESSIONS_S
    while (state := client.describe_groups([group])[group]["group_state"]) not in _WITHOUT_MEMBERS:
        if time.monotonic() > deadline:
            raise SetupError(
                f"the group {group} has members ({state}): stop every worker and run this again"
            )
        time.sleep(_LOOK_AGAIN_S)


def _moves(
    reader: TopicReader, committed: Mapping[TopicPartition, object], since: Mapping[str, datetime]
) -> Iterator[tuple[TopicPartition, int]]:
    for place, found in committed.items():
        if place.topic not in since:
            continue
        offset = reader.offset_at(place.topic, place.partition, since[place.topic])
        if offset is not None and offset < found.offset:  # type: ignore[attr-defined]
            yield place, offset
