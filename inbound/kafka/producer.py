"""The synchronous producer: idempotent, in order, acknowledged by all replicas.

It is librdkafka's, because kafka-python's spends most of the relay's time (docs/DECISIONS.md,
Throughput). Errors are kafka-python's, like everywhere else.

Order per partition holds, whatever happens: a record that fails for good fails the whole producer
(`enable.gapless.guarantee`), and records never expire one by one: `flush` gives up on all of them.
"""

import logging
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final

import confluent_kafka
from confluent_kafka import KafkaException
from kafka.errors import (
    InvalidRecordError,
    InvalidTimestampError,
    InvalidTopicError,
    KafkaConnectionError,
    KafkaError,
    KafkaTimeoutError,
    MessageSizeTooLargeError,
    RecordListTooLargeError,
    RetriableError,
    UnknownTopicOrPartitionError,
    UnsupportedForMessageFormatError,
    for_code,
)

from inbound.kafka.broker_clocks import BrokerClocks
from inbound.kafka.connection import KafkaConnection
from schemas.cloudevents import Headers

log = logging.getLogger(__name__)

CONNECT_S: Final = 10.0
"""Seconds within which a broker has to answer a new producer."""

FLUSH_WITHIN_S: Final = 30.0
"""Seconds after which a flush has failed, and with it every record that is not stored."""

RECONNECT_MAX_MS: Final = 500
"""librdkafka's default of 10 s would add as much to every restart of a broker."""

CLOSE_WITHIN_S: Final = 5.0

MAX_RECORD_BYTES: Final = 1_048_576
"""Kafka's default for a batch, too: a larger record is refused before it is sent."""

BATCH_BYTES: Final = 131_072
"""A broker that only accepts smaller batches refuses them, and the records are bisected."""

LINGER_MS: Final = 20
"""A flush ends the wait at once, mostly: now and then librdkafka sees the end of it only."""

BUFFER_KIB: Final = 32 * 1024
"""The most that may be queued; `send` blocks beyond it."""

REFUSALS: Final = (
    MessageSizeTooLargeError,
    RecordListTooLargeError,
    InvalidRecordError,
    InvalidTimestampError,
    InvalidTopicError,
    UnsupportedForMessageFormatError,
)
"""Kafka's errors for a record that it will never accept."""

_LOCAL_ERRORS: Final = {
    confluent_kafka.KafkaError._UNKNOWN_TOPIC: UnknownTopicOrPartitionError,  # noqa: SLF001
    confluent_kafka.KafkaError._UNKNOWN_PARTITION: UnknownTopicOrPartitionError,  # noqa: SLF001
    confluent_kafka.KafkaError._TIMED_OUT: KafkaTimeoutError,  # noqa: SLF001
    confluent_kafka.KafkaError._MSG_TIMED_OUT: KafkaTimeoutError,  # noqa: SLF001
    confluent_kafka.KafkaError._TRANSPORT: KafkaConnectionError,  # noqa: SLF001
    confluent_kafka.KafkaError._ALL_BROKERS_DOWN: KafkaConnectionError,  # noqa: SLF001
    confluent_kafka.KafkaError._RESOLVE: KafkaConnectionError,  # noqa: SLF001
    confluent_kafka.KafkaError._SSL: KafkaConnectionError,  # noqa: SLF001
    confluent_kafka.KafkaError._AUTHENTICATION: KafkaConnectionError,  # noqa: SLF001
}

_FATAL: Final = confluent_kafka.KafkaError._FATAL  # noqa: SLF001
"""What the client says to everything after it has stopped for good."""

_STEP_S: Final = 0.1

_NOT_YET: Final = KafkaTimeoutError("not stored yet")

# librdkafka warns of each lost connection; it reconnects, and the caller that waits says so.
_log = logging.getLogger(f"{__name__}.librdkafka")
_log.setLevel(logging.CRITICAL)


class Delivery:
    """The delivery of one record. Final once `Producer.flush` has returned."""

    __slots__ = ("error", "offset", "partition")

    def __init__(self, error: Exception) -> None:
        """`error` is why the record is not stored, until it is."""
        self.error: Exception | None = error
        """Why the record is not stored; None if it is."""
        self.partition = -1
        self.offset = -1


