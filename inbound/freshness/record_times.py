"""When records were stored, found by their offsets without reading them."""

from collections.abc import Mapping
from typing import Final, Protocol

from aiokafka import TopicPartition

_SEARCH_STEP_MS: Final = 1_000
_EXACT_MS: Final = 1_000
_CLOCKS_DIFFER_MS: Final = 3_600_000

Offsets = Mapping[TopicPartition, int]


class TimeIndex(Protocol):
    """Finds records by their time, as Kafka's ListOffsets does."""

    async def first_since(
        self, times: Mapping[TopicPartition, int]
    ) -> Mapping[TopicPartition, tuple[int, int] | None]:
        """Return offset and time (ms) of the first record at or after a time, if there is one."""
        ...


async def times_of(index: TimeIndex, offsets: Offsets, now_ms: int) -> dict[TopicPartition, int]:
    """Return when these records were stored, in ms; at most a second too early.

    The broker stamps records, so times don't decrease within a partition. A search by time needs
    no right to read records. About ten questions for a recent record, of all partitions at once.
    """
    searches = {place: _Search(offset, now_ms) for place, offset in offsets.items()}
    while left := {place: one for place, one in searches.items() if one.found_ms is None}:
        answers = await index.first_since({place: one.asks_at for place, one in left.items()})
        for place, one in left.items():
            one.take(answers.get(place))
    return {place: one.found_ms or 0 for place, one in searches.items()}


class _Search:
    """Finds the time of one record: back from now in growing steps, then by halves."""

    def __init__(self, offset: int, now_ms: int) -> None:
        self.found_ms: int | None = None
        self._offset = offset
        self._now_ms = now_ms
        self._step_ms = _SEARCH_STEP_MS
        self._lower_ms: int | None = None
        self._upper_ms = now_ms + _CLOCKS_DIFFER_MS

    @property
    def asks_at(self) -> int:
        """The time to ask for next."""
        if self._lower_ms is None:
            return max(0, self._now_ms - self._step_ms)
        return (self._lower_ms + self._upper_ms) // 2

    def take(self, first: tuple[int, int] | None) -> None:
        """Take the offset and time of the first record at or after `asks_at`."""
        asked_at = self.asks_at
        if first is not None and first[0] == self._offset:
            self.found_ms = first[1]
        elif first is not None and first[0] < self._offset:
            self._lower_ms = asked_at
        elif not asked_at:  # deleted meanwhile: the oldest that is left
            self.found_ms = first[1] if first else 0
        else:
            self._upper_ms = asked_at
            self._step_ms *= 4
        if self._lower_ms is not None and self._upper_ms - self._lower_ms <= _EXACT_MS:
            self.found_ms = self.found_ms or self._lower_ms
