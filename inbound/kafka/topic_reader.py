"""Reads a range of a topic for commands, without a consumer group or commits.

Synchronous (kafka-python): not for an event loop.
"""

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Any, Final

from kafka import KafkaConsumer, TopicPartition
from kafka.errors import KafkaError

from inbound.errors import SetupError
from inbound.kafka.admin import RECONNECT, wait_for_broker
from inbound.kafka.connection import KafkaConnection
from inbound.reasons import in_words

SILENCE_S: Final = 30
_POLL_MS: Final = 1_000


class TopicReader:
    """Reads ranges of offsets of partitions."""

    def __init__(self, consumer: KafkaConsumer) -> None:
        """Use `open_reader`."""
        self._consumer = consumer

    def ends(self, topic: str) -> Mapping[int, int]:
        """Return the end offset of each partition. Blocks. Raises `SetupError` if it is missing."""
        partitions = self._consumer.partitions_for_topic(topic)
        if not partitions:
            raise SetupError(f"topic {topic} is missing: run `scserv topics apply`")
        found = self._consumer.end_offsets([TopicPartition(topic, n) for n in partitions])
        return {partition.partition: offset for partition, offset in found.items()}

    def begin(self, topic: str, partition: int) -> int:
        """Return the offset of the oldest record."""
        place = TopicPartition(topic, partition)
        offset: int = self._consumer.beginning_offsets([place])[place]
        return offset

    def offset_at(self, topic: str, partition: int, moment: datetime) -> int | None:
        """Return the offset of the first record published at or after a moment, if any."""
        place = TopicPartition(topic, partition)
        found = self._consumer.offsets_for_times({place: int(moment.timestamp() * 1000)})[place]
        return None if found is None else int(found.offset)

    def read(self, topic: str, partition: int, start: int, end: int) -> Iterator[Any]:
        """Yield kafka-python's records from offset `start` to before `end`.

        Blocks while it waits. Raises `SetupError` after `SILENCE_S` without a record.
        """
        place = TopicPartition(topic, partition)
        self._consumer.assign([place])
        self._consumer.seek(place, start)
        polls = 0
        while self._consumer.position(place) < end:
            records: Collection[Any] = self._consumer.poll(_POLL_MS).get(place, ())
            polls = 0 if records else polls + 1
            if polls * _POLL_MS > SILENCE_S * 1000:
                raise SetupError(f"Kafka has not answered about {topic} for {SILENCE_S} s")
            for record in records:
                if record.offset >= end:
                    return
                yield record

    def newest(self, topics: Collection[str], count: int) -> Iterator[Any]:
        """Yield the last `count` records of each partition, and later ones that arrive meanwhile.

        A topic that is missing has none. Blocks, and raises, as `read` does.
        """
        places = [
            TopicPartition(topic, n)
            for topic in topics
            for n in self._consumer.partitions_for_topic(topic) or ()
        ]
        begins, ends = self._consumer.beginning_offsets(places), self._consumer.end_offsets(places)
        left = {place for place in places if begins[place] < ends[place]}
        self._consumer.assign(list(left))
        for place in left:
            self._consumer.seek(place, max(begins[place], ends[place] - count))
        polls = 0
        while left:
            found = self._consumer.poll(_POLL_MS)
            polls = 0 if found else polls + 1
            if polls * _POLL_MS > SILENCE_S * 1000:
                raise SetupError(f"Kafka has not answered for {SILENCE_S} s")
            for records in found.values():
                yield from records
            left = {place for place in left if self._consumer.position(place) < ends[place]}


@contextmanager
def open_reader(kafka: KafkaConnection, *, waits: bool = True) -> Iterator[TopicReader]:
    """Connect for the duration of the block. Raises `SetupError` if Kafka can't be used.

    Unless it `waits` for a broker one has to answer now, as it just did.
    """
    if waits:
        wait_for_broker(kafka)
    try:
        consumer = KafkaConsumer(
            **kafka.client_arguments(),
            client_id="scserv-reader",
            group_id=None,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            metrics_enabled=False,
            **RECONNECT,
        )
        try:
            yield TopicReader(consumer)
        finally:
            consumer.close(autocommit=False)
    except KafkaError as error:
        raise SetupError(f"Kafka at {kafka} failed: {in_words(error)}") from error
