"""Limits the requests of each token, with token buckets in memory: one for orders, one for others.

Each API process counts for itself, so two processes allow twice as much. A shared count would
cost a database write per request, and the limit only has to protect callers from each other.
"""

import math
import time
from collections.abc import Callable
from typing import Final
from uuid import UUID

from inbound.api.problems import ProblemKind, Refusal
from inbound.plurals import counted
from inbound.smpp.rate import TokenBucket

WINDOW_S: Final = 60
ORDERS_PER_MINUTE: Final = 60_000
# There are few tokens; this bounds the buckets of revoked ones.
_MAX_BUCKETS: Final = 1000


class RateLimits:
    """Allows `per_minute` requests per token, refilled evenly, and `orders_per_minute` to send."""

    def __init__(
        self,
        per_minute: int,
        clock: Callable[[], float] = time.monotonic,
        *,
        orders_per_minute: int = ORDERS_PER_MINUTE,
    ) -> None:
        self._per_minute = per_minute
        self._orders_per_minute = orders_per_minute
        self._clock = clock
        self._buckets: dict[tuple[UUID, bool], TokenBucket] = {}

    def take(self, token_id: UUID, *, is_sending: bool = False) -> dict[str, str]:
        """Count one request and return the rate limit headers of its answer.

        Raises Refusal with Retry-After when no request is left. Headers as in
        draft-ietf-httpapi-ratelimit-headers-10: `r` requests left, all of them in `t` seconds.
        """
        per_minute = self._orders_per_minute if is_sending else self._per_minute
        bucket = self._bucket(token_id, per_minute, is_sending=is_sending)
        delay_s = bucket.delay()
        if not delay_s:
            bucket.take()
        headers = _headers(bucket, per_minute)
        if delay_s:
            headers["Retry-After"] = str(math.ceil(delay_s))
            raise Refusal(
                ProblemKind.RATE_LIMITED,
                f"this token allows {counted(per_minute, 'request')} per minute; ask again after "
                "the seconds in `Retry-After`",
                headers,
            )
        return headers

    def _bucket(self, token_id: UUID, per_minute: int, *, is_sending: bool) -> TokenBucket:
        key = token_id, is_sending
        bucket = self._buckets.get(key)
        if bucket is None:
            if len(self._buckets) >= _MAX_BUCKETS:
                self._buckets.clear()
            bucket = TokenBucket(per_minute / WINDOW_S, self._clock, per_minute)
            self._buckets[key] = bucket
        return bucket


def _headers(bucket: TokenBucket, per_minute: int) -> dict[str, str]:
    left = max(0, math.floor(bucket.tokens))
    full_in_s = math.ceil((per_minute - left) * WINDOW_S / per_minute)
    return {
        "RateLimit-Policy": f'"token";q={per_minute};w={WINDOW_S}',
        "RateLimit": f'"token";r={left};t={full_in_s}',
    }
