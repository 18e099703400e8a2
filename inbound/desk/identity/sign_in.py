"""Signing in and out, one's own password, and the limits against guessing.

An unknown name, a disabled user and a wrong password are one answer that
takes one time.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

import psycopg

from inbound.desk.identity.failures import (
    MOST_PER_ACCOUNT,
    MOST_PER_ADDRESS,
    WINDOW,
    FailureKeys,
    keys_of,
    window_since,
)
from inbound.desk.identity.passwords import check_password, fits, hash_password, needs_upgrade
from inbound.desk.identity.second_factor import SecondFactors
from inbound.desk.identity.sign_in_tickets import is_valid, make_ticket, name_of
from inbound.desk.identity.users import NAME
from inbound.desk.tokens import digest_of, new_token
from inbound.errors import RetryableError, ScservError
from inbound.keys import VaultCipher
from inbound.ops import metrics
from inbound.printing import printable
from inbound.store.access.audit import record
from inbound.store.access.desk_sessions import (
    ListedSession,
    NewSession,
    SessionLimits,
    ValidSession,
    add_failure,
    add_session,
    count_failures,
    end_session,
    end_sessions,
    forget_failures,
    list_sessions,
    use_session,
)
from inbound.store.access.desk_users import DeskUser, find_user, set_password, upgrade_hash
from inbound.store.connection_pool import ConnectionPool
from inbound.store.connections import ping, raises_store_errors

log = logging.getLogger(__name__)

WAIT_S: Final = 5.0


class WrongPasswordError(ScservError):
    """No user has this name and password."""


class CodeNeededError(ScservError):
    """The password was right, and the user has a second factor; `ticket` goes with the code."""

    def __init__(self, ticket: str) -> None:
        super().__init__("a code of the second factor is needed")
        self.ticket = ticket


class TicketError(ScservError):
    """The ticket is too old, or of another browser or password: signing in begins again."""


class ThrottledError(ScservError):
    """Too many failures; `until` is when the next attempt is allowed."""

    def __init__(self, until: datetime) -> None:
        super().__init__("too many failures to sign in")
        self.until = until


class BusyError(RetryableError):
    """Too many passwords are being checked."""

    def __init__(self) -> None:
        super().__init__("too many people sign in at this moment")


@dataclass(frozen=True, slots=True)
class Attempt:
    """Somebody who signs in: from which address, with which browser (its User-Agent)."""

    name: str
    password: str
    address: str
    browser: str


class SignIn:
    """Begins, finds and ends sessions. `key` hashes names and addresses of failures.

    `factor_roles` are the roles that need a second factor.
    """

    def __init__(
        self,
        pool: ConnectionPool,
        limits: SessionLimits,
        key: bytes,
        cipher: VaultCipher,
        *,
        clock: Callable[[], datetime],
        new_id: Callable[[], UUID],
        factor_roles: Collection[str] = (),
    ) -> None:
        self.second_factors = SecondFactors(pool, cipher, clock)
        self.factor_roles = frozenset(factor_roles)
        self._pool = pool
        self._limits = limits
        self.key = key
        self._clock = clock
        self._new_id = new_id
        self._turn = asyncio.Lock()

    async def begin(self, attempt: Attempt) -> str:
        """Return the cookie of a new session.

        Raises CodeNeededError, WrongPasswordError, ThrottledError, BusyError, or another
        RetryableError.
        """
        name = attempt.name.strip().lower()
        keys = keys_of(name, attempt.address, self.key)
        async with self._in_turn():
            await self._refuse_throttled(keys)
            user = await self._pool.run(find_user, name)
            is_known = user is not None and user.disabled_at is None
            expected = user.password_hash if user and is_known else None
            if not await asyncio.to_thread(fits, attempt.password, expected) or user is None:
                metrics.DESK_SIGN_INS.add(1, {"outcome": "wrong"})
                actor = user.actor if user and is_known else None
                await self._note_failure(keys, attempt.address, actor, "wrong password")
                raise WrongPasswordError("no user has this name and password")
        password_hash = user.password_hash
        if needs_upgrade(password_hash):
            password_hash = await asyncio.to_thread(hash_password, attempt.password)
            await self._pool.run(upgrade_hash, user, password_hash)
        if await self.second_factors.find(user.user_id) is not None:
            now = self._clock()
            raise CodeNeededError(make_ticket(name, attempt.browser, password_hash, self.key, now))
        return await self._open(user, attempt.browser, keys)

    async def finish(self, ticket: str, code: str, address: str, browser: str) -> str:
        """Return the cookie of a new session of somebody who was asked for a code.

        Raises TicketError, WrongPasswordError for a wrong code, and what `begin` raises.
        """
        name, now = name_of(ticket), self._clock()
        keys = keys_of(name, address, self.key)
        async with self._in_turn():
            user = await self._pool.run(find_user, name) if NAME.fullmatch(name) else None
            if (
                user is None
                or user.disabled_at is not None
                or not is_valid(ticket, browser, user.password_hash, self.key, now)
            ):
                raise TicketError("the ticket is not valid")
            await self._refuse_throttled(keys)
            if not await self.second_factors.accept(user, code):
                metrics.DESK_SIGN_INS.add(1, {"outcome": "wrong"})
                await self._note_failure(keys, address, user.actor, "wrong code")
                raise WrongPasswordError("the code is wrong")
        return await self._open(user, browser, keys)

    async def _open(self, user: DeskUser, browser: str, keys: FailureKeys) -> str:
        metrics.DESK_SIGN_INS.add(1, {"outcome": "ok"})
        cookie = new_token()
        new = NewSession(self._new_id(), digest_of(cookie), digest_of(browser), user.user_id)
        await self._pool.run(_begin, new, user, self._limits, keys.account, self._clock())
        return cookie

    def lacks_factor(self, session: ValidSession) -> bool:
        """Whether the user has to set a second factor up before anything else."""
        return not session.has_factor and bool(self.factor_roles & set(session.roles))

    async def check_database(self) -> None:
        """Raise RetryableError when the database does not answer."""
        await self._pool.run(ping)

    async def find(self, cookie: str, browser: str, *, counts: bool) -> ValidSession | None:
        """Return the valid session of a cookie; if that `counts`, it is used now."""
        digests = digest_of(cookie), digest_of(browser)
        limits, now = self._limits, self._clock()
        return await self._pool.run(use_session, *digests, limits, now, counts=counts)

    async def sessions(self, user_id: UUID) -> list[ListedSession]:
        """Return the valid sessions of a user."""
        return await self._pool.run(list_sessions, user_id, self._limits, self._clock())

    async def end(self, session: ValidSession, session_id: UUID) -> bool:
        """End one of the user's own sessions; False if it has ended already."""
        return await self._pool.run(_end, session, session_id)

    async def end_others(self, session: ValidSession) -> int:
        """End all of the user's sessions but this one; return how many."""
        return await self._pool.run(_end_others, session)

    async def change_password(
        self, session: ValidSession, current: str, new: str, address: str
    ) -> int:
        """Replace the user's own password, end their other sessions and return how many.

        Raises PasswordError for a new password that is not accepted, and what `begin` raises.
        """
        check_password(new, session.name)
        await self.confirm_password(session, current, address)
        password_hash = await asyncio.to_thread(hash_password, new)
        return await self._pool.run(_change_password, session, password_hash, self._clock())

    async def confirm_password(self, session: ValidSession, current: str, address: str) -> None:
        """Check the user's own password once more, before a change of how they sign in.

        Raises WrongPasswordError, ThrottledError, BusyError, or another RetryableError.
        """
        keys = keys_of(session.name, address, self.key)
        async with self._in_turn():
            await self._refuse_throttled(keys)
            user = await self._pool.run(find_user, session.name)
            if user is None or not await asyncio.to_thread(fits, current, user.password_hash):
                await self._note_failure(keys, address, session.actor, "wrong password")
                raise WrongPasswordError("the current password is wrong")

    @asynccontextmanager
    async def _in_turn(self) -> AsyncIterator[None]:
        """Wait for the one place in which passwords are checked: none is tried uncounted."""
        try:
            async with asyncio.timeout(WAIT_S):
                await self._turn.acquire()
        except TimeoutError:
            raise BusyError from None
        try:
            yield
        finally:
            self._turn.release()

    async def _note_failure(
        self, keys: FailureKeys, address: str, actor: str | None, what: str
    ) -> None:
        """Count a failure and record it; `actor` is the user whose name was given, if any."""
        if await self._pool.run(_fail, keys, actor, what, self._clock()):
            log.warning(
                "signing in from %s is closed for a quarter of an hour: %d failures",
                *(printable(address), MOST_PER_ADDRESS),
            )

    async def _refuse_throttled(self, keys: FailureKeys) -> None:
        since = window_since(self._clock())
        most = {keys.account: MOST_PER_ACCOUNT, keys.address: MOST_PER_ADDRESS}
        counted = await self._pool.run(count_failures, keys, since)
        over = [one.since + WINDOW for one in counted if one.failures >= most[one.key]]
        if over:
            metrics.DESK_SIGN_INS.add(1, {"outcome": "throttled"})
            raise ThrottledError(max(over))


