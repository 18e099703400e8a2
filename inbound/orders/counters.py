"""The periods of an account's limits, and what is counted in them. Pure."""

from collections import defaultdict
from datetime import datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

from inbound.store.orders.rows import Account, UsageKey
from schemas.orders import LimitFacts


def usage_keys(account: Account, at: datetime) -> tuple[UsageKey, UsageKey, UsageKey]:
    """Return the counters of an account's day, week (ISO 8601) and month at a moment."""
    return _keys(account.account, account.zone, at)


@lru_cache(maxsize=64)
def _keys(account: str, zone: str, at: datetime) -> tuple[UsageKey, UsageKey, UsageKey]:
    """Format a moment once for a batch, which asks for each order."""
    local = at.astimezone(ZoneInfo(zone))
    return (
        UsageKey(account, f"d{local:%Y-%m-%d}"),
        UsageKey(account, f"w{local:%G-%V}"),
        UsageKey(account, f"m{local:%Y-%m}"),
    )


class Counters:
    """Usage as it was before the batch, and what the batch adds."""

    def __init__(self, before: dict[UsageKey, int]) -> None:
        self._before = before
        self.added: defaultdict[UsageKey, int] = defaultdict(int)

    def facts(self, key: UsageKey, limit: int | None) -> LimitFacts | None:
        """Return a limit and its usage by now; None without a limit."""
        if limit is None:
            return None
        return LimitFacts(limit=limit, used=self._before.get(key, 0) + self.added[key])

    def add(self, keys: tuple[UsageKey, ...]) -> None:
        """Count one accepted order."""
        for key in keys:
            self.added[key] += 1
