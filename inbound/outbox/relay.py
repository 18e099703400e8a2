"""The relay publishes rows of the database to Kafka, in order, at least once.

It reads two feeds: the outbox (replies to send, in shards) and the event log (the public
topics). Each shard has one cursor and belongs to one relay at a time, by a session advisory
lock, so order holds; a second relay waits and takes over. After a failed send the cursor stops
at the last row before it; the rows behind are sent again, and consumers recognise them by their
ids. The heads of the digest chains follow their events.

Synchronous: the producer and psycopg on one thread of a process of its own.
"""

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from operator import attrgetter
from typing import Final

import psycopg
from kafka.errors import KafkaError
from tenacity import RetryCallState, Retrying, retry_if_exception_type, wait_random_exponential

from inbound.errors import RetryableError
from inbound.kafka.producer import RenewableProducer
from inbound.kafka.records import (
    SUBSCRIPTION_TYPES,
    ProducerPort,
    ProducerRecord,
    of_event,
    of_subscription,
    older_forms_of,
)
from inbound.ops import metrics
from inbound.outbox.chain_heads import HeadPublisher
from inbound.outbox.publishing import Publisher
from inbound.outbox.sending import FeedRow
from inbound.outbox.shards import SHARDS, is_reply_shard
from inbound.reasons import in_words
from inbound.store.connections import require_writable
from inbound.store.dead_letters.rows import DeadLetter
from inbound.store.log.positions import last_position
from inbound.store.outbox import feeds
from inbound.store.outbox.feeds import LOG, Shard
from inbound.store.outbox.rows import OutboxRow
from schemas.cloudevents import Attributes, to_headers
from schemas.reading import read_json
from schemas.topics import TopicNames

log = logging.getLogger(__name__)

# A round publishes all waiting replies and a limited number of other rows, so that a reply waits
# for one short round at most, whatever a broadcast has queued.
REPLIES: Final = 2_000
"""The most rows of a shard of replies in one round."""

ORDERS: Final = 250
"""The most rows of a shard of notifications or broadcasts in one round."""

EVENTS: Final = 1_000
"""The most events in one round; a message of a broadcast has three or four."""

EVENTS_EVERY_S: Final = 0.05
"""The minimum time between two rounds that publish events.

They are less urgent than replies, and a round for each transaction costs Kafka, PostgreSQL and the
relay many times as much.
"""

WAIT_S = 0.5
"""How long the relay waits before it looks for rows that no notification announced."""

MEASURE_EVERY_S = 10.0
CLOSE_WITHIN_S = 5.0


ALL_SHARDS = (*(Shard(feeds.OUTBOX, number) for number in range(SHARDS)), LOG)


