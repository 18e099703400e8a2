"""Publishes past events again, in order. Can be resumed.

A record equals that of the live topic, with the replay id in one more header. After a failure or
a stop, Kafka has acknowledged every event up to `position`; later ones may be published twice,
with the same ids. An event that Kafka will never accept is left out and reported: the log has it.

Synchronous: the producer and psycopg on one thread.
"""

import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from kafka.errors import KafkaError

from inbound.errors import RetryableError
from inbound.kafka.producer import REFUSALS
from inbound.kafka.records import DeliveryPort, RenewableProducerPort, of_event, older_forms_of
from inbound.reasons import in_words
from inbound.store.log.rows import RecordedEvent

BATCH: Final = 1000
_BATCHES_PER_SECOND: Final = 10

_Sent = tuple[int, list[DeliveryPort]]
"""A position and the deliveries of its records."""


class PublishStoppedError(RetryableError):
    """Kafka or the database failed; `ReplayPublisher.position` says how far it got."""


@dataclass(slots=True)
class ReplayPublisher:
    """One run of a replay.

    `read` takes a position and a limit and returns the next events; none at the end.
    `position` is the last published one; `refused` are the positions of events left out, and why.
    `rate` is in events per second, 0 for no limit.
    """

    read: Callable[[int, int], Sequence[RecordedEvent]]
    producer: RenewableProducerPort
    topic: str
    replay: str
    position: int
    rate: float = 0
    progress: Callable[[int, int], None] = lambda _position, _events: None
    stopping: threading.Event = field(default_factory=threading.Event)
    clock: Callable[[], float] = time.monotonic
    events: int = 0
    refused: list[tuple[int, str]] = field(default_factory=list)

    def run(self) -> bool:
        """Publish all and return True, or False when `stopping` was set. Blocks.

        Raises `PublishStoppedError` when Kafka or the database fails.
        """
        at_once = max(1, min(BATCH, int(self.rate / _BATCHES_PER_SECOND))) if self.rate else BATCH
        begin = self.clock()
        while not self.stopping.is_set():
            try:
                events = self.read(self.position, at_once)
                if not events:
                    return True
                self._publish(events)
            except (KafkaError, RetryableError) as error:
                raise PublishStoppedError(in_words(error)) from error
            if self.rate:
                self.stopping.wait(max(0.0, begin + self.events / self.rate - self.clock()))
        return False

    def _publish(self, events: Sequence[RecordedEvent]) -> None:
        """Publish events; bisect those that Kafka refuses. Raises any other failure."""
        failure = self._publish_in_order(events)
        if failure is None:
            return
        if not isinstance(failure, REFUSALS):
            raise failure
        self.producer.close(0)
        rest = [event for event in events if event.position > self.position]
        if len(rest) == 1:
            self.position = rest[0].position
            self.refused.append((self.position, in_words(failure)))
            return
        middle = (len(rest) + 1) // 2
        self._publish(rest[:middle])
        self._publish(rest[middle:])

    def _publish_in_order(self, events: Sequence[RecordedEvent]) -> Exception | None:
        """Publish events up to the first failure, which is returned."""
        sent: list[_Sent] = []
        failure: Exception | None = None
        try:
            for event in events:
                sent.append(self._send(event))  # noqa: PERF401 — keeps what was sent before an error
        except KafkaError as error:
            failure = error
        self.producer.flush()
        done, failed = _contiguous(sent)
        if done is not None:
            self.events += sum(position <= done for position, _ in sent)
            self.position = done
            self.progress(self.position, self.events)
        return failed or failure

    def _send(self, event: RecordedEvent) -> _Sent:
        records = [
            of_event(event, self.topic, self.replay),
            *older_forms_of(event, self.topic, self.replay),
        ]
        return event.position, [self.producer.send(**record) for record in records]


def _contiguous(sent: Iterable[_Sent]) -> tuple[int | None, Exception | None]:
    """Return the last position before the first failure, and that failure."""
    done: int | None = None
    for position, deliveries in sent:
        for delivery in deliveries:
            if delivery.error is not None:
                return done, delivery.error
        done = position
    return done, None
