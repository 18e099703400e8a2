"""Refuses attempts to sign in after too many failures, and makes sure that each is counted."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Final

import psycopg

from inbound.desk.identity.failures import (
    MOST_PER_ACCOUNT,
    MOST_PER_ADDRESS,
    WINDOW,
    FailureKeys,
    keys_of,
    window_since,
)
from inbound.errors import RetryableError, ScservError
from inbound.ops import server_metrics
from inbound.printing import printable
from inbound.store.access.audit import record
from inbound.store.access.desk_sessions import add_failure, count_failures
from inbound.store.connection_pool import ConnectionPool
from inbound.store.connections import raises_store_errors

WAIT_S: Final = 5.0

log = logging.getLogger(__name__)


class ThrottledError(ScservError):
    """Too many failures; `until` is when the next attempt is allowed."""

    def __init__(self, until: datetime) -> None:
        super().__init__("too many failures to sign in")
        self.until = until


class TooManySignInsError(RetryableError):
    """Too many people sign in at once."""

    def __init__(self) -> None:
        super().__init__("too many people sign in at this moment")


class SignInThrottle:
    """Counts failures by account and address. `key` hashes both."""

    def __init__(self, pool: ConnectionPool, key: bytes, clock: Callable[[], datetime]) -> None:
        self.key = key
        self._pool = pool
        self._clock = clock
        self._turn = asyncio.Lock()

    def keys_of(self, name: str, address: str) -> FailureKeys:
        """Return the keys of an attempt."""
        return keys_of(name, address, self.key)

    @asynccontextmanager
    async def in_turn(self) -> AsyncIterator[None]:
        """Wait for the one place in which passwords are checked.

        Raises TooManySignInsError after 5 s.
        """
        try:
            async with asyncio.timeout(WAIT_S):
                await self._turn.acquire()
        except TimeoutError:
            raise TooManySignInsError from None
        try:
            yield
        finally:
            self._turn.release()

    async def refuse(self, keys: FailureKeys) -> None:
        """Raise ThrottledError if account or address have failed too often."""
        await self._refuse(keys, {keys.account: MOST_PER_ACCOUNT, keys.address: MOST_PER_ADDRESS})

    async def refuse_address(self, keys: FailureKeys) -> None:
        """Raise ThrottledError if the address has failed too often."""
        await self._refuse([keys.address], {keys.address: MOST_PER_ADDRESS})

    async def note(self, keys: FailureKeys, address: str, actor: str | None, what: str) -> None:
        """Count a failure and record it; `actor` is the user whose name was given, if any."""
        await self._note(keys, keys, address, actor, what)

    async def note_address(self, keys: FailureKeys, address: str) -> None:
        """Count a failure of an address alone."""
        await self._note([keys.address], keys, address, None, "")

    async def _refuse(self, keys: Sequence[bytes], most: dict[bytes, int]) -> None:
        counted = await self._pool.run(count_failures, keys, window_since(self._clock()))
        over = [one.since + WINDOW for one in counted if one.failures >= most[one.key]]
        if over:
            server_metrics.DESK_SIGN_INS.add(1, {"outcome": "throttled"})
            raise ThrottledError(max(over))

    async def _note(
        self,
        counted: Sequence[bytes],
        keys: FailureKeys,
        address: str,
        actor: str | None,
        what: str,
    ) -> None:
        if await self._pool.run(_fail, counted, keys, actor, what, self._clock()):
            log.warning(
                "no sign-in from %s is accepted for a quarter of an hour: %d failures",
                *(printable(address), MOST_PER_ADDRESS),
            )


@raises_store_errors
def _fail(
    conn: psycopg.Connection,
    counted: Sequence[bytes],
    keys: FailureKeys,
    actor: str | None,
    what: str,
    now: datetime,
) -> bool:
    """Count a failure; return whether it closes the address.

    Failures of known users are recorded: there are few, because their account closes.
    """
    since = window_since(now)
    with conn.transaction():
        add_failure(conn, counted, since, now)
        failures = {one.key: one.failures for one in count_failures(conn, keys, since)}
        if actor:
            record(conn, actor=actor, action="desk.sign_in_failed", reason=what)
            if failures.get(keys.account) == MOST_PER_ACCOUNT:
                reason = f"{MOST_PER_ACCOUNT} failures within 15 minutes"
                record(conn, actor=actor, action="desk.sign_in_throttled", reason=reason)
    return failures.get(keys.address) == MOST_PER_ADDRESS