class EventPace:
    """Decides which rounds publish events, too, and how long the relay waits for the next one."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """`clock` counts seconds."""
        self._clock = clock
        self._round_at = -EVENTS_EVERY_S
        self._published_at = -EVENTS_EVERY_S
        self._may_wait = True
        """Whether there may be events that no round has read."""

    def due(self, held: Sequence[Shard]) -> Sequence[Shard]:
        """Begin a round: return the shards that it publishes."""
        self._round_at = self._clock()
        is_due = self._round_at >= self._published_at + EVENTS_EVERY_S
        return held if is_due else [shard for shard in held if shard != LOG]

    def note_round(self, *, is_rest: bool) -> None:
        """Note that the round is over, and whether it found all rows that there were."""
        if self._round_at >= self._published_at + EVENTS_EVERY_S:
            self._published_at = self._round_at
            self._may_wait = not is_rest

    def note_commit(self) -> None:
        """Note that a transaction has committed rows since the last round began."""
        self._may_wait = True

    def wait_s(self) -> float:
        """Return for how many seconds the relay may wait for a notification."""
        if not self._may_wait:
            return WAIT_S
        return max(0.0, self._published_at + EVENTS_EVERY_S - self._clock())


@dataclass(slots=True)
class Relay:
    """Publishes the rows of its shards until `stopping` is set.

    `connect` opens a database connection in autocommit mode, `new_producer` one to Kafka; `report`
    gets whether the relay works, and the reason if not; `set_aside` stores records that Kafka can
    never accept.
    """

    connect: Callable[[], psycopg.Connection]
    new_producer: Callable[[], ProducerPort]
    names: TopicNames
    report: Callable[[bool, str], None]
    set_aside: Callable[[psycopg.Connection, Sequence[DeadLetter]], None]
    shards: tuple[Shard, ...] = ALL_SHARDS
    stopping: threading.Event = field(default_factory=threading.Event)
    heads: HeadPublisher = field(init=False)
    _waiting: bool = field(init=False, default=False)
    _published: int = field(init=False, default=0)
    """The highest position of an event that this relay has published."""
    _producer: RenewableProducer = field(init=False)
    _publisher: Publisher = field(init=False)

    def __post_init__(self) -> None:
        """Connect to nothing yet."""
        self._producer = RenewableProducer(self.new_producer)
        self._publisher = Publisher(self._producer, self._records, self.set_aside)
        self.heads = HeadPublisher(self._producer, self.names.log_heads, self.set_aside)

    def run(self) -> None:
        """Relay until `stopping` is set. Blocks; survives outages of Kafka and PostgreSQL."""
        for attempt in Retrying(
            retry=retry_if_exception_type((RetryableError, KafkaError)),
            wait=wait_random_exponential(multiplier=0.2, max=5),
            sleep=self._sleep,
            before_sleep=self._report_wait,
        ):
            if self.stopping.is_set():
                break
            with attempt:
                try:
                    self._serve()
                except KafkaError as error:
                    self._producer.discard_after(error)
                    raise
        self._producer.close(CLOSE_WITHIN_S)

    def _sleep(self, seconds: float) -> None:
        self.stopping.wait(seconds)

    def _report_wait(self, state: RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome else None
        reason = in_words(error)
        log.warning("relaying waits: %s", reason)
        self._waiting = True
        self.report(False, reason)

    def _serve(self) -> None:
        with self.connect() as connection:
            feeds.commit_without_waiting(connection)
            feeds.listen(connection)
            self._require_published_events(connection)
            held: list[Shard] = []
            measured_at = -MEASURE_EVERY_S
            pace = EventPace()
            while not self.stopping.is_set():
                held = self._take_free_shards(connection, held)
                # Fewer rows than the limit: these are all that were committed by then.
                is_rest = self.relay_batch(connection, pace.due(held)) < ORDERS
                pace.note_round(is_rest=is_rest)
                if LOG in held:
                    self.heads.publish(connection)
                require_writable(connection)
                if self._waiting:
                    self._waiting = False
                    log.info("database and Kafka can be reached again: relaying continues")
                self.report(True, f"holds {len(held)} of {len(self.shards)} shards")
                if is_rest and feeds.wait_for_rows(connection, pace.wait_s()):
                    pace.note_commit()
                if (now := time.monotonic()) >= measured_at + MEASURE_EVERY_S:
                    measured_at = now
                    _measure_lag(connection, held)
            if LOG in held:
                self.heads.publish_last(connection)

    def _require_published_events(self, connection: psycopg.Connection) -> None:
        """Raise RetryableError if the log has lost its end while this relay had no connection.

        After a failover workers may append what it lacks again, and then relaying continues.
        `inbound.startup` compares with Kafka at the start.
        """
        if (last := last_position(connection)) < self._published:
            raise RetryableError(
                f"the log now ends with event {last}, and event {self._published} was published: "
                "the database was restored from a backup, or a standby took over that lacked the "
                "end. If it stays so, stop every process of the service, and run `scserv log "
                "recover`"
            )

    def _take_free_shards(self, connection: psycopg.Connection, held: list[Shard]) -> list[Shard]:
        if len(held) == len(self.shards):
            return held
        return [
            shard
            for shard in self.shards
            if shard in held or feeds.try_lock_shard(connection, shard.feed, shard.number)
        ]

    def relay_batch(self, connection: psycopg.Connection, shards: Sequence[Shard]) -> int:
        """Publish up to a batch of each shard and move their cursors; return how many rows.

        One wait for Kafka for all of them. What can never be published is set aside. Raises the
        error of the first record that failed otherwise, after every cursor was moved to the
        last one before a failure.
        """
        batches = list(_read(connection, shards))
        rows = sum(len(batch) for _, batch in batches)
        if rows:
            self._publisher.publish(connection, batches)
            for shard, batch in batches:
                metrics.OUTBOX_PUBLISHED.add(len(batch), {"feed": shard.feed})
                if shard == LOG:
                    self._published = batch[-1].position
        return rows

    def _records(self, row: FeedRow) -> Iterator[ProducerRecord]:
        if isinstance(row, OutboxRow):
            yield _of_outbox(row)
        else:
            yield of_event(row, self.names.events)
            yield from older_forms_of(row, self.names.events)
            if row.type in SUBSCRIPTION_TYPES:
                yield of_subscription(row, self.names.subscriptions)


def _read(
    connection: psycopg.Connection, shards: Sequence[Shard]
) -> Iterator[tuple[Shard, Sequence[FeedRow]]]:
    """Yield the next rows of each shard that has any. Replies first: a person waits for them."""
    numbers = [shard.number for shard in shards if shard != LOG]
    if numbers:
        limits = {number: REPLIES if is_reply_shard(number) else ORDERS for number in numbers}
        rows = feeds.read_outbox(connection, limits)
        for number, of_shard in groupby(rows, attrgetter("shard")):
            yield Shard(feeds.OUTBOX, number), list(of_shard)
    if LOG in shards and (events := feeds.read_events(connection, EVENTS)):
        yield LOG, events


def _measure_lag(connection: psycopg.Connection, shards: Sequence[Shard]) -> None:
    """Set the lag of the feeds whose shards this relay holds."""
    lags: Counter[str] = Counter()
    for shard in shards:
        lags[shard.feed] += feeds.count_waiting(connection, shard.feed, shard.number)
    for feed, lag in lags.items():
        metrics.LAG.set(lag, {"feed": feed})


def _of_outbox(row: OutboxRow) -> ProducerRecord:
    # Internal, so only the attributes that CloudEvents requires: each header costs.
    traceparent = read_json(row.headers).get("traceparent")
    attributes = Attributes(id=row.event_id, type=row.type, traceparent=traceparent)
    key = row.key.encode() if row.key is not None else None
    return {"topic": row.topic, "value": row.value, "key": key, "headers": to_headers(attributes)}
