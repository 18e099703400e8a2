"""Limits requests without a valid token, for each client and for all.

Guessing 256 random bits is hopeless, but each guess costs a query and a line in the log. Over
the limit a client is answered 429 without a query. Tokens that were valid before are still looked
up, so that a stranger at the same address, or a flood from many, locks nobody out.
"""

import math
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

from inbound.api.problems import ProblemKind, Refusal
from inbound.ops import server_metrics
from inbound.smpp.rate import TokenBucket

FAILURES: Final = 20
FAILURES_PER_S: Final = 20 / 60
ALL_FAILURES: Final = 200
ALL_FAILURES_PER_S: Final = 20.0
_MAX_CLIENTS: Final = 10_000
_MAX_KNOWN: Final = 1000


class TokenFailures:
    """Counts failures in memory; each API process counts for itself."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._all = TokenBucket(ALL_FAILURES_PER_S, clock, ALL_FAILURES)
        self._clients: OrderedDict[str, TokenBucket] = OrderedDict()
        self._known: OrderedDict[bytes, None] = OrderedDict()

    def check(self, client: str, digest: bytes | None) -> None:
        """Raise Refusal with Retry-After if the client has failed too often.

        `digest` is the SHA-256 of its token, None without one. One that was valid is not
        refused.
        """
        if digest in self._known:
            return
        own = self._clients.get(client)
        delay_s = max(self._all.delay(), own.delay() if own else 0.0)
        if delay_s:
            server_metrics.API_TOKEN_FAILURES.add(1, {"throttled": True})
            raise Refusal(
                ProblemKind.TOO_MANY_FAILURES,
                "too many requests without a valid token came from this address; check the token, "
                "and ask again after the seconds in `Retry-After`",
                {"Retry-After": str(math.ceil(delay_s))},
            )

    def add_failure(self, client: str, digest: bytes | None) -> None:
        """Count a request whose token is missing or not valid."""
        server_metrics.API_TOKEN_FAILURES.add(1, {"throttled": False})
        if digest is not None:
            self._known.pop(digest, None)
        bucket = self._clients.pop(client, None)
        if bucket is None:
            bucket = TokenBucket(FAILURES_PER_S, self._clock, FAILURES)
        self._clients[client] = bucket
        if len(self._clients) > _MAX_CLIENTS:
            self._clients.popitem(last=False)
        bucket.take()
        self._all.take()

    def add_success(self, digest: bytes) -> None:
        """Remember a valid token."""
        self._known[digest] = None
        self._known.move_to_end(digest)
        if len(self._known) > _MAX_KNOWN:
            self._known.popitem(last=False)