@raises_store_errors
def _fail(
    conn: psycopg.Connection, keys: FailureKeys, actor: str | None, what: str, now: datetime
) -> bool:
    """Count a failure; return whether it closes the address.

    Failures of known users are recorded: there are few, because their account closes.
    """
    since = window_since(now)
    with conn.transaction():
        add_failure(conn, keys, since, now)
        counted = {one.key: one.failures for one in count_failures(conn, keys, since)}
        if actor:
            record(conn, actor=actor, action="desk.sign_in_failed", reason=what)
            if counted.get(keys.account) == MOST_PER_ACCOUNT:
                reason = f"{MOST_PER_ACCOUNT} failures within 15 minutes"
                record(conn, actor=actor, action="desk.sign_in_throttled", reason=reason)
    return counted.get(keys.address) == MOST_PER_ADDRESS


@raises_store_errors
def _begin(
    conn: psycopg.Connection,
    new: NewSession,
    user: DeskUser,
    limits: SessionLimits,
    account: bytes,
    now: datetime,
) -> None:
    with conn.transaction():
        forget_failures(conn, [account])
        add_session(conn, new, limits, now)
        record(conn, actor=user.actor, action="desk.sign_in", reason=f"as {user.name}")


@raises_store_errors
def _end(conn: psycopg.Connection, session: ValidSession, session_id: UUID) -> bool:
    with conn.transaction():
        ended = end_session(conn, session.user_id, session_id)
        if ended:
            own = session_id == session.session_id
            action = "desk.sign_out" if own else "desk.end_session"
            record(conn, actor=session.actor, action=action, reason=f"as {session.name}")
    return ended


@raises_store_errors
def _end_others(conn: psycopg.Connection, session: ValidSession) -> int:
    with conn.transaction():
        ended = end_sessions(conn, session.user_id, session.session_id)
        if ended:
            reason = f"as {session.name}: {ended}"
            record(conn, actor=session.actor, action="desk.end_session", reason=reason)
    return ended


@raises_store_errors
def _change_password(
    conn: psycopg.Connection, session: ValidSession, password_hash: str, now: datetime
) -> int:
    with conn.transaction():
        set_password(conn, session.user_id, password_hash, now)
        ended = end_sessions(conn, session.user_id, session.session_id)
        record(
            conn, actor=session.actor, action="desk.change_password", reason=f"as {session.name}"
        )
    return ended
