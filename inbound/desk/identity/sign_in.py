"""Signing in with a password, and changing one's own.

An unknown name, a disabled user and a wrong password get the same answer, in the same time.
"""

import asyncio
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import psycopg

from inbound.desk.identity.own_sessions import OvertakenError, OwnSessions
from inbound.desk.identity.passwords import (
    PasswordError,
    check_password,
    fits,
    hash_password,
    needs_upgrade,
)
from inbound.desk.identity.second_factor import SecondFactors
from inbound.desk.identity.sign_in_tickets import is_valid, make_ticket, name_of
from inbound.desk.identity.throttle import SignInThrottle
from inbound.desk.identity.users import NAME
from inbound.errors import ScservError
from inbound.keys import VaultCipher
from inbound.ops import server_metrics
from inbound.store.access.audit import record
from inbound.store.access.desk_sessions import (
    SessionLimits,
    ValidSession,
    end_sessions,
    holds,
)
from inbound.store.access.desk_users import DeskUser, find_user, set_password, upgrade_hash
from inbound.store.connection_pool import ConnectionPool
from inbound.store.connections import raises_store_errors
from inbound.stored_texts import is_storable, lower_ascii


class WrongPasswordError(ScservError):
    """No user has this name and password."""


class CodeNeededError(ScservError):
    """The password was right, and the user has a second factor; `ticket` goes with the code."""

    def __init__(self, ticket: str) -> None:
        super().__init__("a code of the second factor is needed")
        self.ticket = ticket


class TicketError(ScservError):
    """The ticket is too old, or of another browser or password: signing in begins again."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """An attempt to sign in: from which address, with which browser (its User-Agent)."""

    name: str
    password: str
    address: str
    browser: str


class SignIn:
    """Checks passwords and codes. `key` hashes names and addresses of failures.

    `factor_roles` are the roles that need a second factor. Without `passwords_of_all` users of
    the OpenID provider have to sign in there.
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
        passwords_of_all: bool = True,
    ) -> None:
        self.second_factors = SecondFactors(pool, cipher, clock)
        self.sessions = OwnSessions(
            pool, limits, clock=clock, new_id=new_id, factor_roles=factor_roles
        )
        self.throttle = SignInThrottle(pool, key, clock)
        self.passwords_of_all = passwords_of_all
        self._pool = pool
        self._key = key
        self._clock = clock

    def may_use_password(self, user: DeskUser) -> bool:
        """Whether a user may sign in with a password."""
        return user.disabled_at is None and (self.passwords_of_all or not user.is_of_provider)

    async def begin(self, attempt: Attempt) -> str:
        """Return the cookie of a new session.

        Raises CodeNeededError, WrongPasswordError, ThrottledError, TooManySignInsError, or another
        RetryableError.
        """
        name = lower_ascii(attempt.name.strip())
        keys = self.throttle.keys_of(name, attempt.address)
        async with self.throttle.in_turn():
            await self.throttle.refuse(keys)
            user = await self._pool.run(find_user, name) if is_storable(name) else None
            is_known = user is not None and self.may_use_password(user)
            expected = user.password_hash if user and is_known else None
            if not await asyncio.to_thread(fits, attempt.password, expected) or user is None:
                server_metrics.DESK_SIGN_INS.add(1, {"outcome": "wrong"})
                actor = user.actor if user and is_known else None
                await self.throttle.note(keys, attempt.address, actor, "wrong password")
                raise WrongPasswordError("no user has this name and password")
        password_hash = user.password_hash
        if needs_upgrade(password_hash):
            password_hash = await asyncio.to_thread(hash_password, attempt.password)
            await self._pool.run(upgrade_hash, user, password_hash)
        if await self.second_factors.find(user.user_id) is not None:
            now = self._clock()
            raise CodeNeededError(make_ticket(name, attempt.browser, password_hash, self._key, now))
        try:
            return await self.sessions.begin(user, attempt.browser, keys.account)
        except OvertakenError:  # the answer is that to somebody who comes after the change
            return await self.begin(attempt)

    async def finish(self, ticket: str, code: str, address: str, browser: str) -> str:
        """Return the cookie of a new session of somebody who was asked for a code.

        Raises TicketError, WrongPasswordError for a wrong code, and what `begin` raises.
        """
        name, now = name_of(ticket), self._clock()
        keys = self.throttle.keys_of(name, address)
        async with self.throttle.in_turn():
            user = await self._pool.run(find_user, name) if NAME.fullmatch(name) else None
            if (
                user is None
                or not self.may_use_password(user)
                or not is_valid(ticket, browser, user.password_hash, self._key, now)
            ):
                raise TicketError("the ticket is not valid")
            await self.throttle.refuse(keys)
            factor = await self.second_factors.find(user.user_id)
            if not await self.second_factors.accept(user, code):
                server_metrics.DESK_SIGN_INS.add(1, {"outcome": "wrong"})
                await self.throttle.note(keys, address, user.actor, "wrong code")
                raise WrongPasswordError("the code is wrong")
        set_at = None if factor is None else factor.set_at
        try:
            return await self.sessions.begin(user, browser, keys.account, factor_set_at=set_at)
        except OvertakenError:
            raise TicketError("the user was changed meanwhile") from None

    async def change_password(
        self, session: ValidSession, current: str, new: str, address: str
    ) -> int:
        """Replace the user's own password, end their other sessions and return how many.

        Raises PasswordError for a new password that is not accepted, and what `begin` raises.
        """
        check_password(new, session.name)
        if new == current:
            raise PasswordError("The new password is the present one: choose another one.")
        await self.confirm_password(session, current, address)
        password_hash = await asyncio.to_thread(hash_password, new)
        return await self._pool.run(_change_password, session, password_hash, self._clock())

    async def confirm_password(self, session: ValidSession, current: str, address: str) -> None:
        """Check the user's own password once more, before a change of how they sign in.

        Raises WrongPasswordError, ThrottledError, TooManySignInsError, or another RetryableError.
        """
        keys = self.throttle.keys_of(session.name, address)
        async with self.throttle.in_turn():
            await self.throttle.refuse(keys)
            user = await self._pool.run(find_user, session.name)
            if user is None or not await asyncio.to_thread(fits, current, user.password_hash):
                await self.throttle.note(keys, address, session.actor, "wrong password")
                raise WrongPasswordError("the current password is wrong")


@raises_store_errors
def _change_password(
    conn: psycopg.Connection, session: ValidSession, password_hash: str, now: datetime
) -> int:
    with conn.transaction():
        if not holds(conn, session):  # another password was set meanwhile, for example
            raise WrongPasswordError("the session has ended")
        set_password(conn, session.user_id, password_hash, now)
        ended = end_sessions(conn, session.user_id, session.session_id)
        record(
            conn, actor=session.actor, action="desk.change_password", reason=f"as {session.name}"
        )
    return ended
