"""What people do with tokens of the API: each is one audit entry, in its transaction.

Synchronous, on the caller's connection.
"""

import re
from dataclasses import replace
from datetime import datetime
from typing import Final
from uuid import uuid4

import psycopg

from inbound.api.tokens import Scope, digest_of, new_token
from inbound.errors import SetupError
from inbound.store.access.api_tokens import (
    DEFAULT_ACCOUNT,
    ListedToken,
    NewToken,
    add_token,
    has_account,
    revoke_token,
)
from inbound.store.access.audit import record
from inbound.store.connections import raises_store_errors

# Names are kept for ever in logs and in the audit, so they must not contain a phone number.
NAME: Final = re.compile(r"(?!.*[0-9]{7})[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


class UnknownAccountError(SetupError):
    """There is no account of this name."""


class TokenExistsError(SetupError):
    """A token that is not revoked has this name."""


class NoTokenError(SetupError):
    """No valid token has this name."""


def make_token(
    name: str, scopes: list[str], now: datetime, expires_at: datetime | None, account: str
) -> tuple[str, NewToken]:
    """Return a new token, which is never stored, and what is stored of it."""
    token = new_token()
    new = NewToken(uuid4(), name, digest_of(token), scopes, now, expires_at, account)
    return token, new if Scope.SEND in scopes else replace(new, account=DEFAULT_ACCOUNT)


@raises_store_errors
def create_token(conn: psycopg.Connection, new: NewToken, *, actor: str) -> None:
    """Store a token. Raises UnknownAccountError and TokenExistsError."""
    with conn.transaction():
        if not has_account(conn, new.account):
            raise UnknownAccountError(
                f"--account: there is no account {new.account!r}; create it with "
                "`scserv accounts create`"
            )
        if not add_token(conn, new):
            raise TokenExistsError(
                f"a token {new.name!r} exists; revoke it first (`scserv tokens revoke {new.name}`) "
                "or choose another name"
            )
        record(conn, actor=actor, action="tokens.create", reason=f"{new.name}: {grants(new)}")


@raises_store_errors
def revoke_by_name(conn: psycopg.Connection, name: str, now: datetime, *, actor: str) -> None:
    """Revoke the token of this name. Raises NoTokenError."""
    with conn.transaction():
        if not revoke_token(conn, name, now):
            # Does not repeat the argument, which may be the token itself.
            raise NoTokenError("no valid token has this name; `scserv tokens list` shows the names")
        record(conn, actor=actor, action="tokens.revoke", reason=name)


def state_of(token: ListedToken, now: datetime) -> str:
    """Return `revoked`, `expired` or `valid`."""
    if token.revoked_at:
        return "revoked"
    return "expired" if token.expires_at and token.expires_at <= now else "valid"


def grants(token: NewToken | ListedToken) -> str:
    """Return the scopes, with the account for which a token may send."""
    of = f" (account {token.account})" if Scope.SEND.value in token.scopes else ""
    return f"{', '.join(token.scopes)}{of}"
