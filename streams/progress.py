"""Detects partitions that are stuck, and measures lag.

A consumer can send heartbeats while one of its partitions is stuck. A partition is stuck when
records wait and its position has not moved for `STUCK_AFTER_S`, whether or not it ever moved. If
batches of others of its topic were processed meanwhile, the consumer works and only this partition
was forgotten; a new start reads it again. Other topics prove nothing: a slow batch holds up its own
topic alone.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from inbound.ops import metrics
from inbound.plurals import counted

STUCK_AFTER_S = 60.0
PASSED_OVER: Final = 3
"""This many batches of a topic in a row without a waiting partition mean that it was forgotten."""

Partition = tuple[str, int]


@dataclass(slots=True)
class _Seen:
    position: int
    at: float
    batches: int


class PartitionProgress:
    """Last processed offset per partition, compared with the end of the partition."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._seen: dict[Partition, _Seen] = {}
        self._batches: Counter[str] = Counter()
        self.is_forgotten = False
        """Whether the last check found a partition stuck while others moved."""

    def start_again(self) -> None:
        """Measure from now on, after a time in which nothing could move."""
        now = self._clock()
        for (topic, _), seen in self._seen.items():
            seen.at, seen.batches = now, self._batches[topic]

    def processed(self, offsets: Mapping[Partition, int]) -> None:
        """Note the last processed offset of the partitions of a batch."""
        now = self._clock()
        self._batches.update({topic for topic, _ in offsets})
        for partition, offset in offsets.items():
            self._seen[partition] = _Seen(offset + 1, now, self._batches[partition[0]])

    def unseen(self, partitions: Iterable[Partition]) -> list[Partition]:
        """Return the partitions whose position is not known yet; see `begin`."""
        return [partition for partition in partitions if partition not in self._seen]

    def begin(self, positions: Mapping[Partition, int]) -> None:
        """Watch partitions that have not moved yet, from these positions on."""
        now = self._clock()
        for partition, position in positions.items():
            self._seen.setdefault(partition, _Seen(position, now, self._batches[partition[0]]))

    def check(self, ends: Mapping[Partition, int | None]) -> str | None:
        """Return why health fails, or None.

        `ends` are the assigned partitions with the offset after their last message (None:
        not known yet). One without a position is not watched. Sets the lag metric per topic on
        the way.
        """
        now = self._clock()
        for gone in self._seen.keys() - ends.keys():
            del self._seen[gone]
        lags: dict[str, int] = {}
        reason, self.is_forgotten = None, False
        for partition, end in ends.items():
            topic, number = partition
            lags.setdefault(topic, 0)
            seen = self._seen.get(partition)
            if end is None or seen is None:
                continue
            lag = max(0, end - seen.position)
            lags[topic] += lag
            if not lag:
                seen.at, seen.batches = now, self._batches[topic]
            elif now - seen.at > STUCK_AFTER_S:
                reason = f"{topic}[{number}] is stuck with {counted(lag, 'message')} waiting"
                self.is_forgotten |= self._batches[topic] - seen.batches >= PASSED_OVER
        for topic, lag in lags.items():
            metrics.LAG.set(lag, {"topic": topic})
        return reason
