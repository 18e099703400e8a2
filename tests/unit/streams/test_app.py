"""What an agent has processed may be committed; a batch that failed may not."""

from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from types import SimpleNamespace
from typing import Any

import pytest
from faust.types import TP

from inbound.deadletter.isolation import BatchProcessor, FailedRecord
from inbound.kafka.decoding import TopicRecord
from streams.app import BatchLimits, Checks, _agent
from streams.commits import Commits
from streams.continuity import Continuity, SkippedRecordsError
from streams.progress import Partition, PartitionProgress

EVENT = SimpleNamespace(
    message=SimpleNamespace(topic="t", partition=3, offset=7, key=b"k", value=b"v", headers=None)
)


class Consumer:
    """Faust's consumer, which would commit everything."""

    def __init__(self) -> None:
        self._thread = SimpleNamespace(_commit=self._commit)

    def _new_offset(self, _place: TP) -> int | None:
        return 1_000

    async def _commit(self, _offsets: Mapping[TP, int]) -> bool:
        return True

    async def _commit_offsets(self, offsets: Mapping[TP, int]) -> bool:
        return await self._commit(offsets)

    async def seek_to_committed(self) -> Mapping[TP, int | None]:
        return {}


class Offsets:
    """What Kafka says of every partition."""

    def __init__(self, committed: int) -> None:
        self._committed = committed

    async def committed(self, partitions: Collection[Partition]) -> Mapping[Partition, int | None]:
        return dict.fromkeys(partitions, self._committed)

    async def beginnings(self, partitions: Collection[Partition]) -> Mapping[Partition, int]:
        return dict.fromkeys(partitions, 0)


class Stream:
    """What an agent asks of a Faust stream; `log` is what happened in order."""

    def __init__(self, log: list[str]) -> None:
        self._log = log
        self.enable_acks = True

    async def events(self) -> AsyncIterator[Any]:
        for _ in range(2):
            yield EVENT
            if self.enable_acks:  # as Faust does when the next event is asked for
                await self.ack(EVENT)

    async def ack(self, _event: object) -> None:
        self._log.append("ack")


class Bug(BaseException):
    """Nothing that a processor sets aside."""


def agent(
    log: list[str],
    failure: BaseException | None = None,
    *,
    committed: int = 7,
    commits: Commits | None = None,
    is_current: Callable[[Any], bool] = lambda _: True,
) -> Any:
    async def process(records: Sequence[TopicRecord]) -> None:
        if failure is not None:
            raise failure
        log.append(f"commit {len(records)}")

    async def set_aside(_failed: Sequence[FailedRecord]) -> None:
        log.append("set aside")

    processor = BatchProcessor(process, set_aside)
    checks = Checks(
        PartitionProgress(lambda: 0.0), Continuity(Offsets(committed)), commits or Commits()
    )
    return _agent(processor, BatchLimits(10), checks, is_current)(Stream(log))


async def test_acked_after_the_commit() -> None:
    log: list[str] = []
    async for _ in agent(log):
        pass
    assert log == ["commit 2", "ack", "ack"]


async def test_the_offset_behind_a_processed_batch_may_be_committed_and_no_other() -> None:
    commits, consumer = Commits(), Consumer()
    commits.guard(consumer)
    with pytest.raises(Bug):
        async for _ in agent([], Bug(), commits=commits):
            pass
    assert consumer._new_offset(TP("t", 3)) is None
    async for _ in agent([], commits=commits):
        pass
    assert consumer._new_offset(TP("t", 3)) == 8
    assert consumer._new_offset(TP("t", 4)) is None


async def test_nothing_is_processed_behind_records_that_were_passed_over() -> None:
    log: list[str] = []
    with pytest.raises(SkippedRecordsError):
        async for _ in agent(log, committed=6):
            pass
    assert log == []


async def test_what_was_fetched_before_a_rebalance_is_left_to_be_read_again() -> None:
    log: list[str] = []
    commits, consumer = Commits(), Consumer()
    commits.guard(consumer)
    async for _ in agent(log, commits=commits, is_current=lambda _: False):
        pass
    assert log == []
    assert consumer._new_offset(TP("t", 3)) is None
