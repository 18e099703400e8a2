"""Reads from Kafka the events published since a backup, and the heads of their chains."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple
from uuid import UUID

from pydantic import ValidationError
from pydantic_core import from_json

from inbound.errors import SetupError
from inbound.eventlog.published_events import PublishedEvent, published_metadata, read_published
from inbound.kafka.topic_reader import TopicReader
from schemas.chain import chain_of
from schemas.messages import LogHead
from schemas.topics import PARTITIONS, TopicNames

# The time of a record is a broker's, the time of an event the database's.
CLOCKS_APART: Final = timedelta(minutes=5)

_FOREIGN: Final = "another program writes there"


class Published(NamedTuple):
    """An event of the topic with its metadata."""

    event: PublishedEvent
    metadata: bytes


class PublishedTail:
    """The topics as they are now. Everything here blocks on Kafka and raises SetupError."""

    def __init__(self, reader: TopicReader, names: TopicNames) -> None:
        self._reader = reader
        self.names = names

    def events(self, chain: int, since: datetime | None) -> Iterator[Published]:
        """Yield the events of one chain in their order, from a little before a time."""
        topic = self.names.events
        seen = 0
        for record in self._records(topic, chain, since):
            where = f"record {record.offset} of partition {chain} of {topic}"
            try:
                event = read_published(record)
            except ValueError as error:
                raise SetupError(
                    f"{where} is not an event: another program writes there"
                ) from error
            if event is None or event.position <= seen:  # an older form, or published twice
                continue
            if chain_of(event.stream_id) != chain:
                raise SetupError(f"{where} is in the wrong partition: {_FOREIGN}")
            metadata = published_metadata(record, event)
            if metadata is None:
                raise SetupError(f"{where}: its metadata can't be made again from its trace")
            seen = event.position
            yield Published(event, metadata)

    def heads(self, since: datetime | None) -> Iterator[LogHead]:
        """Yield the published heads from a little before a time."""
        topic = self.names.log_heads
        for record in self._records(topic, 0, since):
            try:
                yield LogHead.model_validate_json(record.value or b"")
            except ValidationError as error:
                where = f"record {record.offset} of {topic}"
                raise SetupError(f"{where} is not a head: {_FOREIGN}") from error

    def numbers(self, wanted: dict[UUID, UUID], since: datetime | None) -> dict[UUID, str]:
        """Return the number (E.164) of each person, by the texts that made their requests.

        `wanted` has the person of each request. Texts are kept for three days.
        """
        found: dict[UUID, str] = {}
        for partition in range(PARTITIONS) if wanted else ():
            for record in self._records(self.names.mo, partition, since):
                text: dict[str, Any] = from_json(record.value or b"{}")
                subject_id = wanted.get(UUID(text["mo_id"])) if "mo_id" in text else None
                if subject_id is not None and text.get("source"):
                    found[subject_id] = text["source"]
        return found

    def _records(self, topic: str, partition: int, since: datetime | None) -> Iterator[Any]:
        end = self._reader.ends(topic)[partition]
        start: int | None = self._reader.begin(topic, partition)
        if since is not None:
            start = self._reader.offset_at(topic, partition, since - CLOCKS_APART)
        if start is not None:
            yield from self._reader.read(topic, partition, start, end)
