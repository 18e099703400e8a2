"""Makes sure that a consumer passes over no record.

Faust drops what it has fetched when a rebalance comes in between, and relies on reading it again.
If that second read fails, it takes the hole for one that compaction made, and commits behind it:
texts that the SMS centre was told we have would be lost. Our topics have no such holes, so here a
hole is an error before anything behind it is processed, and the process starts again at the
committed offset.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Final

from inbound.errors import RetryableError
from streams.progress import Partition

ASK_TIMES: Final = 10
ASK_AGAIN_AFTER_S: Final = 0.5


class SkippedRecordsError(RetryableError):
    """Records were passed over. Nothing behind them was committed: a new start reads them."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """Where a partition begins, and what its group has committed (None: nothing yet)."""

    beginning: int
    committed: int | None

    @property
    def next_offset(self) -> int:
        """The first record that the group has not committed and that still exists."""
        return max(self.beginning, self.committed or 0)


async def _pause() -> None:
    await asyncio.sleep(ASK_AGAIN_AFTER_S)


class Continuity:
    """Follows the offsets of one consumer's records, in the order in which it gets them."""

    def __init__(
        self,
        find_bounds: Callable[[Partition], Awaitable[Bounds]],
        pause: Callable[[], Awaitable[None]] = _pause,
    ) -> None:
        """`find_bounds` asks Kafka: for the first record of a partition, and at a hole."""
        self._find_bounds = find_bounds
        self._pause = pause
        self._next: dict[Partition, int] = {}

    async def check(self, places: Iterable[tuple[Partition, int]]) -> None:
        """Take note of records, each a partition and an offset. Call it before processing them.

        Records may come again. Another consumer may have processed those in a hole, or the topic's
        retention may have deleted them. Raises SkippedRecordsError for any other hole, and what
        `find_bounds` raises.
        """
        for partition, offset in places:
            expected = self._next.get(partition)
            if expected is None or offset > expected:
                expected = await self._expect(partition, offset, expected or 0)
                if offset > expected:
                    topic, number = partition
                    raise SkippedRecordsError(
                        f"{topic}[{number}]: the records {expected} to {offset - 1} were passed "
                        "over; starting again reads them"
                    )
            self._next[partition] = max(offset + 1, expected)

    async def _expect(self, partition: Partition, offset: int, at_least: int) -> int:
        """Return the next offset of a partition whose record `offset` has come.

        A broker that has just started may answer that the group has committed nothing, for some
        seconds. So a hole that only this answer makes is looked at again.
        """
        for _ in range(ASK_TIMES):
            bounds = await self._find_bounds(partition)
            expected = max(bounds.next_offset, at_least)
            if offset <= expected or bounds.committed is not None:
                break
            await self._pause()
        return expected
