"""Publishes dead letters again, and waits until they are processed.

A row is deleted once Kafka has acknowledged its message, in a transaction of its own: a process
killed in between leaves the row, and the next retry publishes the message again under the same ids,
by which its consumer recognises it.

Synchronous, for the command line.
"""

import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import psycopg
from kafka import TopicPartition
from kafka.admin import KafkaAdminClient
from kafka.errors import KafkaError

from inbound.deadletter.isolation import Bisection
from inbound.kafka.admin import RECONNECT
from inbound.kafka.connection import KafkaConnection
from inbound.kafka.producer import REFUSALS, Delivery, Producer
from inbound.plurals import counted
from inbound.reasons import in_words
from inbound.store.access import audit
from inbound.store.dead_letters import dead_letters
from inbound.store.dead_letters.rows import (
    KAFKA_FEED,
    RETRIED_HEADER,
    Packed,
    Selection,
    StoredDeadLetter,
)
from inbound.store.sealing import Sealer

PIECE_ROWS: Final = 500
PIECE_BYTES: Final = 4_000_000
CHECK_EVERY_S: Final = 0.3

_Opened = tuple[StoredDeadLetter, Packed]


@dataclass(slots=True)
class RetryResult:
    """The result of a retry. `offsets` are those of the messages it published."""

    published: int = 0
    refused: list[tuple[StoredDeadLetter, str]] = field(default_factory=list)
    offsets: defaultdict[TopicPartition, set[int]] = field(default_factory=lambda: defaultdict(set))


class DeadLetterRetry:
    """Publishes the selected dead letters; the audit names `actor`."""

    def __init__(
        self, conn: psycopg.Connection, kafka: KafkaConnection, sealer: Sealer, actor: str
    ) -> None:
        self._conn = conn
        self._kafka = kafka
        self._sealer = sealer
        self._actor = actor
        self._producer: Producer | None = None

    def run(self, selection: Selection, upto: int, progress: Callable[[int], None]) -> RetryResult:
        """Publish the chosen messages up to an id, in order; `progress` gets how many are done.

        Blocks on Kafka and database. A message that Kafka refuses stays a dead letter. Safe to
        repeat.
        """
        result = RetryResult()
        try:
            for rows in self._pieces(selection, upto):
                messages = list(dead_letters.opened(self._conn, self._sealer, rows))
                self._publish_all(messages, result)
                progress(result.published)
        finally:
            self._end()
        return result

    def _pieces(self, selection: Selection, upto: int) -> Iterator[list[StoredDeadLetter]]:
        after = 0
        while rows := dead_letters.find(
            self._conn, selection, limit=PIECE_ROWS, after=after, upto=upto
        ):
            size = 0
            piece: list[StoredDeadLetter] = []
            for row in rows:
                if piece and size + row.size > PIECE_BYTES:
                    break
                piece.append(row)
                size += row.size
            yield piece
            after = piece[-1].id

    def _publish_all(self, messages: Sequence[_Opened], result: RetryResult) -> None:
        bisection = Bisection(messages)
        for group in bisection:
            failed = self._publish(group, result)
            # When Kafka refuses a record, the others in flight fail too.
            if len(group) > 1 and any(isinstance(error, REFUSALS) for _, error in failed):
                bisection.try_halves([message for message, _ in failed])
            else:
                result.refused += [(row, in_words(error)) for (row, _), error in failed]

    def _publish(
        self, messages: Sequence[_Opened], result: RetryResult
    ) -> list[tuple[_Opened, Exception]]:
        """Publish these and delete the rows of the stored ones; return the others and why."""
        sent = [(message, self._send(*message)) for message in messages]
        if self._producer is not None:
            try:
                self._producer.flush()
            except KafkaError:  # closing the producer fails what is still queued
                self._end()
        failed: list[tuple[_Opened, Exception]] = []
        stored = []
        for message, delivery in sent:
            if delivery.error is not None:
                failed.append((message, delivery.error))
                continue
            row = message[0]
            result.offsets[TopicPartition(row.topic, delivery.partition)].add(delivery.offset)
            stored.append(row.id)
        if failed:
            self._end()  # it may have given up for good
        if stored:
            self._remove(stored)
            result.published += len(stored)
        return failed

    def _remove(self, ids: Sequence[int]) -> None:
        with self._conn.transaction():
            dead_letters.remove(self._conn, ids)
            audit.record(
                self._conn,
                actor=self._actor,
                action="deadletters.retry",
                reason=f"{counted(len(ids), 'dead letter')} published again",
            )

    def _send(self, row: StoredDeadLetter, message: Packed) -> Delivery:
        headers = [one for one in message.headers if one[0] != RETRIED_HEADER]
        partition = None
        if row.feed == KAFKA_FEED:
            headers.append((RETRIED_HEADER, str(row.retried + 1).encode()))
            partition = row.partition
        try:
            if self._producer is None:
                self._producer = Producer(self._kafka)
            return self._producer.send(
                row.topic,
                value=message.value,
                key=message.key,
                headers=headers,
                partition=partition,
            )
        except (KafkaError, ValueError, TypeError) as error:
            return Delivery(error)

    def _end(self) -> None:
        if self._producer is not None:
            self._producer.close()
            self._producer = None


def wait_until_processed(
    kafka: KafkaConnection,
    groups: Mapping[str, str],
    offsets: Mapping[TopicPartition, set[int]],
    within_s: float,
) -> bool:
    """Wait until the consumer groups are past these offsets; return False when the time is up.

    `groups` names the group of each topic that has one of ours. Blocks up to `within_s`.
    """
    wanted: defaultdict[str, dict[TopicPartition, int]] = defaultdict(dict)
    for partition, found in offsets.items():
        if partition.topic in groups:
            wanted[groups[partition.topic]][partition] = max(found) + 1
    if not wanted:
        return True
    deadline = time.monotonic() + within_s
    client = KafkaAdminClient(**kafka.client_arguments(), **RECONNECT)
    try:
        while not _are_past(client, wanted):
            if time.monotonic() > deadline:
                return False
            time.sleep(CHECK_EVERY_S)
    finally:
        client.close()
    return True


def _are_past(client: KafkaAdminClient, wanted: Mapping[str, Mapping[TopicPartition, int]]) -> bool:
    found = client.list_group_offsets({group: list(ends) for group, ends in wanted.items()})
    return all(
        found[group][partition].offset >= end
        for group, ends in wanted.items()
        for partition, end in ends.items()
    )


def set_aside_again(
    conn: psycopg.Connection, offsets: Mapping[TopicPartition, set[int]], after: int
) -> Iterator[StoredDeadLetter]:
    """Yield the messages of a retry that were set aside once more, with ids after `after`."""
    while rows := dead_letters.find(conn, Selection(), limit=PIECE_ROWS, after=after):
        for row in rows:
            partition = TopicPartition(row.topic, row.partition)
            if row.feed == KAFKA_FEED and row.kafka_offset in offsets.get(partition, ()):
                yield row
        after = rows[-1].id
