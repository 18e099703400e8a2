"""Counts the rejected MOs of one batch by reason, and records them per sender.

A record says when, why and how the text was read, never what it said. MOs of one sender, reason
and minute are one record, so a flood from one phone is one row.
"""

from collections import Counter
from datetime import datetime

from inbound.keys import SubjectHasher
from inbound.ops import metrics
from inbound.store.mo.rows import MoReading, RejectedMo, RejectedMoKey
from schemas.messages import MobileOriginated


class RejectedMos:
    """The rejected MOs of one batch. Without a hasher they are counted and not recorded."""

    __slots__ = ("_counts", "_hasher", "_records")

    def __init__(self, hasher: SubjectHasher | None) -> None:
        self._hasher = hasher
        self._counts: Counter[str] = Counter()
        self._records: dict[RejectedMoKey, tuple[datetime, datetime, int, MoReading | None]] = {}

    def add(self, reason: str, mo: MobileOriginated, reading: MoReading | None = None) -> None:
        """Add one MO; `reading` unless it is a command."""
        self._counts[reason] += 1
        if self._hasher is None or mo.source is None:
            return
        at = mo.arrived_at
        minute = at.replace(second=0, microsecond=0)
        key = RejectedMoKey(self._hasher.hash(mo.source), minute, reason)
        first, last, count, _ = self._records.get(key, (at, at, 0, None))
        self._records[key] = min(first, at), max(last, at), count + 1, reading

    def records(self) -> list[RejectedMo]:
        """Return the records, to be written with the batch."""
        return [RejectedMo(key, *counted) for key, counted in self._records.items()]

    def report(self) -> None:
        """Update the metric. Call it once the batch is committed."""
        for reason, count in self._counts.items():
            metrics.MO_REJECTED.add(count, {"reason": reason})
