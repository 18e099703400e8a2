"""Everything that a topic holds."""

from typing import Any

from kafka import KafkaConsumer, TopicPartition


def read_all(bootstrap: str, topic: str, at_least: int = 0) -> list[Any]:
    """Return all records, each partition in order; wait until there are so many. Blocks."""
    consumer = KafkaConsumer(bootstrap_servers=bootstrap, metrics_enabled=False)
    try:
        partitions = [TopicPartition(topic, n) for n in consumer.partitions_for_topic(topic) or ()]
        consumer.assign(partitions)
        consumer.seek_to_beginning(*partitions)
        records: list[Any] = []
        while len(records) < at_least or any(
            consumer.position(partition) < end
            for partition, end in consumer.end_offsets(partitions).items()
        ):
            for found in consumer.poll(timeout_ms=100).values():
                records += found
        return records
    finally:
        consumer.close()
