"""The relay's partitioner gives a key the partition that every other client gives it."""

from typing import Any

from aiokafka.partitioner import murmur2 as aiokafka_murmur2
from hypothesis import given
from hypothesis import strategies as st
from kafka.partitioner import DefaultPartitioner

from inbound.kafka.producer import CachedKeyPartitioner

PARTITIONS = 8


class Cluster:
    """What a partitioner asks the metadata."""

    def topics(self) -> set[str]:
        return {"t"}

    def partitions_for_topic(self, topic: str) -> set[int]:
        return set(range(PARTITIONS))

    available_partitions_for_topic = partitions_for_topic


@given(st.binary(min_size=1, max_size=40))
def test_same_partition_as_kafka_python_and_aiokafka(key: bytes) -> None:
    arguments: tuple[Any, ...] = ("t", key, key, b"", b"", Cluster())
    chosen = CachedKeyPartitioner().partition(*arguments)
    assert chosen == DefaultPartitioner().partition(*arguments)
    assert chosen == (aiokafka_murmur2(key) & 0x7FFFFFFF) % PARTITIONS
