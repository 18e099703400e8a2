"""Rows on their way to Kafka, and what becomes of them: done, stopped, or never to be sent.

A row that can never be sent (too large, or no record at all) is set aside like a message that
can't be processed, and its shard goes on. Whatever says that Kafka is away, or not as it has
to be, is no poison: the shard waits for it.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from kafka.util import ensure_valid_topic_name

from inbound.errors import PoisonError
from inbound.kafka.producer import REFUSALS, delivery_error
from inbound.kafka.records import Producer, ProducerRecord
from inbound.store.dead_letters import DeadLetter
from inbound.store.log.rows import RecordedEvent
from inbound.store.outbox.rows import OutboxRow

_check_topic = lru_cache(maxsize=64)(ensure_valid_topic_name)

Row = OutboxRow | RecordedEvent


@dataclass(frozen=True, slots=True)
class NotSent:
    """What stands in the place of a future when a record never reached the producer."""

    exception: Exception


@dataclass(frozen=True, slots=True)
class Sending:
    """A row on its way: its records and what becomes of each."""

    row: Row
    records: Sequence[ProducerRecord]
    futures: Sequence[Any]


Poison = tuple[Sending, int, Exception]
"""A row, which of its records, and why it can't be sent."""


@dataclass(slots=True)
class Fate:
    """What became of the rows of one shard, in order.

    `poison` could never be sent. `failure` is what Kafka said to the first of `rest`: it and
    all behind it have to go again.
    """

    done: int | None = None
    poison: list[Poison] = field(default_factory=list)
    failure: Exception | None = None
    rest: list[Row] = field(default_factory=list)


def send(
    producer: Producer, row: Row, records_of: Callable[[Row], Iterable[ProducerRecord]]
) -> Sending:
    """Queue the records of a row. Raises only what stops the shard: Kafka takes none now."""
    try:
        records = list(records_of(row))
        for record in records:
            _check_topic(record["topic"])
    except (ValueError, TypeError, AttributeError) as error:
        kind = type(error).__name__
        return Sending(
            row, [_raw(row)], [NotSent(PoisonError(f"the row makes no record ({kind})"))]
        )
    return Sending(row, records, [_queue(producer, record) for record in records])


def fate_of(sent: Sequence[Sending]) -> Fate:
    """Return how far these came; ask after the flush. Blocks only where that left something."""
    fate = Fate()
    for place, sending in enumerate(sent):
        for index, future in enumerate(sending.futures):
            if isinstance(future, NotSent):
                fate.poison.append((sending, index, future.exception))
            elif (error := delivery_error(future)) is not None:
                fate.failure = error
                fate.rest = [later.row for later in sent[place:]]
                fate.poison = [one for one in fate.poison if one[0] is not sending]
                return fate
        fate.done = sending.row.position
    return fate


def to_dead_letter(feed: str, shard: int, poison: Poison) -> DeadLetter:
    """Return one record of a row as a dead letter."""
    sending, index, error = poison
    record = sending.records[index]
    value = record["value"] or b""
    reason = f"Kafka refuses it ({type(error).__name__}, {len(value)} bytes)"
    return DeadLetter(
        topic=record["topic"],
        partition=shard,
        kafka_offset=sending.row.position,
        part=index,
        feed=feed,
        reason=str(error) if isinstance(error, PoisonError) else reason,
        payload=value,
        key=record["key"],
        headers=tuple(record.get("headers", ())),
        number_hash=_hash_in(sending.row),
    )


def _queue(producer: Producer, record: ProducerRecord) -> Any:  # noqa: ANN401 — no types
    try:
        return producer.send(**record)
    except REFUSALS as error:
        return NotSent(error)


def _raw(row: Row) -> ProducerRecord:
    """Return what can be kept of a row from which no record can be made."""
    if isinstance(row, OutboxRow):
        key = row.key.encode() if row.key is not None else None
        return {"topic": row.topic, "value": row.value, "key": key}
    return {"topic": "", "value": row.data, "key": str(row.stream_id).encode()}


def _hash_in(row: Row) -> bytes | None:
    if not isinstance(row, OutboxRow) or row.key is None:
        return None
    try:
        return bytes.fromhex(row.key)
    except ValueError:
        return None
