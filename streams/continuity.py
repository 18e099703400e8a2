"""Makes sure that a consumer passes over no record.

During a rebalance Faust drops what it has fetched, and relies on reading it again. If that second
read fails, it mistakes the gap for one left by compaction and commits past it: texts that were
acknowledged to the SMS centre would be lost. Our topics have no such gaps, so here a gap is an
error before anything behind it is processed, and the process starts again at the committed offset.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping
from typing import Final, Protocol

from inbound.errors import RetryableError
from streams.progress import Partition

ASK_TIMES: Final = 10
ASK_AGAIN_AFTER_S: Final = 0.5


class SkippedRecordsError(RetryableError):
    """Records were skipped. Nothing behind them was committed, so a restart reads them."""


class KafkaOffsets(Protocol):
    """Asks Kafka about many partitions at once: each answer may take a second on a busy worker."""

    async def committed(self, partitions: Collection[Partition]) -> Mapping[Partition, int | None]:
        """Return what the group has committed (None: nothing yet)."""

    async def beginnings(self, partitions: Collection[Partition]) -> Mapping[Partition, int]:
        """Return the offsets of the first records that still exist."""


async def _pause() -> None:
    await asyncio.sleep(ASK_AGAIN_AFTER_S)


class Continuity:
    """Follows the offsets of one consumer's records, in the order in which it gets them."""

    def __init__(
        self, offsets: KafkaOffsets, pause: Callable[[], Awaitable[None]] = _pause
    ) -> None:
        """`offsets` is asked for the first records of partitions, and at gaps."""
        self._offsets = offsets
        self._pause = pause
        self._next: dict[Partition, int] = {}

    async def check(self, places: Iterable[tuple[Partition, int]]) -> None:
        """Take note of records, each a partition and an offset. Call it before processing them.

        Records may come again. Another consumer may have processed those in a gap, or the topic's
        retention may have deleted them. Raises SkippedRecordsError for any other gap, and what
        `offsets` raises.
        """
        places = list(places)
        if new := {partition for partition, _ in places} - self._next.keys():
            committed = await self._offsets.committed(new)
            self._next.update({partition: committed[partition] or 0 for partition in new})
        if holes := self._follow(places, dict(self._next)):
            await self._explain(holes)
        for (topic, number), (expected, offset) in self._follow(places, self._next).items():
            raise SkippedRecordsError(
                f"{topic}[{number}]: the records {expected} to {offset - 1} were passed over; "
                "starting again reads them"
            )

    def _follow(
        self, places: Iterable[tuple[Partition, int]], after: dict[Partition, int]
    ) -> dict[Partition, tuple[int, int]]:
        """Move `after` behind these records; return the first gap of each partition that has one.

        A gap is the offset that was expected and the one that came.
        """
        holes: dict[Partition, tuple[int, int]] = {}
        for partition, offset in places:
            expected = after[partition]
            if offset > expected:
                holes.setdefault(partition, (expected, offset))
            after[partition] = max(offset + 1, expected)
        return holes

    async def _explain(self, holes: Mapping[Partition, tuple[int, int]]) -> None:
        """Go on behind what others have processed, and what no longer exists.

        A broker that has just started may answer that the group has committed nothing, for some
        seconds. So a gap that only this answer explains is checked again.
        """
        unsure = set(holes)
        for _ in range(ASK_TIMES):
            committed = await self._offsets.committed(unsure)
            beginnings = await self._offsets.beginnings(unsure)
            for partition in unsure:
                found = max(beginnings[partition], committed[partition] or 0)
                self._next[partition] = max(self._next[partition], found)
            unsure = {
                partition
                for partition in unsure
                if committed[partition] is None and self._next[partition] < holes[partition][1]
            }
            if not unsure:
                return
            await self._pause()
