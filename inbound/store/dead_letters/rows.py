"""Dead letters as they are set aside, sealed and listed."""

from base64 import urlsafe_b64decode
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, NamedTuple

from pydantic_core import from_json, to_json

KAFKA_FEED: Final = "kafka"

RETRIED_HEADER: Final = "scserv-retried"
"""The Kafka header that says how often a message was set aside and published again."""

_FORM: Final = 1


class DeadLetterSource(NamedTuple):
    """Where a dead letter was read: its identity."""

    topic: str
    partition: int
    kafka_offset: int
    part: int = 0
    feed: str = KAFKA_FEED

    @property
    def sealing_context(self) -> bytes:
        """Return the context in which the dead letter is sealed."""
        # The first word and the short form are those of the first release: its rows still open.
        feed = "" if self.feed == KAFKA_FEED else f"{self.feed}:"
        part = f"/{self.part}" if self.part else ""
        return f"parked:{feed}{self.topic}/{self.partition}/{self.kafka_offset}{part}".encode()


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A message that can't be processed, with everything that is needed to publish it again.

    `feed` is where it was read: from Kafka, or by the relay; then `partition` is the shard,
    `kafka_offset` the position, and `topic` where it should have gone. `part` tells apart
    what one record held. `number_hash` is whose it is, as far as known. The reason must not
    quote the message.
    """

    topic: str
    partition: int
    kafka_offset: int
    reason: str
    payload: bytes = field(repr=False)
    key: bytes | None = field(default=None, repr=False)
    headers: tuple[tuple[str, bytes], ...] = field(default=(), repr=False)
    part: int = 0
    feed: str = KAFKA_FEED
    retried: int = 0
    number_hash: bytes | None = None

    @property
    def place(self) -> DeadLetterSource:
        """Return where it was read."""
        return DeadLetterSource(self.topic, self.partition, self.kafka_offset, self.part, self.feed)


class DeadLetterUsage(NamedTuple):
    """The dead letters stored; `bytes` counts them sealed."""

    rows: int
    bytes: int


class Packed(NamedTuple):
    """The content of a message in Kafka; a missing value is an empty one."""

    key: bytes | None
    headers: tuple[tuple[str, bytes], ...]
    value: bytes


def pack(message: Packed) -> bytes:
    """Return a message as one value to seal: key and headers on a line of JSON, then its bytes."""
    about = {"form": _FORM, "key": message.key, "headers": message.headers}
    return to_json(about, bytes_mode="base64") + b"\n" + message.value


def unpack(packed: bytes) -> Packed:
    """Return what `pack` was given, also of the first form, which kept the key as text."""
    line, _, value = packed.partition(b"\n")
    about: dict[str, Any] = from_json(line)
    key = about["key"]
    if "form" not in about:
        key = key.encode("ascii", "replace")
    elif key is not None:
        key = urlsafe_b64decode(key)
    headers = tuple((name, urlsafe_b64decode(coded)) for name, coded in about["headers"])
    return Packed(key, headers, value)


@dataclass(frozen=True, slots=True)
class StoredDeadLetter:
    """A dead letter as it is listed: everything but its content."""

    id: int
    topic: str
    partition: int
    kafka_offset: int
    part: int
    feed: str
    reason: str
    retried: int
    number_hash: bytes | None
    stored_at: datetime
    size: int

    @property
    def place(self) -> DeadLetterSource:
        """Return where it was read."""
        return DeadLetterSource(self.topic, self.partition, self.kafka_offset, self.part, self.feed)


@dataclass(frozen=True, slots=True)
class Selection:
    """Selects the dead letters that match all given criteria."""

    ids: tuple[int, ...] | None = None
    topic: str | None = None
    reason: str | None = None

    def parameters(self) -> dict[str, Any]:
        """Return the parameters of the statements that select."""
        ids = None if self.ids is None else list(self.ids)
        return {"ids": ids, "topic": self.topic, "reason": self.reason}
