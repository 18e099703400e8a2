"""A hole in a partition is an error, unless somebody has processed or deleted what was in it."""

from collections.abc import Collection, Mapping
from typing import NamedTuple

import pytest

from streams.continuity import Continuity, SkippedRecordsError
from streams.progress import Partition

ONE: Partition = ("sms.mo.v1", 1)
TWO: Partition = ("sms.mo.v1", 2)


class Bounds(NamedTuple):
    """Where a partition begins, and what its group has committed."""

    beginning: int
    committed: int | None

    @property
    def next_offset(self) -> int:
        return max(self.beginning, self.committed or 0)


class Kafka:
    """What Kafka knows of each partition; `asked` has the partitions of each question."""

    def __init__(self) -> None:
        self.asked: list[set[Partition]] = []
        self.bounds: dict[Partition, Bounds] = {}

    async def committed(self, partitions: Collection[Partition]) -> Mapping[Partition, int | None]:
        self.asked.append(set(partitions))
        return {one: self._of(one).committed for one in partitions}

    async def beginnings(self, partitions: Collection[Partition]) -> Mapping[Partition, int]:
        return {one: self._of(one).beginning for one in partitions}

    def _of(self, partition: Partition) -> Bounds:
        return self.bounds.get(partition, Bounds(0, None))


@pytest.fixture
def kafka() -> Kafka:
    return Kafka()


async def at_once() -> None:
    """Pause for no time."""


@pytest.fixture
def continuity(kafka: Kafka) -> Continuity:
    return Continuity(kafka, at_once)


def places(partition: Partition, *offsets: int) -> list[tuple[Partition, int]]:
    return [(partition, offset) for offset in offsets]


async def test_records_without_a_hole_pass_and_kafka_is_asked_once(
    kafka: Kafka, continuity: Continuity
) -> None:
    kafka.bounds[TWO] = Bounds(10, 15)
    await continuity.check([*places(ONE, 0, 1), *places(TWO, 15, 16), *places(ONE, 2)])
    await continuity.check(places(ONE, 3))
    assert kafka.asked == [{ONE, TWO}]


@pytest.mark.parametrize(
    ("bounds", "first"),
    [
        (Bounds(0, None), 1),
        (Bounds(5, None), 6),
        (Bounds(0, 7), 8),
        (Bounds(9, 7), 10),
        (Bounds(0, 7), 100),
    ],
)
async def test_the_first_record_has_to_be_the_next_one(
    kafka: Kafka, continuity: Continuity, bounds: Bounds, first: int
) -> None:
    kafka.bounds[ONE] = bounds
    with pytest.raises(SkippedRecordsError, match=f"{bounds.next_offset} to {first - 1} were"):
        await continuity.check(places(ONE, first))
    await Continuity(kafka, at_once).check(places(ONE, bounds.next_offset))


@pytest.mark.parametrize("missing", [1, 5])
async def test_a_hole_in_a_batch_and_between_batches(
    kafka: Kafka, continuity: Continuity, missing: int
) -> None:
    with pytest.raises(SkippedRecordsError):
        await continuity.check(places(ONE, 0, 1, 2 + missing))
    continuity = Continuity(kafka, at_once)
    await continuity.check(places(ONE, 0, 1))
    with pytest.raises(SkippedRecordsError, match=r"^sms\.mo\.v1\[1\]: the records 2 to"):
        await continuity.check(places(ONE, 2 + missing))


async def test_records_come_again_after_a_rebalance(kafka: Kafka, continuity: Continuity) -> None:
    await continuity.check(places(ONE, 0, 1, 2, 3))
    await continuity.check(places(ONE, 1, 2, 3, 4))
    assert kafka.asked == [{ONE}]
    with pytest.raises(SkippedRecordsError):
        await continuity.check(places(ONE, 2, 3, 6))


async def test_others_have_processed_what_is_in_the_hole(
    kafka: Kafka, continuity: Continuity
) -> None:
    await continuity.check(places(ONE, 0, 1))
    kafka.bounds[ONE] = Bounds(0, 50)
    await continuity.check(places(ONE, 50, 51))
    with pytest.raises(SkippedRecordsError, match="52 to 52"):
        await continuity.check(places(ONE, 53))


async def test_retention_has_deleted_what_is_in_the_hole(
    kafka: Kafka, continuity: Continuity
) -> None:
    await continuity.check(places(ONE, 0, 1))
    kafka.bounds[ONE] = Bounds(20, 2)
    await continuity.check(places(ONE, 20))


async def test_commits_that_lag_behind_are_no_hole(kafka: Kafka, continuity: Continuity) -> None:
    await continuity.check(places(ONE, 0, 1, 2))
    kafka.bounds[ONE] = Bounds(0, 1)
    await continuity.check(places(ONE, 3))
    with pytest.raises(SkippedRecordsError, match="4 to 4"):
        await continuity.check(places(ONE, 5))


async def test_a_broker_that_does_not_know_the_offsets_yet_is_asked_again(kafka: Kafka) -> None:
    async def learn() -> None:
        if len(kafka.asked) == 3:
            kafka.bounds[ONE] = Bounds(0, 163)

    await Continuity(kafka, learn).check(places(ONE, 163, 164))
    assert kafka.asked == [{ONE}] * 4


async def test_holes_of_many_partitions_are_looked_at_together(
    kafka: Kafka, continuity: Continuity
) -> None:
    await continuity.check([*places(ONE, 0), *places(TWO, 0)])
    kafka.bounds = {ONE: Bounds(0, 7), TWO: Bounds(9, 2)}
    await continuity.check([*places(ONE, 7), *places(TWO, 9)])
    assert kafka.asked == [{ONE, TWO}] * 2
