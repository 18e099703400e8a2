"""Sessions of the desk, and failures to sign in.

A session is valid for the browser that began it, until it has not been used for the idle limit, is
older than the absolute limit, was ended, or its user was disabled.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

import psycopg
from psycopg.rows import args_row

from inbound.store.connections import raises_store_errors
from inbound.store.statements import statements

_SQL: Final = statements(__package__, "desk_sessions")
_ADD_SESSION: Final = _SQL["add_session"]
_USE_SESSION: Final = _SQL["use_session"]
_LOCK_USER: Final = _SQL["lock_user"]
_HAS_SESSION: Final = _SQL["has_session"]
_LIST_SESSIONS: Final = _SQL["list_sessions"]
_END_SESSION: Final = _SQL["end_session"]
_END_SESSIONS: Final = _SQL["end_sessions"]
_SWEEP_SESSIONS: Final = _SQL["sweep_sessions"]
_COUNT_FAILURES: Final = _SQL["count_failures"]
_SWEEP_FAILURES: Final = _SQL["sweep_failures"]
_ADD_FAILURE: Final = _SQL["add_failure"]
_FORGET_FAILURES: Final = _SQL["forget_failures"]


@dataclass(frozen=True, slots=True)
class SessionLimits:
    """How long a session lasts: since its last use, and since it began.

    `shared`: how long the open tabs of a browser share the answer that it is valid.
    """

    idle: timedelta
    absolute: timedelta
    shared: timedelta = timedelta(seconds=1)

    def at(self, now: datetime) -> dict[str, Any]:
        """Return the times after which a valid session was used and begun."""
        return {"now": now, "idle_since": now - self.idle, "begun_since": now - self.absolute}


@dataclass(frozen=True, slots=True)
class NewSession:
    """A session to store. `digest` is the SHA-256 of its cookie, `browser` of the browser."""

    session_id: UUID
    digest: bytes = field(repr=False)
    browser: bytes = field(repr=False)
    user_id: UUID
    by_provider: bool = False


@dataclass(frozen=True, slots=True)
class ValidSession:
    """A valid session and its user.

    `has_factor`: the user has a second factor. `by_provider`: begun at the OpenID provider.
    """

    session_id: UUID
    user_id: UUID
    name: str
    actor: str
    roles: Sequence[str]
    created_at: datetime
    has_factor: bool = False
    by_provider: bool = False


@dataclass(frozen=True, slots=True)
class ListedSession:
    """A valid session of one user; `used_at` is at most a minute too old."""

    session_id: UUID
    created_at: datetime
    used_at: datetime


@dataclass(frozen=True, slots=True)
class Failures:
    """Failures of one key since the beginning of its window."""

    key: bytes
    failures: int
    since: datetime


@raises_store_errors
def add_session(
    conn: psycopg.Connection, new: NewSession, limits: SessionLimits, now: datetime
) -> None:
    """Store a session, and delete all that are over."""
    conn.execute(_SWEEP_SESSIONS, limits.at(now))
    conn.execute(
        _ADD_SESSION,
        {
            "session_id": new.session_id,
            "digest": new.digest,
            "browser": new.browser,
            "user_id": new.user_id,
            "by_provider": new.by_provider,
            "now": now,
        },
    )


@raises_store_errors
def use_session(
    conn: psycopg.Connection,
    digest: bytes,
    browser: bytes,
    limits: SessionLimits,
    now: datetime,
    *,
    counts: bool,
) -> ValidSession | None:
    """Return the valid session with this digest; if that `counts`, record its use.

    One round trip.
    """
    parameters = {"digest": digest, "browser": browser, "counts": counts, **limits.at(now)}
    with conn.cursor(row_factory=args_row(ValidSession)) as cursor:
        return cursor.execute(_USE_SESSION, parameters).fetchone()


@raises_store_errors
def lock_user(conn: psycopg.Connection, user_id: UUID) -> None:
    """Let no session of a user begin until commit, and wait for those that begin now."""
    conn.execute(_LOCK_USER, {"user_id": user_id})


@raises_store_errors
def holds(conn: psycopg.Connection, session: ValidSession) -> bool:
    """Whether a session has not been ended since it was found valid; lock its user until commit.

    For changes of how the user signs in.
    """
    lock_user(conn, session.user_id)
    return conn.execute(_HAS_SESSION, {"session_id": session.session_id}).fetchone() == (True,)


@raises_store_errors
def list_sessions(
    conn: psycopg.Connection, user_id: UUID, limits: SessionLimits, now: datetime
) -> list[ListedSession]:
    """Return the valid sessions of a user, the last used one first."""
    with conn.cursor(row_factory=args_row(ListedSession)) as cursor:
        return cursor.execute(_LIST_SESSIONS, {"user_id": user_id, **limits.at(now)}).fetchall()


@raises_store_errors
def end_session(conn: psycopg.Connection, user_id: UUID, session_id: UUID) -> bool:
    """End a session of this user; False if it has none with this id."""
    parameters = {"session_id": session_id, "user_id": user_id}
    return conn.execute(_END_SESSION, parameters).rowcount == 1


@raises_store_errors
def end_sessions(conn: psycopg.Connection, user_id: UUID, but: UUID | None = None) -> int:
    """End all sessions of a user, except one; return how many.

    None begins until commit, and those that begin now are waited for.
    """
    lock_user(conn, user_id)
    return conn.execute(_END_SESSIONS, {"user_id": user_id, "but": but}).rowcount


@raises_store_errors
def count_failures(
    conn: psycopg.Connection, keys: Sequence[bytes], window_since: datetime
) -> list[Failures]:
    """Return the failures of each of these keys that has some in its window."""
    parameters = {"keys": list(keys), "window_since": window_since}
    with conn.cursor(row_factory=args_row(Failures)) as cursor:
        return cursor.execute(_COUNT_FAILURES, parameters).fetchall()


@raises_store_errors
def add_failure(
    conn: psycopg.Connection, keys: Sequence[bytes], window_since: datetime, now: datetime
) -> None:
    """Count a failure for each key, and delete counts whose window is over."""
    parameters = {"keys": list(keys), "window_since": window_since, "now": now}
    conn.execute(_SWEEP_FAILURES, parameters)
    conn.execute(_ADD_FAILURE, parameters)


@raises_store_errors
def forget_failures(conn: psycopg.Connection, keys: Sequence[bytes]) -> None:
    """Delete the counts of these keys."""
    conn.execute(_FORGET_FAILURES, {"keys": list(keys)})
