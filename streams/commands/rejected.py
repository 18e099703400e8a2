"""Counts the rejected MOs of one batch by reason, and records them per sender.

A record says when, why and how the text was read, never what it said. MOs of one sender, reason
and minute are one record, so a flood from one phone is one row.
"""

import logging
from collections import Counter
from collections.abc import Iterable
from datetime import datetime

from inbound.keys import SubjectHasher
from inbound.ops import metrics
from inbound.store.mo.rows import DroppedParts, MoReading, RejectedMo, RejectedMoKey
from schemas.messages import MobileOriginated

log = logging.getLogger(__name__)

_DROPPED = {
    "sender": "parts of long texts are dropped: a sender has more of them than its quota",
    "overall": "parts of long texts are dropped: there are more than the quota; an attack?",
}


class RejectedMos:
    """The rejected MOs of one batch, and parts that a quota kept out.

    Without a hasher they are counted and not recorded.
    """

    __slots__ = ("_counts", "_dropped", "_hasher", "_records")

    def __init__(self, hasher: SubjectHasher | None) -> None:
        self._hasher = hasher
        self._counts: Counter[str] = Counter()
        self._dropped: Counter[str] = Counter()
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

    def add_dropped(self, dropped: Iterable[DroppedParts]) -> None:
        """Add long texts that a quota kept from becoming whole."""
        for one in dropped:
            self._dropped[one.quota] += one.parts
            if self._hasher is None or not one.texts:
                continue
            minute = one.first_at.replace(second=0, microsecond=0)
            key = RejectedMoKey(one.number_hash, minute, "incomplete")
            first, last, count, _ = self._records.get(key, (one.first_at, one.last_at, 0, None))
            times = min(first, one.first_at), max(last, one.last_at)
            self._records[key] = *times, count + one.texts, None

    def records(self) -> list[RejectedMo]:
        """Return the records, to be written with the batch."""
        return [RejectedMo(key, *counted) for key, counted in self._records.items()]

    def report(self) -> None:
        """Update the metrics, and log what was dropped. Call it once the batch is committed."""
        for reason, count in self._counts.items():
            metrics.MO_REJECTED.add(count, {"reason": reason})
        for quota, parts in self._dropped.items():
            metrics.PARTS_DROPPED.add(parts, {"quota": quota})
            log.warning("%s", _DROPPED[quota])
