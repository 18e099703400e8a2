"""An agent acks a batch only once it is processed; a batch that failed is never acked."""

from collections.abc import AsyncIterator, Sequence
from types import SimpleNamespace
from typing import Any

import pytest

from inbound.deadletter.isolation import BatchProcessor, FailedRecord
from inbound.kafka.decoding import TopicRecord
from streams.app import Checks, Commits, _agent
from streams.continuity import Bounds, Continuity, SkippedRecordsError
from streams.progress import Partition, Progress

EVENT = SimpleNamespace(
    message=SimpleNamespace(topic="t", partition=3, offset=7, key=b"k", value=b"v", headers=None)
)


class Stream:
    """What an agent asks of a Faust stream; `log` is what happened in order."""

    def __init__(self, log: list[str]) -> None:
        self._log = log

    async def noack_take(self, _max: int, within: float) -> AsyncIterator[list[Any]]:
        yield [EVENT, EVENT]

    async def ack(self, _event: object) -> None:
        self._log.append("ack")


class Bug(BaseException):
    """Nothing that a processor sets aside."""


def agent(log: list[str], failure: BaseException | None = None, *, committed: int = 7) -> Any:
    async def process(records: Sequence[TopicRecord]) -> None:
        if failure is not None:
            raise failure
        log.append(f"commit {len(records)}")

    async def set_aside(_failed: Sequence[FailedRecord]) -> None:
        log.append("set aside")

    async def find_bounds(_: Partition) -> Bounds:
        return Bounds(0, committed)

    processor = BatchProcessor(process, set_aside)
    checks = Checks(Progress(lambda: 0.0), Continuity(find_bounds), Commits())
    return _agent(processor, 10, 0.01, checks)(Stream(log))


async def test_acked_after_the_commit() -> None:
    log: list[str] = []
    async for _ in agent(log):
        pass
    assert log == ["commit 2", "ack", "ack"]


async def test_not_acked_when_it_was_not_committed() -> None:
    log: list[str] = []
    with pytest.raises(Bug):
        async for _ in agent(log, Bug()):
            pass
    assert log == []


async def test_nothing_is_processed_behind_records_that_were_passed_over() -> None:
    log: list[str] = []
    with pytest.raises(SkippedRecordsError):
        async for _ in agent(log, committed=6):
            pass
    assert log == []
