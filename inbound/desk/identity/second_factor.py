"""Second factors of users: setting one up, checking its codes, and removing it.

The secret is sealed with the vault key, in the database and in the form that sets it up. Functions
that take a connection are synchronous; each change is one audit entry.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import psycopg

from inbound.desk.identity.one_time_codes import (
    digest_of_code,
    new_recovery_codes,
    new_secret,
    plain,
    step_of,
)
from inbound.keys import UnsealError, VaultCipher
from inbound.store.access.audit import record
from inbound.store.access.desk_sessions import ValidSession, end_sessions, holds
from inbound.store.access.desk_users import DeskUser
from inbound.store.access.second_factors import (
    SecondFactor,
    find_factor,
    remove_factor,
    replace_codes,
    set_factor,
    use_code,
    use_step,
)
from inbound.store.connection_pool import ConnectionPool
from inbound.store.connections import raises_store_errors

ACTION: Final = "desk.second_factor"
ENROLMENT: Final = timedelta(minutes=15)


class SecondFactors:
    """The second factors of users. The password was confirmed before each change."""

    def __init__(
        self, pool: ConnectionPool, cipher: VaultCipher, clock: Callable[[], datetime]
    ) -> None:
        self._pool = pool
        self._cipher = cipher
        self._clock = clock

    async def find(self, user_id: UUID) -> SecondFactor | None:
        """Return the second factor of a user."""
        return await self._pool.run(find_factor, user_id)

    def begin(self, session: ValidSession) -> tuple[str, str]:
        """Return a new secret, plain for the QR code and sealed for the form."""
        secret = new_secret()
        return secret, seal_enrolment(self._cipher, session.user_id, secret, self._clock())

    def opened(self, session: ValidSession, sealed: str) -> str | None:
        """Return the secret of such a form, None if it is no longer valid."""
        return open_enrolment(self._cipher, session.user_id, sealed, self._clock())

    async def set_up(self, session: ValidSession, secret: str, typed: str) -> list[str] | None:
        """Set the second factor up and return recovery codes; None if the code is wrong.

        An empty list: the user has one already.
        """
        now = self._clock()
        step = step_of(secret, plain(typed), now)
        if step is None:
            return None
        codes = new_recovery_codes()
        sealed = self._cipher.seal(secret.encode(), stored_context(session.user_id))
        digests = [digest_of_code(code) for code in codes]
        is_new = await self._pool.run(set_up, session, sealed, step, digests, now)
        return codes if is_new else []

    async def give_codes(self, session: ValidSession) -> list[str]:
        """Replace the recovery codes and return them; none without a second factor."""
        codes = new_recovery_codes()
        digests = [digest_of_code(code) for code in codes]
        return codes if await self._pool.run(give_codes, session, digests) else []

    async def remove(self, session: ValidSession) -> bool:
        """Remove the second factor; False if there is none."""
        return await self._pool.run(remove_own, session)

    async def accept(self, user: DeskUser, typed: str) -> bool:
        """Use a code of a user up; False if it is wrong or was used before."""
        return await self._pool.run(accept, self._cipher, user, typed, self._clock())


def seal_enrolment(cipher: VaultCipher, user_id: UUID, secret: str, now: datetime) -> str:
    """Return a secret that is not in use yet, sealed for the form that confirms it."""
    content = f"{int(now.timestamp())}:{secret}".encode()
    return cipher.seal(content, _enrolment(user_id)).hex()


def open_enrolment(cipher: VaultCipher, user_id: UUID, sealed: str, now: datetime) -> str | None:
    """Return the secret of such a form; None for another user's, or one that is too old."""
    try:
        content = cipher.open(bytes.fromhex(sealed), _enrolment(user_id)).decode()
    except (ValueError, UnsealError):
        return None
    at, _, secret = content.partition(":")
    return secret if now.timestamp() - int(at) < ENROLMENT.total_seconds() else None


@raises_store_errors
def set_up(
    conn: psycopg.Connection,
    session: ValidSession,
    sealed: bytes,
    step: int,
    digests: list[bytes],
    now: datetime,
) -> bool:
    """Store a user's second factor and end their other sessions.

    False if they have one, or the session has ended meanwhile.
    """
    with conn.transaction():
        if not holds(conn, session) or not set_factor(conn, session.user_id, sealed, step, now):
            return False
        replace_codes(conn, session.user_id, digests)
        end_sessions(conn, session.user_id, session.session_id)
        record(conn, actor=session.actor, action=ACTION, reason=f"as {session.name}: set up")
    return True


@raises_store_errors
def give_codes(conn: psycopg.Connection, session: ValidSession, digests: list[bytes]) -> bool:
    """Replace a user's recovery codes.

    False if they have no second factor, or the session has ended meanwhile.
    """
    with conn.transaction():
        if not holds(conn, session) or find_factor(conn, session.user_id) is None:
            return False
        replace_codes(conn, session.user_id, digests)
        reason = f"as {session.name}: new recovery codes"
        record(conn, actor=session.actor, action=ACTION, reason=reason)
    return True


@raises_store_errors
def remove_own(conn: psycopg.Connection, session: ValidSession) -> bool:
    """Remove a user's own second factor.

    False if they have none, or the session has ended meanwhile.
    """
    with conn.transaction():
        is_gone = holds(conn, session) and remove_factor(conn, session.user_id)
        if is_gone:
            reason = f"as {session.name}: removed"
            record(conn, actor=session.actor, action=ACTION, reason=reason)
    return is_gone


@raises_store_errors
def accept(
    conn: psycopg.Connection, cipher: VaultCipher, user: DeskUser, typed: str, now: datetime
) -> bool:
    """Use a code or a recovery code up; False if it is wrong or was used before."""
    with conn.transaction():
        factor = find_factor(conn, user.user_id)
        if factor is None:
            return False
        secret = cipher.open(factor.secret, stored_context(user.user_id)).decode()
        step = step_of(secret, plain(typed), now)
        if step is not None:
            return use_step(conn, user.user_id, step)
        if not use_code(conn, user.user_id, digest_of_code(typed)):
            return False
        reason = f"as {user.name}: recovery code used, {factor.codes - 1} left"
        record(conn, actor=user.actor, action=ACTION, reason=reason)
    return True


def stored_context(user_id: UUID) -> bytes:
    """Return the context in which the secret of a user is sealed in the database."""
    return b"second factor:" + user_id.bytes


def _enrolment(user_id: UUID) -> bytes:
    return b"second factor enrolment:" + user_id.bytes
