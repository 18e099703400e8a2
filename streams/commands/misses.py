"""Texts of one batch that made no request: counted by reason, and noted by whose they were.

A note says when and which kind of miss, never what the text said. Texts of one number, kind
and minute are one note, so that a flood from a phone is a row.
"""

from collections import Counter
from datetime import datetime

from inbound.keys import SubjectHasher
from inbound.ops import metrics
from inbound.store.mo.rows import Missed, MissKey
from schemas.messages import MobileOriginated


class Misses:
    """Collects them; without a hasher nothing is noted, only counted."""

    __slots__ = ("_counts", "_hasher", "_noted")

    def __init__(self, hasher: SubjectHasher | None) -> None:
        self._hasher = hasher
        self._counts: Counter[str] = Counter()
        self._noted: dict[MissKey, tuple[datetime, datetime, int]] = {}

    def add(self, reason: str, mo: MobileOriginated) -> None:
        """Take one text."""
        self._counts[reason] += 1
        if self._hasher is None or mo.source is None:
            return
        at = mo.arrived_at
        minute = at.replace(second=0, microsecond=0)
        key = MissKey(self._hasher.hash(mo.source), minute, reason)
        first, last, count = self._noted.get(key, (at, at, 0))
        self._noted[key] = min(first, at), max(last, at), count + 1

    def noted(self) -> list[Missed]:
        """Return the notes, to be written with the batch."""
        return [Missed(key, *told) for key, told in self._noted.items()]

    def report(self) -> None:
        """Count, once the batch is committed."""
        for reason, count in self._counts.items():
            metrics.MO_REJECTED.add(count, {"reason": reason})
