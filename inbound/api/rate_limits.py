"""Limits the requests of each token, with a token bucket in memory.

Each API process counts for itself, so two processes allow twice as much. A shared count would
cost a database write per request, and the limit only has to protect callers from each other.
"""

import math
import time
from collections.abc import Callable
from typing import Final
from uuid import UUID

from inbound.api.problems import ProblemKind, Refusal
from inbound.smpp.rate import TokenBucket

WINDOW_S: Final = 60
# There are few tokens; this bounds the buckets of revoked ones.
_MAX_BUCKETS: Final = 1000


class RateLimits:
    """Allows `per_minute` requests per token, refilled evenly."""

    def __init__(self, per_minute: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._per_minute = per_minute
        self._clock = clock
        self._buckets: dict[UUID, TokenBucket] = {}

    def take(self, token_id: UUID) -> dict[str, str]:
        """Count one request and return the rate limit headers of its answer.

        Raises Refusal with Retry-After when no request is left. Headers as in
        draft-ietf-httpapi-ratelimit-headers-10: `r` requests left, all of them in `t` seconds.
        """
        bucket = self._bucket(token_id)
        delay_s = bucket.delay()
        if not delay_s:
            bucket.take()
        headers = self._headers(bucket)
        if delay_s:
            headers["Retry-After"] = str(math.ceil(delay_s))
            detail = f"a token allows {self._per_minute} requests per minute"
            raise Refusal(ProblemKind.RATE_LIMITED, detail, headers)
        return headers

    def _headers(self, bucket: TokenBucket) -> dict[str, str]:
        left = max(0, math.floor(bucket.tokens))
        full_in_s = math.ceil((self._per_minute - left) * WINDOW_S / self._per_minute)
        return {
            "RateLimit-Policy": f'"token";q={self._per_minute};w={WINDOW_S}',
            "RateLimit": f'"token";r={left};t={full_in_s}',
        }

    def _bucket(self, token_id: UUID) -> TokenBucket:
        bucket = self._buckets.get(token_id)
        if bucket is None:
            if len(self._buckets) >= _MAX_BUCKETS:
                self._buckets.clear()
            bucket = TokenBucket(self._per_minute / WINDOW_S, self._clock, self._per_minute)
            self._buckets[token_id] = bucket
        return bucket
