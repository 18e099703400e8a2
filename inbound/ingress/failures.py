"""Throttles wrong credentials: for each account and each address, which is banned past a limit.

In memory: each process counts for itself, and a restart forgets the failures. An IPv6 customer
counts as one address. An account is one, whichever of its credentials somebody guesses at. A
program that signed in from an address before, be it in another process, is not locked out of its
account by strangers who guess at it from others; a ban of its own address it shares with them.
"""

import time
from collections import OrderedDict
from collections.abc import Callable
from enum import StrEnum
from typing import Final, TypeVar

from inbound.errors import ScservError
from inbound.ops import server_metrics
from inbound.smpp.rate import TokenBucket

OF_ADDRESS: Final = 10
OF_ADDRESS_PER_S: Final = 10 / 60
OF_ACCOUNT: Final = 20
OF_ACCOUNT_PER_S: Final = 20 / 60
_MOST_REMEMBERED: Final = 10_000
_STORE_AGAIN_S: Final = 86_400.0

Key = TypeVar("Key")
Value = TypeVar("Value")


class Denial(StrEnum):
    """Why nobody is let in."""

    BANNED = "banned"
    """The address guessed too often, and has to wait whatever it sends."""
    THROTTLED = "throttled"
    """Somebody guesses at this account; right credentials get this answer, too."""
    WRONG = "wrong"
    """No account has these credentials."""
    FOREIGN_ADDRESS = "foreign_address"
    """The credentials are right, the address is not among those of the account."""


class DeniedError(ScservError):
    """Somebody is not let in; `denial` says why."""

    def __init__(self, denial: Denial) -> None:
        super().__init__(f"access denied: {denial.value}")
        self.denial = denial


class FailureCounter:
    """Counts failures. `ban_s` is how long a ban lasts; `clock` gives seconds that only grow."""

    def __init__(self, ban_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._ban_s = ban_s
        self._clock = clock
        self._of_address: OrderedDict[str, TokenBucket] = OrderedDict()
        self._of_account: OrderedDict[str, TokenBucket] = OrderedDict()
        self._banned: OrderedDict[str, float] = OrderedDict()
        self._known: OrderedDict[tuple[str, str], float] = OrderedDict()
        self._suspected: OrderedDict[tuple[str, str], None] = OrderedDict()

    def check(self, client: str) -> None:
        """Raise DeniedError if this client is banned."""
        if self._banned.get(client, 0.0) > self._clock():
            raise denied(Denial.BANNED)

    def is_throttled(self, client: str, account: str, *, has_signed_in: bool = False) -> bool:
        """Whether this client has to wait because of guesses at this account.

        `has_signed_in` says that the account's program did so from there, perhaps in another
        process. It counts until the client's next failure in this one.
        """
        bucket, who = self._of_account.get(account), (client, account)
        if bucket is None or not bucket.delay():
            return False
        return who not in self._known and (not has_signed_in or who in self._suspected)

    def add_failure(self, client: str, account: str) -> bool:
        """Count wrong credentials; return whether they brought a ban of the client.

        They count for an account that is throttled already only once it is not: guesses must not
        keep it closed for longer than they go on. "" is no account.
        """
        self._known.pop((client, account), None)
        _remember(self._suspected, (client, account), None)
        if account and not self.is_throttled(client, account):
            self._take(self._of_account, account, OF_ACCOUNT, OF_ACCOUNT_PER_S)
        bucket = self._take(self._of_address, client, OF_ADDRESS, OF_ADDRESS_PER_S)
        if not bucket.delay():
            return False
        self._of_address.pop(client)
        _remember(self._banned, client, self._clock() + self._ban_s)
        server_metrics.INGRESS_BANS.add(1)
        return True

    def add_success(self, client: str, account: str) -> bool:
        """Remember that the account signs in from here; return whether to store that (again)."""
        who, now = (client, account), self._clock()
        stored_at = self._known.get(who)
        is_due = stored_at is None or now - stored_at >= _STORE_AGAIN_S
        self._suspected.pop(who, None)
        _remember(self._known, who, now if stored_at is None or is_due else stored_at)
        return is_due

    def _take(
        self, buckets: "OrderedDict[str, TokenBucket]", name: str, depth: int, per_s: float
    ) -> TokenBucket:
        bucket = buckets.get(name) or TokenBucket(per_s, self._clock, depth)
        _remember(buckets, name, bucket)
        bucket.take()
        return bucket


def denied(denial: Denial) -> DeniedError:
    """Count a denial, and return the error to raise."""
    server_metrics.INGRESS_DENIED.add(1, {"reason": denial.value})
    return DeniedError(denial)


def _remember(things: "OrderedDict[Key, Value]", key: Key, value: Value) -> None:
    things[key] = value
    things.move_to_end(key)
    if len(things) > _MOST_REMEMBERED:
        things.popitem(last=False)
