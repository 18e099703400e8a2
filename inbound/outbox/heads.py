"""The ends of the digest chains, published so that others can hold the log to its word.

A head follows the events up to it: it is noted once a minute and published when the cursor
of the events has passed it, so a subscriber that meets a head has been offered what it
covers. Nothing is done per event. A head may be published twice, after a restart; it is the
same then.
"""

import logging
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Final

import psycopg
from kafka.errors import KafkaError

from inbound.errors import RetryableError
from inbound.kafka.producer import delivery_error
from inbound.kafka.records import Producer, ProducerRecord, of_head
from inbound.store.outbox import feeds
from inbound.store.outbox.feeds import ChainHead
from schemas.messages import LogHead

EVERY_S: Final = 60.0
LAST_WORD_S: Final = 2.0
"""How long a relay that is stopping waits for Kafka: less than it is given."""

log = logging.getLogger(__name__)


class Heads:
    """Publishes the heads of one log, at most once in `EVERY_S` for each chain."""

    def __init__(
        self, producer: Producer, topic: str, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """`clock` counts seconds."""
        self._producer = producer
        self._topic = topic
        self._clock = clock
        self._noted_at = -EVERY_S
        self._noted: list[ChainHead] = []
        self._published: dict[int, int] = {}

    def publish(self, conn: psycopg.Connection) -> None:
        """Publish what is due. Mostly returns at once; blocks until Kafka has acknowledged.

        Raises RetryableError and KafkaError; then what was not published is still due.
        """
        if not self._noted and self._clock() < self._noted_at + EVERY_S:
            return
        if not self._noted:
            self._note(conn)
        self._publish_passed(conn, None)

    def last_word(self, conn: psycopg.Connection) -> None:
        """Publish what the log ends with, as far as it is relayed, before the relay ends.

        Blocks `LAST_WORD_S` at most. What can't be published now is for the next relay.
        """
        with suppress(RetryableError, KafkaError):
            self._publish_passed(conn, LAST_WORD_S)
            self._note(conn)
            self._publish_passed(conn, LAST_WORD_S)

    def _note(self, conn: psycopg.Connection) -> None:
        self._noted_at = self._clock()
        self._noted = [
            head
            for head in feeds.chain_heads(conn)
            if self._published.get(head.chain) != head.position
        ]

    def _publish_passed(self, conn: psycopg.Connection, timeout_s: float | None) -> None:
        if not self._noted:
            return
        cursor = feeds.cursor_position(conn, feeds.EVENTS)
        due = [head for head in self._noted if head.position <= cursor]
        futures = [self._producer.send(**_record(head, self._topic)) for head in due]
        if futures:
            self._producer.flush(timeout_s)
        for head, future in zip(due, futures, strict=True):
            if (failure := delivery_error(future)) is not None:
                raise failure
            self._published[head.chain] = head.position
            self._noted.remove(head)


def _record(head: ChainHead, topic: str) -> ProducerRecord:
    message = LogHead(
        chain=head.chain,
        position=head.position,
        digest=head.digest.hex(),
        recorded_at=head.recorded_at,
    )
    return of_head(message, topic)
