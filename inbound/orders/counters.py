"""Counts orders in the periods of accounts' limits. Pure."""

from collections import defaultdict

from inbound.store.orders.rows import UsageKey
from schemas.order_facts import LimitFacts


class Counters:
    """Usage as it was before the batch, and what the batch adds."""

    def __init__(self, before: dict[UsageKey, int]) -> None:
        self._before = before
        self.added: defaultdict[UsageKey, int] = defaultdict(int)

    def facts(self, key: UsageKey, limit: int | None) -> LimitFacts | None:
        """Return a limit and its current usage; None without a limit."""
        if limit is None:
            return None
        return LimitFacts(limit=limit, used=self._before.get(key, 0) + self.added[key])

    def add(self, keys: tuple[UsageKey, ...]) -> None:
        """Count one accepted order."""
        for key in keys:
            self.added[key] += 1
