"""The synchronous producer of the relay: idempotent, acknowledged by all replicas."""

from functools import lru_cache
from typing import Any

from kafka import KafkaProducer
from kafka.partitioner import DefaultPartitioner

from schemas.partitions import murmur2

murmur2_of = lru_cache(maxsize=16_384)(murmur2)
"""The hash of a key: in Python it costs as much as the rest of a send, and keys recur."""

RECONNECT_MAX_MS = 500
"""kafka-python's default of 30 s would add half a minute to every restart of a broker."""


class RecurringKeys(DefaultPartitioner):  # type: ignore[misc]  # kafka-python has no types
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
        partitioner=RecurringKeys(),
        enable_idempotence=True,
        linger_ms=linger_ms,
        batch_size=131_072,
        delivery_timeout_ms=30_000,
        request_timeout_ms=10_000,
        reconnect_backoff_ms=50,
        reconnect_backoff_max_ms=RECONNECT_MAX_MS,
        allow_auto_create_topics=False,
        metrics_enabled=False,
    )
