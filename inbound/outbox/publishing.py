"""Publishes the rows of several shards with one wait for Kafka, and moves their cursors.

A cursor moves over rows that Kafka has acknowledged and dead letters, and over nothing else.

When a broker refuses a record, the producer stops for good and fails every record in flight, or
others of the same person would overtake it. So the rows are sent again by a new producer and
bisected, until a refused row is alone.
"""

import logging
from collections.abc import Callable, Iterable, Sequence

import psycopg

from inbound.deadletter.isolation import Bisection
from inbound.errors import RetryableError
from inbound.kafka.producer import REFUSALS, RenewableProducer
from inbound.kafka.records import ProducerRecord
from inbound.ops import metrics
from inbound.outbox.sending import (
    FeedRow,
    SentRow,
    ShardResult,
    result_alone,
    result_of,
    send,
    to_dead_letter,
)
from inbound.store.dead_letters.rows import DeadLetter
from inbound.store.outbox import feeds
from inbound.store.outbox.feeds import Shard

log = logging.getLogger(__name__)


class Publisher:
    """Publishes batches. After an error the caller decides whether to renew the producer.

    `set_aside` stores what can never be published, or raises RetryableError.
    """

    def __init__(
        self,
        producer: RenewableProducer,
        records_of: Callable[[FeedRow], Iterable[ProducerRecord]],
        set_aside: Callable[[psycopg.Connection, Sequence[DeadLetter]], None],
    ) -> None:
        self._producer = producer
        self._records_of = records_of
        self._set_aside = set_aside

    def publish(
        self, connection: psycopg.Connection, batches: Sequence[tuple[Shard, Sequence[FeedRow]]]
    ) -> None:
        """Publish the rows of each shard in order and move the cursors. Blocks on Kafka.

        Raises the first error that stopped a shard, once every cursor stands at the last row
        before such an error.
        """
        failures: list[Exception] = []
        refused: list[tuple[Shard, Sequence[FeedRow]]] = []
        moves: dict[Shard, int] = {}
        sent = [(shard, self._queue(rows)) for shard, rows in batches]
        self._producer.flush()
        for shard, batch in sent:
            result = result_of(batch)
            failure = self._settle(connection, shard, result, moves)
            if isinstance(failure, REFUSALS):
                refused.append((shard, result.rest))
            elif failure is not None:
                failures.append(failure)
        if moves:
            feeds.advance_cursors(connection, moves)
        for shard, rows in refused:
            failure = self._isolate(connection, shard, rows)
            if failure is not None:
                failures.append(failure)
        if failures:
            raise failures[0]

    def _queue(self, rows: Sequence[FeedRow]) -> list[SentRow]:
        return [send(self._producer, row, self._records_of) for row in rows]

    def _isolate(
        self, connection: psycopg.Connection, shard: Shard, rows: Sequence[FeedRow]
    ) -> Exception | None:
        """Find the rows of a shard that Kafka refuses and set them aside; publish the others."""
        bisection = Bisection(rows)
        for group in bisection:
            self._producer.close(0)
            sent = self._queue(group)
            self._producer.flush()
            result = result_of(sent)
            if isinstance(result.failure, REFUSALS) and len(group) == 1:
                result = result_alone(sent[0])
            moves: dict[Shard, int] = {}
            failure = self._settle(connection, shard, result, moves)
            if moves:
                feeds.advance_cursors(connection, moves)
            if isinstance(failure, REFUSALS):
                bisection.try_halves(result.rest)
            elif failure is not None:
                return failure
        return None

    def _settle(
        self,
        connection: psycopg.Connection,
        shard: Shard,
        result: ShardResult,
        moves: dict[Shard, int],
    ) -> Exception | None:
        """Set refused records aside, note how far the cursor moves, and return what stops it."""
        done, failure = result.done, result.failure
        if result.refused:
            letters = [to_dead_letter(shard.feed, shard.number, one) for one in result.refused]
            try:
                self._set_aside(connection, letters)
            except RetryableError as error:
                # No room, for instance. The shard waits at the first of them.
                done, failure = min(one.kafka_offset for one in letters) - 1, error
            else:
                _log(letters)
        if done is not None:
            moves[shard] = done
        return failure


def _log(letters: Sequence[DeadLetter]) -> None:
    for one in letters:
        metrics.DEAD_LETTERS.add(1, {"topic": one.topic})
    first = letters[0]
    more = f", and {len(letters) - 1} more" if len(letters) > 1 else ""
    log.error(
        "%s row %d is set aside, not published to %s: %s%s",
        *(first.feed, first.kafka_offset, first.topic, first.reason, more),
    )
