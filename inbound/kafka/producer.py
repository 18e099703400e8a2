"""The synchronous producer of the relay: idempotent, acknowledged by all replicas."""

from collections.abc import Callable
from contextlib import suppress
from functools import lru_cache
from typing import Any, Final

from kafka import KafkaProducer
from kafka.errors import (
    InvalidRecordError,
    InvalidTopicError,
    KafkaError,
    MessageSizeTooLargeError,
    RecordListTooLargeError,
    RetriableError,
    UnknownError,
)
from kafka.partitioner import DefaultPartitioner

from schemas.cloudevents import Headers
from schemas.partitions import murmur2

murmur2_of = lru_cache(maxsize=16_384)(murmur2)
"""The hash of a key: in Python it costs as much as the rest of a send, and keys recur."""

DELIVERY_S = 30
"""A record that is not stored by then has failed."""

RECONNECT_MAX_MS = 500
"""kafka-python's default of 30 s would add half a minute to every restart of a broker."""

CLOSE_WITHIN_S = 5.0

REFUSALS: Final = (
    MessageSizeTooLargeError,
    RecordListTooLargeError,
    InvalidRecordError,
    InvalidTopicError,
)
"""What Kafka answers to a record that it will never take."""


class CachedKeyPartitioner(DefaultPartitioner):  # type: ignore[misc]  # kafka-python has no types
    """Java's default partitioning, so that others can join on the key; hashes are kept."""

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


def new_producer(bootstrap: str, *, linger_ms: int = 0) -> KafkaProducer:
    """Return a connected producer. Blocks until a broker answers, or raises `KafkaError`.

    `linger_ms` lets records gather where nobody waits for one: fewer and larger requests.
    """
    return KafkaProducer(
        bootstrap_servers=bootstrap.split(","),
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


def outcome(future: Any) -> Exception | None:  # noqa: ANN401
    """Return why a record was not stored; None when it was. Blocks until it is known.

    After a flush that is at once, but for a batch that was split: its flush does not wait
    for the pieces.
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
    """Close a producer; what is not stored within the time fails. Never raises KafkaError.

    Its own `close` leaves everything open when something can't be stored in time.
    """
    try:
        producer.close(timeout=within_s)
    except KafkaError:
        producer._sender.force_close()  # noqa: SLF001 — there is no public way
        producer._sender.join(CLOSE_WITHIN_S)  # noqa: SLF001
        with suppress(KafkaError):
            producer.close(timeout=CLOSE_WITHIN_S)


class RenewableProducer:
    """A producer that is made at its first use, and again after the old one has given up.

    kafka-python's idempotent producer never sends again after some errors, whatever is sent.
    """

    def __init__(self, make: Callable[[], Any]) -> None:
        """Connect to nothing yet."""
        self._make = make
        self._made: Any = None

    def send(
        self,
        topic: str,
        value: bytes | None = None,
        key: bytes | None = None,
        headers: Headers | None = None,
    ) -> Any:  # noqa: ANN401
        """Queue one record and return its future; blocks while the buffer is full."""
        if self._made is None:
            self._made = self._make()
        return self._made.send(topic, value=value, key=key, headers=headers)

    def flush(self, timeout: float | None = None) -> None:
        """Block until everything queued is acknowledged or failed; see `outcome`."""
        if self._made is not None:
            with suppress(UnknownError):  # a batch was split: its pieces are still on their way
                self._made.flush(timeout)

    def part_after(self, error: Exception) -> None:
        """Part with the producer unless `error` is one that it survives."""
        if isinstance(error, KafkaError) and not isinstance(error, RetriableError):
            self.close(0)

    def close(self, within_s: float = CLOSE_WITHIN_S) -> None:
        """End the producer; the next record makes a new one. Never raises KafkaError."""
        if self._made is not None:
            end(self._made, within_s)
            self._made = None
