"""Keys go where every other client sends them."""

from typing import Any
from uuid import UUID

import pytest
from aiokafka.partitioner import murmur2 as aiokafka_murmur2
from hypothesis import given
from hypothesis import strategies as st
from kafka.partitioner import DefaultPartitioner
from kafka.partitioner import murmur2 as kafka_murmur2

from schemas.chain import CHAINS, chain_of
from schemas.partitions import murmur2, partition_of
from schemas.topics import LOG_HEADS, MOST_PARTITIONS, PARTITIONS, TOPICS, partitioned


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
    expected = DefaultPartitioner().partition(*arguments)
    assert chain_of(stream_id) == partition_of(key, PARTITIONS) == expected


@given(st.uuids(), st.integers(1, MOST_PARTITIONS // PARTITIONS))
def test_a_partition_has_events_of_one_chain_however_many_there_are(
    stream_id: UUID, times: int
) -> None:
    partition = partition_of(str(stream_id).encode(), times * PARTITIONS)
    assert chain_of(stream_id) == partition % CHAINS


@pytest.mark.parametrize("partitions", [0, 4, 12, MOST_PARTITIONS + PARTITIONS])
def test_other_numbers_of_partitions_are_refused(partitions: int) -> None:
    with pytest.raises(ValueError, match="a multiple of 8, at most 1024"):
        partitioned(TOPICS, partitions)


def test_topics_with_the_keys_of_people_have_the_partitions_that_were_chosen() -> None:
    chosen = {spec.name: spec.partitions for spec in partitioned(TOPICS, 32)}
    assert chosen.pop(LOG_HEADS) == 1
    assert set(chosen.values()) == {32}
