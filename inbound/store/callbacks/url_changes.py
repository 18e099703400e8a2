"""Changes that people make to the URLs of accounts and to dead calls, each with an audit entry."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import psycopg

from inbound.store.access.api_tokens import has_account
from inbound.store.access.audit import record
from inbound.store.callbacks import callbacks as stored
from inbound.store.callbacks.callbacks import CallbackUrl
from inbound.store.connections import raises_store_errors


class NoUrlError(LookupError):
    """The account has no URL."""


class NoAccountError(LookupError):
    """There is no account of this name."""


@raises_store_errors
def set_url(conn: psycopg.Connection, url: CallbackUrl, *, actor: str) -> None:
    """Store the URL of an account in place of another one. Raises NoAccountError."""
    with conn.transaction():
        if not has_account(conn, url.account):
            raise NoAccountError(url.account)
        stored.set_url(conn, url)
        record(conn, actor=actor, action="callbacks.set", reason=url.account)


@raises_store_errors
def rotate_secret(
    conn: psycopg.Connection, account: str, secret: bytes, until: datetime, *, actor: str
) -> None:
    """Store a new sealed secret; the one before stays valid until then. Raises NoUrlError."""
    with conn.transaction():
        if not stored.rotate_secret(conn, account, secret, until):
            raise NoUrlError(account)
        record(conn, actor=actor, action="callbacks.rotate", reason=account)


@raises_store_errors
def remove_url(conn: psycopg.Connection, account: str, *, actor: str) -> None:
    """Delete the URL of an account with the calls that wait. Raises NoUrlError."""
    with conn.transaction():
        if not stored.remove_url(conn, account):
            raise NoUrlError(account)
        record(conn, actor=actor, action="callbacks.remove", reason=account)


@raises_store_errors
def retry_dead(
    conn: psycopg.Connection,
    account: str,
    now: datetime,
    callback_ids: Sequence[UUID] | None = None,
    *,
    actor: str,
) -> int:
    """Revive dead calls of an account, those with these ids or all; return how many."""
    with conn.transaction():
        count = stored.retry_dead(conn, account, now, callback_ids)
        if count:
            reason = f"{account}: {count} {'call' if count == 1 else 'calls'}"
            record(conn, actor=actor, action="callbacks.retry", reason=reason)
    return count
