"""Sets aside records of the lanes that are not a valid mt.requested.v1, as dead letters.

Fetching of their partition stops until they are stored; the others go on. So bad records among
broadcasts hold up no acknowledgement while the database is unavailable, and at most one fetch of
records waits here.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Sequence

from aiokafka import TopicPartition

from inbound.deadletter.isolation import FailedRecord
from inbound.errors import RetryableError
from streams.outbox.offsets import OffsetTracker

log = logging.getLogger(__name__)

RETRY_S = 2.0


class UnreadableRecords:
    """Records that were fetched and can't be decoded. `run` until cancelled."""

    def __init__(
        self, set_aside: Callable[[Sequence[FailedRecord]], Awaitable[None]], offsets: OffsetTracker
    ) -> None:
        self._set_aside = set_aside
        self._offsets = offsets
        self._waiting: dict[TopicPartition, list[FailedRecord]] = {}
        self._added = asyncio.Event()

    def __contains__(self, partition: TopicPartition) -> bool:
        """Whether a partition has records that are not set aside yet."""
        return partition in self._waiting

    def add(self, partition: TopicPartition, failed: FailedRecord) -> None:
        """Take a record; its offset is finished once it is set aside. Never blocks."""
        self._offsets.begin(partition, failed[0].offset)
        self._waiting.setdefault(partition, []).append(failed)
        self._added.set()

    def drop(self, partitions: Iterable[TopicPartition]) -> None:
        """Forget partitions that now belong to another consumer."""
        for partition in partitions:
            self._waiting.pop(partition, None)

    async def run(self) -> None:
        """Set records aside until cancelled. Waits while the database is away or has no room."""
        while True:
            await self._added.wait()
            self._added.clear()
            for partition in list(self._waiting):
                await self._set_all_aside(partition)

    async def _set_all_aside(self, partition: TopicPartition) -> None:
        while failed := self._waiting.get(partition, [])[:]:
            try:
                await self._set_aside(failed)
            except RetryableError as error:
                log.warning("%s[%d] waits: %s", partition.topic, partition.partition, error)
                await asyncio.sleep(RETRY_S)
                continue
            for record, _ in failed:
                self._offsets.finish(partition, record.offset)
            if (waiting := self._waiting.get(partition)) is not None:
                del waiting[: len(failed)]
                if not waiting:
                    del self._waiting[partition]