class Producer:
    """A connection to Kafka that stores records. Not for several threads."""

    def __init__(self, kafka: KafkaConnection, clocks: BrokerClocks | None = None) -> None:
        """Connect. Blocks until a broker answers, or raises `KafkaError` or `SetupError`.

        `clocks` learns when brokers store records.
        """
        self._clocks = clocks
        self._failed: list[Delivery] = []
        self._has_queued = False
        self._last_error = ""
        self._made: Any = confluent_kafka.Producer(
            {
                **kafka.librdkafka_arguments(),
                "enable.idempotence": True,
                "enable.gapless.guarantee": True,
                "message.timeout.ms": 0,  # they never expire one by one
                "partitioner": "murmur2_random",  # Java's, so that others can join on the key
                "linger.ms": LINGER_MS,
                "message.max.bytes": MAX_RECORD_BYTES,
                "batch.size": BATCH_BYTES,
                "queue.buffering.max.kbytes": BUFFER_KIB,
                "socket.timeout.ms": 10_000,
                "reconnect.backoff.ms": 50,
                "reconnect.backoff.max.ms": RECONNECT_MAX_MS,
                "allow.auto.create.topics": False,
                "error_cb": self._note_error,
            },
            logger=_log,
        )
        try:
            self._made.list_topics(timeout=CONNECT_S)
        except KafkaException as error:
            raise self._translated(error.args[0]) from error

    def send(
        self,
        topic: str,
        value: bytes | None = None,
        key: bytes | None = None,
        headers: Headers | None = None,
        partition: int | None = None,
    ) -> Delivery:
        """Queue a record. Blocks while the buffer is full, for `FLUSH_WITHIN_S` at most.

        Raises one of `REFUSALS` for a record that is not sent because Kafka would not take it, and
        another `KafkaError` if none can be sent. If the producer has stopped since the last
        `flush`, as a refusal by a broker makes it do, the record's delivery has failed instead.
        """
        delivery = Delivery(_NOT_YET)

        if self._clocks is not None:
            self._clocks.sending()

        def settle(error: confluent_kafka.KafkaError | None, stored: Any) -> None:  # noqa: ANN401
            if error is None:
                delivery.error = None
                delivery.partition, delivery.offset = stored.partition(), stored.offset()
                if self._clocks is not None:
                    self._clocks.stored(stored)
            else:
                delivery.error = self._translated(error)
                self._failed.append(delivery)

        given = {} if partition is None else {"partition": partition}
        deadline = 0.0
        while True:
            try:
                self._made.produce(topic, value, key, on_delivery=settle, headers=headers, **given)
            except BufferError:
                deadline = deadline or time.monotonic() + FLUSH_WITHIN_S
                if time.monotonic() > deadline:
                    words = f"Kafka has taken nothing for {FLUSH_WITHIN_S:.0f} s"
                    raise NotStoredError(words, self._last_error) from None
                with suppress(KafkaException):  # then `produce` says the same
                    self._made.poll(0.1)
                continue
            except KafkaException as error:
                failure = self._translated(error.args[0])
                if not (error.args[0].code() == _FATAL and self._has_queued):
                    raise failure from error
                # A refusal stops the producer as soon as it comes, which may be before the batch
                # that is refused is complete. `flush` learns which of its records it was.
                delivery.error = failure
                self._failed.append(delivery)
            self._has_queued = True
            return delivery

    def flush(self, timeout: float = FLUSH_WITHIN_S) -> None:
        """Block until all queued records are stored or have failed: see their deliveries.

        A refused record fails all in flight with it, each with the refusal. Raises
        KafkaTimeoutError after `timeout` seconds; only a new producer helps then.
        """
        left = self._flushed(timeout)
        self._has_queued = False
        if left:
            records = "1 record" if left == 1 else f"{left} records"
            words = f"Kafka did not store {records} within {timeout:.0f} s"
            raise NotStoredError(words, self._last_error)
        refusals = (one.error for one in self._failed if isinstance(one.error, REFUSALS))
        if (refusal := next(refusals, None)) is not None:
            for one in self._failed:
                one.error = refusal
        self._failed.clear()
        if self._clocks is not None:
            self._clocks.answered(self._made)

    def close(self, within_s: float = CLOSE_WITHIN_S) -> None:
        """Disconnect. Records not stored within `within_s` fail. Never raises KafkaError."""
        self._flushed(within_s)
        self._made.purge()
        self._flushed(CLOSE_WITHIN_S)  # tells the deliveries that they have failed
        self._made.close()

    def _flushed(self, within_s: float) -> int:
        """Wait until all records are stored or have failed; return how many are neither."""
        deadline = time.monotonic() + within_s
        while True:
            left = max(0.0, deadline - time.monotonic())
            try:
                # In longer steps it would run callbacks with the exception of a fatal error set.
                unsettled: int = self._made.flush(min(left, _STEP_S))
            except KafkaException:  # a fatal error: some records would wait for ever
                self._made.purge()
                continue
            if not unsettled or not left:
                return unsettled

    def _note_error(self, error: confluent_kafka.KafkaError) -> None:
        self._last_error = error.str()

    def _why(self, text: str) -> str:
        return f"{text} ({self._last_error})" if self._last_error else text

    def _translated(self, error: confluent_kafka.KafkaError) -> KafkaError:
        code = error.code()
        kind = for_code(code) if code > 0 else _LOCAL_ERRORS.get(code, KafkaError)
        translated: KafkaError = kind(self._why(error.str()))
        return translated


class NotStoredError(KafkaTimeoutError):  # type: ignore[misc]  # kafka-python has no types
    """Kafka did not store in time what was queued."""

    def __init__(self, words: str, last_error: str) -> None:
        """`words` says so to people; `last_error` is the client's last error, or empty."""
        super().__init__(f"{words} ({last_error})" if last_error else words)
        self.words = words


class RenewableProducer:
    """A producer that is created at first use, and again after a fatal error."""

    def __init__(self, make: Callable[[], Any]) -> None:
        """`make` returns a connected producer."""
        self._make = make
        self._made: Any = None

    def send(
        self,
        topic: str,
        value: bytes | None = None,
        key: bytes | None = None,
        headers: Headers | None = None,
    ) -> Delivery:
        """Queue a record, as `Producer.send` does."""
        if self._made is None:
            self._made = self._make()
        delivery: Delivery = self._made.send(topic, value=value, key=key, headers=headers)
        return delivery

    def flush(self, timeout: float = FLUSH_WITHIN_S) -> None:
        """Block until all queued records are stored or have failed, as `Producer.flush` does.

        Raises KafkaTimeoutError after `timeout` seconds and discards the producer.
        """
        if self._made is None:
            return
        try:
            self._made.flush(timeout)
        except KafkaTimeoutError:
            self.close(0)
            raise

    def discard_after(self, error: Exception) -> None:
        """Discard the producer if `error` is fatal."""
        if isinstance(error, KafkaError) and not isinstance(error, RetriableError):
            self.close(0)

    def close(self, within_s: float = CLOSE_WITHIN_S) -> None:
        """Close the producer; the next record creates a new one. Never raises KafkaError."""
        if self._made is not None:
            self._made.close(within_s)
            self._made = None
