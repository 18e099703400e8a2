"""A token bucket: limits PDUs, or HTTP requests, per second."""

from collections.abc import Callable
from typing import Final

# A bucket holds the tokens of this many seconds: enough for late timers, too few for a
# burst that an SMS centre counting per second would throttle.
_DEPTH_S: Final = 0.05


class TokenBucket:
    """One token per PDU. `rate` is in PDUs a second, 0 for no limit; `clock` in seconds.

    `depth` is the largest burst; a bucket with a `depth` starts full.
    """

    __slots__ = ("_at", "_clock", "_depth", "_rate", "_tokens")

    def __init__(self, rate: float, clock: Callable[[], float], depth: float | None = None) -> None:
        self._clock = clock
        self._rate = rate
        self._depth = depth
        self._at = clock()
        self._tokens = 1.0 if depth is None else depth

    @property
    def tokens(self) -> float:
        """Tokens available now; negative after more were taken than there were."""
        self._refill()
        return self._tokens

    def set_rate(self, rate: float) -> None:
        """Change the rate from now on (PDUs a second)."""
        self._refill()
        self._rate = rate

    def delay(self) -> float:
        """Return the seconds until a token is available; 0 if one is."""
        if not self._rate:
            return 0.0
        self._refill()
        return 0.0 if self._tokens >= 1.0 else (1.0 - self._tokens) / self._rate

    def take(self) -> None:
        """Take a token, below zero if there is none, so that every PDU is counted."""
        if self._rate:
            self._refill()
            self._tokens -= 1.0

    def _refill(self) -> None:
        now = self._clock()
        depth = self._depth or max(1.0, self._rate * _DEPTH_S)
        self._tokens = min(depth, self._tokens + (now - self._at) * self._rate)
        self._at = now
