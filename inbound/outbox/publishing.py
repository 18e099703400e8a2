"""Publishing the rows of several shards with one wait for Kafka, and keeping their cursors.

A cursor moves over rows that Kafka has acknowledged and dead letters, and over nothing else.

The client gives up for good when a broker refuses a record, and blames everything that was
on its way with it. So what was refused goes again with a new producer, by halves, until a
row is alone: that one is to blame.
"""

import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import psycopg

from inbound.deadletter.isolation import Bisection
from inbound.errors import RetryableError
from inbound.kafka.producer import REFUSALS, RenewableProducer, delivery_error
from inbound.kafka.records import ProducerRecord
from inbound.ops import metrics
from inbound.outbox.poison import Fate, NotSent, Row, Sending, fate_of, send, to_dead_letter
from inbound.store.dead_letters import DeadLetter
from inbound.store.outbox import feeds

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Shard:
    """One cursor: a feed, and which part of it."""

    feed: str
    number: int


class Publisher:
    """Publishes batches. The caller parts with the producer after what it raises.

    `set_aside` stores what can never be published, or raises RetryableError.
    """

    def __init__(
        self,
        producer: RenewableProducer,
        records_of: Callable[[Row], Iterable[ProducerRecord]],
        set_aside: Callable[[psycopg.Connection, Sequence[DeadLetter]], None],
    ) -> None:
        self._producer = producer
        self._records_of = records_of
        self._set_aside = set_aside

    def publish(
        self, connection: psycopg.Connection, batches: Sequence[tuple[Shard, Sequence[Row]]]
    ) -> None:
        """Publish the rows of each shard in order and move the cursors. Blocks on Kafka.

        Raises the first error that stopped a shard, after every cursor was moved to the last
        row before one.
        """
        failures: list[Exception] = []
        refused: list[tuple[Shard, Sequence[Row]]] = []
        sent = [(shard, self._queue(rows)) for shard, rows in batches]
        self._producer.flush()
        for shard, batch in sent:
            fate = fate_of(batch)
            failure = self._settle(connection, shard, fate)
            if isinstance(failure, REFUSALS):
                refused.append((shard, fate.rest))
            elif failure is not None:
                failures.append(failure)
        for shard, rows in refused:
            failure = self._isolate(connection, shard, rows)
            if failure is not None:
                failures.append(failure)
        if failures:
            raise failures[0]

    def _queue(self, rows: Sequence[Row]) -> list[Sending]:
        return [send(self._producer, row, self._records_of) for row in rows]

    def _isolate(
        self, connection: psycopg.Connection, shard: Shard, rows: Sequence[Row]
    ) -> Exception | None:
        """Find the rows of a shard that Kafka refuses and set them aside; publish the others."""
        bisection = Bisection(rows)
        for group in bisection:
            self._producer.close(0)
            sent = self._queue(group)
            self._producer.flush()
            fate = fate_of(sent)
            if isinstance(fate.failure, REFUSALS) and len(group) == 1:
                fate = _alone(sent[0])
            failure = self._settle(connection, shard, fate)
            if isinstance(failure, REFUSALS):
                bisection.try_halves(fate.rest)
            elif failure is not None:
                return failure
        return None

    def _settle(self, connection: psycopg.Connection, shard: Shard, fate: Fate) -> Exception | None:
        """Move the cursor of a shard as far as may be, and return what it stops at."""
        done, failure = fate.done, fate.failure
        if fate.poison:
            letters = [to_dead_letter(shard.feed, shard.number, one) for one in fate.poison]
            try:
                self._set_aside(connection, letters)
            except RetryableError as error:
                # No room, say. The shard waits in front of them; what is behind goes again.
                done, failure = min(one.kafka_offset for one in letters) - 1, error
            else:
                _log(letters)
        if done is not None:
            feeds.advance_cursor(connection, shard.feed, shard.number, done)
        return failure


def _alone(sending: Sending) -> Fate:
    """Return the fate of a row that was refused while nothing else was on its way."""
    errors = [
        None if isinstance(future, NotSent) else delivery_error(future)
        for future in sending.futures
    ]
    poison = [(sending, index, error) for index, error in enumerate(errors) if error is not None]
    return Fate(done=sending.row.position, poison=poison)


def _log(letters: Sequence[DeadLetter]) -> None:
    for one in letters:
        metrics.DEAD_LETTERS.add(1, {"topic": one.topic})
    first = letters[0]
    more = f", and {len(letters) - 1} more" if len(letters) > 1 else ""
    log.error(
        "%s row %d is set aside, not published to %s: %s%s",
        *(first.feed, first.kafka_offset, first.topic, first.reason, more),
    )
