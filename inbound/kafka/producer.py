"""The synchronous producer of the relay: idempotent, acknowledged by all replicas."""

from collections.abc import Callable
from contextlib import suppress
from functools import lru_cache
from typing import Any, Final

from kafka import KafkaProducer
from kafka.errors import (
    InvalidRecordError,
    InvalidTimestampError,
    InvalidTopicError,
    KafkaError,
    KafkaTimeoutError,
    MessageSizeTooLargeError,
    RecordListTooLargeError,
    RetriableError,
    UnknownError,
    UnsupportedForMessageFormatError,
)
from kafka.partitioner import DefaultPartitioner

from inbound.kafka.connection import KafkaConnection
from schemas.cloudevents import Headers
from schemas.partitions import murmur2

murmur2_of = lru_cache(maxsize=16_384)(murmur2)
"""The cached hash of a key: it takes as long as the rest of a send, and keys recur."""

DELIVERY_S = 30
"""Seconds after which a record that is not stored has failed."""

FLUSH_WITHIN_S = DELIVERY_S + 5.0
"""Seconds after which a flush has failed: every record has been stored or has expired by then.

While kafka-python's sender waits for a producer id, no record expires. After a batch has expired
during a broker's restart, 3.0.12 can wait for one for ever, and so does a flush without a limit.
"""

RECONNECT_MAX_MS = 500
"""kafka-python's default of 30 s would add half a minute to every restart of a broker."""

CLOSE_WITHIN_S = 5.0

REFUSALS: Final = (
    MessageSizeTooLargeError,
    RecordListTooLargeError,
    InvalidRecordError,
    InvalidTimestampError,
    InvalidTopicError,
    UnsupportedForMessageFormatError,
)
"""What Kafka answers to a record that it will never take."""


class CachedKeyPartitioner(DefaultPartitioner):  # type: ignore[misc]  # kafka-python has no types
    """Java's default partitioner, so that others can join on the key, with cached hashes."""

    def partition(
        self,
        topic: str,
        key: object,
        serialized_key: bytes | None,
        value: object,
        serialized_value: bytes | None,
        cluster: Any,  # noqa: ANN401
    ) -> int:
        """Return the partition of a record."""
        partitions = cluster.partitions_for_topic(topic)
        if serialized_key is None or not partitions:
            chosen: int = super().partition(
                topic, key, serialized_key, value, serialized_value, cluster
            )
            return chosen
        index: int = (murmur2_of(serialized_key) & 0x7FFFFFFF) % len(partitions)
        return index


def new_producer(kafka: KafkaConnection, *, linger_ms: int = 0) -> KafkaProducer:
    """Return a connected producer. Blocks until a broker answers, or raises `KafkaError`.

    With `linger_ms` records wait to be batched into fewer, larger requests.
    """
    return KafkaProducer(
        **kafka.client_arguments(),
        acks="all",
        partitioner=CachedKeyPartitioner(),
        enable_idempotence=True,
        linger_ms=linger_ms,
        batch_size=131_072,
        delivery_timeout_ms=DELIVERY_S * 1000,
        request_timeout_ms=10_000,
        reconnect_backoff_ms=50,
        reconnect_backoff_max_ms=RECONNECT_MAX_MS,
        allow_auto_create_topics=False,
        metrics_enabled=False,
    )


def flush(producer: KafkaProducer, within_s: float = FLUSH_WITHIN_S) -> None:
    """Block until all queued records are stored or failed; see `delivery_error`.

    Raises KafkaTimeoutError after `within_s`; after the default limit the producer is stuck and
    only a new one helps.
    """
    with suppress(UnknownError):  # a batch was split: its pieces are still in flight
        producer.flush(within_s)


def delivery_error(future: Any) -> Exception | None:  # noqa: ANN401
    """Return the error of a record, None if it was stored. Blocks until that is known.

    After a flush it is known at once, except for a batch that was split, because flush does
    not wait for its pieces. Raises nothing.
    """
    if future.succeeded():
        return None
    try:
        future.get(timeout=DELIVERY_S)
    except KafkaError as error:
        failure: Exception = error
        return failure
    return None


def end(producer: KafkaProducer, within_s: float = CLOSE_WITHIN_S) -> None:
    """Close a producer. Records not stored within `within_s` fail. Never raises KafkaError.

    The producer's own `close` leaves its connections open after a timeout.
    """
    try:
        producer.close(timeout=within_s)
    except KafkaError:
        producer._sender.force_close()  # noqa: SLF001 — there is no public way
        producer._sender.join(CLOSE_WITHIN_S)  # noqa: SLF001
        with suppress(KafkaError):
            producer.close(timeout=CLOSE_WITHIN_S)


class RenewableProducer:
    """A producer that is created at first use, and again after a fatal error.

    After some errors kafka-python's idempotent producer never sends again.
    """

    def __init__(self, make: Callable[[], Any]) -> None:
        """Take the factory. Does not connect yet."""
        self._make = make
        self._made: Any = None

    def send(
        self,
        topic: str,
        value: bytes | None = None,
        key: bytes | None = None,
        headers: Headers | None = None,
    ) -> Any:  # noqa: ANN401
        """Queue a record and return its future. Blocks while the buffer is full."""
        if self._made is None:
            self._made = self._make()
        return self._made.send(topic, value=value, key=key, headers=headers)

    def flush(self, timeout: float = FLUSH_WITHIN_S) -> None:
        """Block until all queued records are stored or failed; see `delivery_error`.

        Raises KafkaTimeoutError after `timeout` seconds and discards the producer, which fails
        the records that are still queued.
        """
        if self._made is None:
            return
        try:
            flush(self._made, timeout)
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
            end(self._made, within_s)
            self._made = None
