"""Which offsets may be committed when messages of a partition finish out of order."""

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from aiokafka import TopicPartition


@dataclass(slots=True)
class _Partition:
    open: deque[int] = field(default_factory=deque)
    done: set[int] = field(default_factory=set)
    committable: int | None = None


class OffsetTracker:
    """Holds the offsets of each partition that are in progress."""

    def __init__(self) -> None:
        self._partitions: dict[TopicPartition, _Partition] = {}

    def begin(self, partition: TopicPartition, offset: int) -> None:
        """Note that the message at `offset` is being worked on; offsets come in order."""
        self._partitions.setdefault(partition, _Partition()).open.append(offset)

    def finish(self, partition: TopicPartition, offset: int) -> None:
        """Note that nothing more will be done for `offset`; a dropped partition is ignored."""
        kept = self._partitions.get(partition)
        if kept is None:
            return
        kept.done.add(offset)
        while kept.open and kept.open[0] in kept.done:
            finished = kept.open.popleft()
            kept.done.discard(finished)
            kept.committable = finished + 1

    def take_committable(self) -> Mapping[TopicPartition, int]:
        """Return the offsets to commit (the next one to read) since the last call."""
        moved = {
            partition: kept.committable
            for partition, kept in self._partitions.items()
            if kept.committable is not None
        }
        for partition in moved:
            self._partitions[partition].committable = None
        return moved

    def open_count(self) -> int:
        """Return how many messages are in progress."""
        return sum(len(kept.open) for kept in self._partitions.values())

    def drop(self, partitions: Iterable[TopicPartition]) -> None:
        """Forget partitions that now belong to another consumer."""
        for partition in partitions:
            self._partitions.pop(partition, None)
