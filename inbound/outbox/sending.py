"""Sends rows to Kafka, and tells which were stored, which were refused and which have to wait.

A row that Kafka can never accept (too large, or not a record at all) becomes a dead letter, and its
shard goes on. Any other error means that Kafka is unavailable or misconfigured: the shard waits.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple

from kafka.util import ensure_valid_topic_name

from inbound.deadletter.letters import hash_in
from inbound.errors import PoisonError
from inbound.kafka.producer import REFUSALS
from inbound.kafka.records import DeliveryPort, ProducerPort, ProducerRecord
from inbound.reasons import in_words
from inbound.store.dead_letters.rows import DeadLetter
from inbound.store.log.rows import RecordedEvent
from inbound.store.outbox.rows import OutboxRow

_check_topic = lru_cache(maxsize=64)(ensure_valid_topic_name)

FeedRow = OutboxRow | RecordedEvent


@dataclass(frozen=True, slots=True)
class NeverSent:
    """Stands for the delivery of a record that never reached the producer."""

    error: Exception


@dataclass(frozen=True, slots=True)
class SentRow:
    """A row handed to the producer: its records, and the delivery of each."""

    row: FeedRow
    records: Sequence[ProducerRecord]
    deliveries: Sequence[DeliveryPort]


class RefusedRecord(NamedTuple):
    """One record of a row, by its index in it, and why Kafka can never accept it."""

    sent: SentRow
    part: int
    error: Exception


@dataclass(slots=True)
class ShardResult:
    """The result of sending rows of one shard in order.

    `done` is the position of the last row that needs nothing more. `refused` can never be
    published. `failure` is the error of the first of `rest`: these rows have to be sent again.
    """

    done: int | None = None
    refused: list[RefusedRecord] = field(default_factory=list)
    failure: Exception | None = None
    rest: list[FeedRow] = field(default_factory=list)


def send(
    producer: ProducerPort, row: FeedRow, records_of: Callable[[FeedRow], Iterable[ProducerRecord]]
) -> SentRow:
    """Queue the records of a row. Raises only an error that stops the shard."""
    try:
        records = list(records_of(row))
        for record in records:
            _check_topic(record["topic"])
    except (ValueError, TypeError, AttributeError, LookupError) as error:
        reason = PoisonError(f"the row makes no record ({type(error).__name__})")
        return SentRow(row, [_raw(row)], [NeverSent(reason)])
    return SentRow(row, records, [_queue(producer, record) for record in records])


def result_of(sent: Sequence[SentRow]) -> ShardResult:
    """Return the result of these rows, after the flush."""
    result = ShardResult()
    for place, each in enumerate(sent):
        refused = []
        for index, delivery in enumerate(each.deliveries):
            if delivery.error is None:
                continue
            if isinstance(delivery, NeverSent):
                refused.append(RefusedRecord(each, index, delivery.error))
            else:
                result.failure = delivery.error
                result.rest = [later.row for later in sent[place:]]
                return result
        result.refused += refused
        result.done = each.row.position
    return result


def result_alone(sent: SentRow) -> ShardResult:
    """Return the result of a row that Kafka refused while nothing else was in flight."""
    refused = [
        RefusedRecord(sent, index, delivery.error)
        for index, delivery in enumerate(sent.deliveries)
        if delivery.error is not None
    ]
    return ShardResult(done=sent.row.position, refused=refused)


def to_dead_letter(feed: str, shard: int, refused: RefusedRecord) -> DeadLetter:
    """Return a refused record as a dead letter."""
    sent, part, error = refused
    record = sent.records[part]
    value = record["value"] or b""
    reason = f"{in_words(error)} ({len(value)} bytes)"
    return DeadLetter(
        topic=record["topic"],
        partition=shard,
        kafka_offset=sent.row.position,
        part=part,
        feed=feed,
        reason=str(error) if isinstance(error, PoisonError) else reason,
        payload=value,
        key=record["key"],
        headers=tuple(record.get("headers", ())),
        number_hash=hash_in(record["key"]) if isinstance(sent.row, OutboxRow) else None,
    )


def _queue(producer: ProducerPort, record: ProducerRecord) -> DeliveryPort:
    try:
        return producer.send(**record)
    except REFUSALS as error:
        return NeverSent(error)


def _raw(row: FeedRow) -> ProducerRecord:
    """Return the content of a row that makes no record."""
    if isinstance(row, OutboxRow):
        key = row.key.encode() if row.key is not None else None
        return {"topic": row.topic, "value": row.value, "key": key}
    return {"topic": "", "value": row.data, "key": str(row.stream_id).encode()}
