"""Tokens of the HTTP API, stored as SHA-256 only (inbound/api/tokens.py explains why)."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from uuid import UUID

import psycopg

from inbound.store.connections import raises_store_errors
from inbound.store.fetching import fetch_row, fetch_rows
from inbound.store.statements import statements

DEFAULT_ACCOUNT: Final = "default"

_SQL: Final = statements(__package__, "api_tokens")
_FIND_ACCOUNT: Final = _SQL["find_account"]
_ADD_TOKEN: Final = _SQL["add_token"]
_REVOKE_TOKEN: Final = _SQL["revoke_token"]
_LIST_TOKENS: Final = _SQL["list_tokens"]
_USE_TOKEN: Final = _SQL["use_token"]


@dataclass(frozen=True, slots=True)
class NewToken:
    """A token to store. `digest` is the SHA-256 of the token."""

    token_id: UUID
    name: str
    digest: bytes = field(repr=False)
    scopes: Sequence[str]
    created_at: datetime
    expires_at: datetime | None
    account: str = DEFAULT_ACCOUNT


@dataclass(frozen=True, slots=True)
class ValidToken:
    """A token that is neither revoked nor expired.

    `address_allowed` is False if its account has allowed addresses, and the caller's is none.
    """

    token_id: UUID
    name: str
    scopes: Sequence[str]
    digest: bytes = field(repr=False)
    account: str
    address_allowed: bool


@dataclass(frozen=True, slots=True)
class ListedToken:
    """A token without its digest; times in UTC."""

    token_id: UUID
    name: str
    scopes: Sequence[str]
    account: str
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_at: datetime | None


@raises_store_errors
def has_account(conn: psycopg.Connection, account: str) -> bool:
    """Whether there is an account of this name."""
    return conn.execute(_FIND_ACCOUNT, {"account": account}).rowcount == 1


@raises_store_errors
def add_token(conn: psycopg.Connection, token: NewToken) -> bool:
    """Store a token; False if an unrevoked token has that name."""
    added = conn.execute(
        _ADD_TOKEN,
        {
            "token_id": token.token_id,
            "name": token.name,
            "digest": token.digest,
            "scopes": list(token.scopes),
            "account": token.account,
            "created_at": token.created_at,
            "expires_at": token.expires_at,
        },
    )
    return added.rowcount == 1


@raises_store_errors
def revoke_token(conn: psycopg.Connection, name: str, now: datetime) -> bool:
    """Revoke the token with this name; False if there is none."""
    return conn.execute(_REVOKE_TOKEN, {"name": name, "now": now}).rowcount == 1


@raises_store_errors
def list_tokens(conn: psycopg.Connection) -> list[ListedToken]:
    """Return all tokens by name, revoked ones last."""
    return fetch_rows(conn, ListedToken, _LIST_TOKENS)


@raises_store_errors
def use_token(
    conn: psycopg.Connection, digest: bytes, now: datetime, address: str | None
) -> ValidToken | None:
    """Return the valid token with this digest, and record its use.

    `address` is the caller's, None if unknown. One round trip. Records a use at most once a
    minute, so a busy token costs no writes.
    """
    return fetch_row(
        conn, ValidToken, _USE_TOKEN, {"digest": digest, "now": now, "address": address}
    )
