"""The content of a dead letter: the record, sealed, and why it can't be processed.

The reason is the kind of the error and where in the program it was raised, never the content of the
message.
"""

from pathlib import Path
from traceback import walk_tb
from typing import Final
from uuid import UUID

from pydantic_core import from_json

from inbound.errors import PoisonError, ScservError
from inbound.kafka.decoding import TopicRecord
from inbound.keys import HASH_BYTES
from inbound.reasons import in_words
from inbound.store.dead_letters.rows import RETRIED_HEADER, DeadLetter
from schemas.cloudevents import Headers, header

GATEWAY_FEED: Final = "gateway"
"""The feed of messages that a gateway could not publish."""

_ROOT = Path(__file__).parents[2]


def to_dead_letter(record: TopicRecord, error: Exception) -> DeadLetter:
    """Return a record as a dead letter."""
    return DeadLetter(
        topic=record.topic,
        partition=record.partition,
        kafka_offset=record.offset,
        reason=reason_of(error),
        payload=record.value,
        key=record.key,
        headers=tuple(record.headers),
        part=record.part,
        retried=_times_retried(record),
        number_hash=person_of(record),
    )


def refused_letter(
    topic: str, key: bytes, value: bytes, headers: Headers, error: BaseException, *, id_: UUID
) -> DeadLetter:
    """Return the dead letter of a message that a gateway can't publish.

    One `id_` is stored once.
    """
    reason = f"{in_words(error)} ({len(value)} bytes)"
    return DeadLetter(
        topic=topic,
        partition=0,
        kafka_offset=id_.int >> 65,  # an arbitrary number of 63 bits: it has no position
        feed=GATEWAY_FEED,
        reason=str(error) if isinstance(error, PoisonError) else reason,
        payload=value,
        key=key,
        headers=tuple(headers),
        number_hash=hash_in(key),
    )


def reason_of(error: Exception) -> str:
    """Return the kind of an error and where it was raised; for one of our own, its text."""
    if isinstance(error, ScservError):  # quotes no message: see inbound.errors
        return str(error)
    ours = ""
    for frame, line in walk_tb(error.__traceback__):
        path = Path(frame.f_code.co_filename)
        if path.is_relative_to(_ROOT) and "site-packages" not in path.parts:
            ours = f" in {path.relative_to(_ROOT)}:{line}, {frame.f_code.co_name}"
    return f"{type(error).__name__}{ours}"


def person_of(record: TopicRecord) -> bytes | None:
    """Return the keyed hash of the person a record is about, None if it does not tell."""
    return hash_in(record.key) or hash_in(_key_in_value(record.value))


def _key_in_value(value: bytes) -> bytes | None:
    """Return the key of the only result or receipt in a record."""
    try:
        content = from_json(value)
    except ValueError:
        return None
    if not isinstance(content, dict):
        return None
    many = content.get("results") or content.get("receipts")
    if not isinstance(many, list) or len(many) != 1 or not isinstance(many[0], dict):
        return None
    key = many[0].get("key")
    return key.encode("ascii", "replace") if isinstance(key, str) else None


def hash_in(key: bytes | None) -> bytes | None:
    """Return the keyed hash that a record's key holds in hex, None if it is something else."""
    try:
        found = bytes.fromhex((key or b"").decode("ascii"))
    except ValueError:
        return None
    return found if len(found) == HASH_BYTES else None


def _times_retried(record: TopicRecord) -> int:
    count = header(record.headers, RETRIED_HEADER) or ""
    return int(count) if count.isascii() and count.isdecimal() and len(count) < 6 else 0
