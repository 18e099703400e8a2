"""Sessions of users: begun by signing in, found by their cookie, ended by their user."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import psycopg

from inbound.desk.shared_readings import SharedReadings
from inbound.desk.tokens import digest_of, new_token
from inbound.errors import ScservError
from inbound.ops import server_metrics
from inbound.store.access.audit import record
from inbound.store.access.desk_sessions import (
    ListedSession,
    NewSession,
    SessionLimits,
    ValidSession,
    add_session,
    end_session,
    end_sessions,
    forget_failures,
    list_sessions,
    use_session,
)
from inbound.store.access.desk_users import DeskUser, hold_user
from inbound.store.access.second_factors import find_factor
from inbound.store.connection_pool import ConnectionPool
from inbound.store.connections import raises_store_errors


class OvertakenError(ScservError):
    """How the user signs in was changed after they were asked for it: what they gave is too old."""


class OwnSessions:
    """Begins, finds and ends sessions. `factor_roles` are the roles that need a second factor."""

    def __init__(
        self,
        pool: ConnectionPool,
        limits: SessionLimits,
        *,
        clock: Callable[[], datetime],
        new_id: Callable[[], UUID],
        factor_roles: Collection[str] = (),
    ) -> None:
        self._pool = pool
        self._limits = limits
        self._clock = clock
        self._new_id = new_id
        self._factor_roles = frozenset(factor_roles)
        self._polling = SharedReadings[ValidSession | None](limits.shared.total_seconds())

    async def begin(
        self,
        user: DeskUser,
        browser: str,
        account: bytes | None,
        *,
        by_provider: bool = False,
        factor_set_at: datetime | None = None,
    ) -> str:
        """Return the cookie of a new session of somebody who has proved who they are.

        `user` is as they were when they did, with the second factor that was set then. Failures
        that count under `account` are forgotten. Raises OvertakenError and RetryableError.
        """
        cookie = new_token()
        new = NewSession(
            self._new_id(), digest_of(cookie), digest_of(browser), user.user_id, by_provider
        )
        proved = _Proved(user, factor_set_at)
        await self._pool.run(_begin, new, proved, self._limits, account, self._clock())
        server_metrics.DESK_SIGN_INS.add(1, {"outcome": "ok"})
        return cookie

    async def find(self, cookie: str, browser: str, *, counts: bool) -> ValidSession | None:
        """Return the valid session of a cookie; if the request `counts`, the session is used now.

        A request that doesn't count is a page's own poll, and many tabs share an answer for a
        moment.
        """
        digests = digest_of(cookie), digest_of(browser)
        limits, now = self._limits, self._clock()

        async def use() -> ValidSession | None:
            return await self._pool.run(use_session, *digests, limits, now, counts=counts)

        return await (use() if counts else self._polling.get(digests, use))

    def needs_factor(self, session: ValidSession) -> bool:
        """Whether a role of the user needs a second factor beside the password."""
        return bool(self._factor_roles & set(session.roles))

    def lacks_factor(self, session: ValidSession) -> bool:
        """Whether the user has to set a second factor up before anything else.

        That of a session from the provider is up to the provider.
        """
        return not (session.by_provider or session.has_factor) and self.needs_factor(session)

    async def of(self, user_id: UUID) -> list[ListedSession]:
        """Return the valid sessions of a user."""
        return await self._pool.run(list_sessions, user_id, self._limits, self._clock())

    async def end(self, session: ValidSession, session_id: UUID) -> bool:
        """End one of the user's own sessions; False if it has ended already."""
        return await self._pool.run(_end, session, session_id)

    async def end_others(self, session: ValidSession) -> int:
        """End all of the user's sessions but this one; return how many."""
        return await self._pool.run(_end_others, session)


@dataclass(frozen=True, slots=True)
class _Proved:
    """A user and when their second factor was set, as they were when they proved who they are."""

    user: DeskUser
    factor_set_at: datetime | None

    def still_holds(self, conn: psycopg.Connection, *, by_provider: bool) -> bool:
        """Whether they could prove it in the same way now; nobody changes that until commit."""
        before, now = self.user, hold_user(conn, self.user.user_id)
        if now is None or now.disabled_at is not None:
            return False
        if by_provider:
            return (now.provider_issuer, now.provider_subject) == (
                before.provider_issuer,
                before.provider_subject,
            )
        # A statement of its own, because only a new one sees what was committed before the lock.
        factor = find_factor(conn, before.user_id)
        return (now.password_set_at, now.is_of_provider, factor and factor.set_at) == (
            before.password_set_at,
            before.is_of_provider,
            self.factor_set_at,
        )


@raises_store_errors
def _begin(
    conn: psycopg.Connection,
    new: NewSession,
    proved: _Proved,
    limits: SessionLimits,
    account: bytes | None,
    now: datetime,
) -> None:
    user = proved.user
    with conn.transaction():
        if not proved.still_holds(conn, by_provider=new.by_provider):
            raise OvertakenError("the user was changed meanwhile")
        if account is not None:
            forget_failures(conn, [account])
        add_session(conn, new, limits, now)
        how = ", at the provider" if new.by_provider else ""
        record(conn, actor=user.actor, action="desk.sign_in", reason=f"as {user.name}{how}")


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
