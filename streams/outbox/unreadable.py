"""Records of the lanes that are no valid mt.requested.v1: set aside one partition at a time.

Until its garbage is set aside a partition is fetched no further; the others go on. So garbage
among broadcasts holds up no acknowledgement, whatever becomes of the database, and what
waits here is at most what one fetch brings.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Sequence

from aiokafka import TopicPartition

from inbound.deadletter.isolation import FailedRecord
from inbound.errors import RetryableError
from streams.outbox.offsets import OffsetTracker

log = logging.getLogger(__name__)

TRY_AGAIN_S = 2.0


class Unreadable:
    """What was fetched and can't be read. `run` until cancelled."""

    def __init__(
        self, set_aside: Callable[[Sequence[FailedRecord]], Awaitable[None]], offsets: OffsetTracker
    ) -> None:
        self._set_aside = set_aside
        self._offsets = offsets
        self._waiting: dict[TopicPartition, list[FailedRecord]] = {}
        self._added = asyncio.Event()

    def __contains__(self, partition: TopicPartition) -> bool:
        """Whether a partition has garbage that is not set aside yet."""
        return partition in self._waiting

    def add(self, partition: TopicPartition, failed: FailedRecord) -> None:
        """Take a record; its offset is done once it is set aside. Never blocks."""
        self._offsets.taken(partition, failed[0].offset)
        self._waiting.setdefault(partition, []).append(failed)
        self._added.set()

    def drop(self, partitions: Iterable[TopicPartition]) -> None:
        """Forget partitions that now belong to another consumer."""
        for partition in partitions:
            self._waiting.pop(partition, None)

    async def run(self) -> None:
        """Set records aside until cancelled, however long the database is away or has no room."""
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
                await asyncio.sleep(TRY_AGAIN_S)
                continue
            for record, _ in failed:
                self._offsets.done(partition, record.offset)
            if (waiting := self._waiting.get(partition)) is not None:
                del waiting[: len(failed)]
                if not waiting:
                    del self._waiting[partition]
