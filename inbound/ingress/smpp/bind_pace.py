"""How often a program may bind. No IO.

Each bind that is let in costs a few transactions, so a program that binds in a loop would take the
database from others. Only binds with right credentials count, and those of each address apart, so
nobody can use up what belongs to a program elsewhere.
"""

from collections import OrderedDict
from collections.abc import Callable
from typing import Final

from inbound.smpp.rate import TokenBucket

BINDS_AT_ONCE: Final = 30
"""More than all links of an account: they may come back together."""
BINDS_PER_S: Final = 1.0

_MOST_REMEMBERED: Final = 10_000


class BindPace:
    """Counts binds of each login and address. `clock` gives seconds that only grow."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._buckets: OrderedDict[tuple[str, str], TokenBucket] = OrderedDict()

    def is_exceeded(self, login: str, client: str) -> bool:
        """Whether this client has to wait before it binds with this login again."""
        bucket = self._buckets.get((login, client))
        return bucket is not None and bucket.delay() > 0

    def add(self, login: str, client: str) -> None:
        """Count a bind that was let in."""
        who = login, client
        bucket = self._buckets.get(who) or TokenBucket(BINDS_PER_S, self._clock, BINDS_AT_ONCE)
        bucket.take()
        self._buckets[who] = bucket
        self._buckets.move_to_end(who)
        if len(self._buckets) > _MOST_REMEMBERED:
            self._buckets.popitem(last=False)
