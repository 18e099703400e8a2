"""Publishes the heads of the digest chains, so that others can detect tampering with the log.

A head is read once a minute and published once the cursor of the events has passed it, so a
subscriber that receives a head has been sent the events it covers. Nothing is done per event.
After a restart a head may be published twice, with the same content.

A head that Kafka will never accept is set aside: it must not hold up the relay.
"""

import logging
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Final

import psycopg
from kafka.errors import KafkaError

from inbound.errors import RetryableError
from inbound.kafka.producer import FLUSH_WITHIN_S, REFUSALS
from inbound.kafka.records import DeliveryPort, ProducerRecord, RenewableProducerPort, of_head
from inbound.ops import metrics
from inbound.reasons import in_words
from inbound.store.dead_letters.rows import DeadLetter
from inbound.store.outbox import feeds
from inbound.store.outbox.feeds import ChainHead
from schemas.messages import LogHead

EVERY_S: Final = 60.0
STOP_WITHIN_S: Final = 2.0
"""How long a stopping relay waits for Kafka: less than the time it has to stop."""

HEADS_FEED: Final = "heads"

log = logging.getLogger(__name__)

SetAside = Callable[[psycopg.Connection, Sequence[DeadLetter]], None]


class HeadPublisher:
    """Publishes the heads of one log, at most once in `EVERY_S` for each chain."""

    def __init__(
        self,
        producer: RenewableProducerPort,
        topic: str,
        set_aside: SetAside,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`set_aside` stores heads that Kafka will never accept; `clock` counts seconds."""
        self._producer = producer
        self._topic = topic
        self._set_aside = set_aside
        self._clock = clock
        self._last_read = -EVERY_S
        self._unpublished: list[ChainHead] = []
        self._published: dict[int, int] = {}

    def publish(self, conn: psycopg.Connection) -> None:
        """Publish the heads that are due. Mostly returns at once, else blocks on Kafka.

        Raises RetryableError and KafkaError; heads that were not published are still due then.
        """
        if not self._unpublished and self._clock() < self._last_read + EVERY_S:
            return
        if not self._unpublished:
            self._read(conn)
        self._publish_passed(conn, FLUSH_WITHIN_S)

    def publish_last(self, conn: psycopg.Connection) -> None:
        """Publish the current heads, as far as their events are published, before the relay stops.

        Blocks on Kafka for `STOP_WITHIN_S` at most. The next relay publishes the others.
        """
        with suppress(RetryableError, KafkaError):
            self._publish_passed(conn, STOP_WITHIN_S)
            self._read(conn)
            self._publish_passed(conn, STOP_WITHIN_S)

    def _read(self, conn: psycopg.Connection) -> None:
        self._last_read = self._clock()
        self._unpublished = [
            head
            for head in feeds.chain_heads(conn)
            if self._published.get(head.chain) != head.position
        ]

    def _publish_passed(self, conn: psycopg.Connection, timeout_s: float) -> None:
        if not self._unpublished:
            return
        cursor = feeds.cursor_position(conn, feeds.EVENTS)
        due = [head for head in self._unpublished if head.position <= cursor]
        for head, first in zip(due, self._send(due, timeout_s), strict=True):
            failure = first
            if isinstance(first, REFUSALS):
                # The others in flight fail with it, and the producer sends nothing any more.
                self._producer.close(0)
                (failure,) = self._send([head], timeout_s)
            if isinstance(failure, REFUSALS):
                self._set_head_aside(conn, head, failure)
            elif failure is not None:
                raise failure
            self._published[head.chain] = head.position
            self._unpublished.remove(head)

    def _send(self, heads: Sequence[ChainHead], timeout_s: float) -> list[Exception | None]:
        """Publish heads; return the failure of each."""
        sent = [self._queue(head) for head in heads]
        if sent:
            self._producer.flush(timeout_s)
        return [each if isinstance(each, Exception) else each.error for each in sent]

    def _queue(self, head: ChainHead) -> DeliveryPort | KafkaError:
        try:
            return self._producer.send(**_record(head, self._topic))
        except REFUSALS as error:
            return error

    def _set_head_aside(self, conn: psycopg.Connection, head: ChainHead, error: Exception) -> None:
        record = _record(head, self._topic)
        value = record["value"] or b""
        letter = DeadLetter(
            topic=self._topic,
            partition=head.chain,
            kafka_offset=head.position,
            feed=HEADS_FEED,
            reason=f"{in_words(error)} ({len(value)} bytes)",
            payload=value,
            key=record["key"],
            headers=tuple(record.get("headers", ())),
        )
        self._set_aside(conn, [letter])
        metrics.DEAD_LETTERS.add(1, {"topic": self._topic})
        log.error("the head of chain %d is set aside: %s", head.chain, letter.reason)


def _record(head: ChainHead, topic: str) -> ProducerRecord:
    message = LogHead(
        chain=head.chain,
        position=head.position,
        digest=head.digest.hex(),
        recorded_at=head.recorded_at,
    )
    return of_head(message, topic)
