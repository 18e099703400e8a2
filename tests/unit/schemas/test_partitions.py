"""Keys go where every other client sends them."""

from typing import Any
from uuid import UUID

import pytest
from aiokafka.partitioner import murmur2 as aiokafka_murmur2
from hypothesis import given
from hypothesis import strategies as st
from kafka.partitioner import DefaultPartitioner
from kafka.partitioner import murmur2 as kafka_murmur2

from schemas.chain import chain_of
from schemas.partitions import murmur2, partition_of
from schemas.topics import PARTITIONS


class Cluster:
    """What a partitioner asks the metadata."""

    def topics(self) -> set[str]:
        return {"t"}

    def partitions_for_topic(self, topic: str) -> set[int]:
        return set(range(PARTITIONS))

    available_partitions_for_topic = partitions_for_topic


# From Kafka's own tests, UtilsTest.testMurmur2, as unsigned numbers.
OF_KAFKA = {
    b"21": -973932308,
    b"foobar": -790332482,
    b"a-little-bit-long-string": -985981536,
    b"a-little-bit-longer-string": -1486304829,
    b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8": -58897971,
    b"abc": 479470107,
}


@pytest.mark.parametrize("key", OF_KAFKA)
def test_hash_is_that_of_kafka(key: bytes) -> None:
    assert murmur2(key) == OF_KAFKA[key] % 2**32


@given(st.binary(max_size=50))
def test_hash_is_that_of_the_other_clients(key: bytes) -> None:
    assert murmur2(key) == kafka_murmur2(key) % 2**32 == aiokafka_murmur2(key) % 2**32


@given(st.uuids())
def test_chain_of_a_stream_is_the_partition_of_its_events(stream_id: UUID) -> None:
    key = str(stream_id).encode()
    arguments: tuple[Any, ...] = ("t", key, key, b"", b"", Cluster())
    assert chain_of(stream_id) == partition_of(key) == DefaultPartitioner().partition(*arguments)
