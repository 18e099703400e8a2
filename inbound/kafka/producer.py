"""The synchronous producer of the relay: idempotent, acknowledged by all replicas."""

from kafka import KafkaProducer

RECONNECT_MAX_MS = 500
"""kafka-python's default of 30 s would add half a minute to every restart of a broker."""


def new_producer(bootstrap: str) -> KafkaProducer:
    """Return a connected producer. Blocks until a broker answers, or raises `KafkaError`."""
    return KafkaProducer(
        bootstrap_servers=bootstrap.split(","),
        acks="all",
        enable_idempotence=True,
        linger_ms=0,
        batch_size=131_072,
        delivery_timeout_ms=30_000,
        request_timeout_ms=10_000,
        reconnect_backoff_ms=50,
        reconnect_backoff_max_ms=RECONNECT_MAX_MS,
        allow_auto_create_topics=False,
        metrics_enabled=False,
    )
