"""How programs of accounts sign in at the ingress: stored as verifiers only.

`inbound.ingress.credentials` makes them, `inbound.ingress.access` compares them.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, NamedTuple

import psycopg

from inbound.store.access.audit import NewAuditEntry, record_all
from inbound.store.connections import raises_store_errors
from inbound.store.statements import statements

NUMBERS_AT_ONCE: Final = 100
MOST_CLIENTS: Final = 20
"""Of an account are remembered."""

_SQL: Final = statements(__package__, "account_credentials")
_PUT_CREDENTIALS: Final = _SQL["put_credentials"]
_FIND_CREDENTIALS: Final = _SQL["find_credentials"]
_REMEMBER_CLIENT: Final = _SQL["remember_client"]
_FIND_OUTDATED: Final = _SQL["find_outdated"]
_TAKE_NUMBERS: Final = _SQL["take_numbers"]


@dataclass(frozen=True, slots=True)
class NewVerifiers:
    """What is stored of new credentials."""

    account: str
    login: str
    password: bytes = field(repr=False)
    key: bytes = field(repr=False)
    service: bytes = field(repr=False)


class AccountName(NamedTuple):
    """How a program names its account: by one of these. `key` is its verifier."""

    number: int | None = None
    login: str | None = None
    key: bytes | None = None


@dataclass(frozen=True, slots=True)
class FoundCredentials:
    """The credentials of an account.

    `address_allowed` says whether the caller's address is, `has_signed_in` whether the account's
    program has signed in from there with them.
    """

    account: str
    number: int
    login: str
    enabled: bool
    password: bytes = field(repr=False)
    key: bytes = field(repr=False)
    service: bytes = field(repr=False)
    changed_at: datetime
    address_allowed: bool
    has_signed_in: bool


class SignedIn(NamedTuple):
    """How a program that stays connected has signed in.

    `changed_at` is that of the credentials it used, `address` its own, None if unknown.
    """

    account: str
    changed_at: datetime
    address: str | None


@raises_store_errors
def put_credentials(conn: psycopg.Connection, new: NewVerifiers, *, actor: str) -> None:
    """Store the credentials of an account, in place of earlier ones; the audit gets an entry."""
    with conn.transaction():
        parameters = {
            "account": new.account,
            "login": new.login,
            "password": new.password,
            "key": new.key,
            "service": new.service,
        }
        conn.execute(_PUT_CREDENTIALS, parameters)
        record_all(conn, [NewAuditEntry(actor, "accounts.credentials", new.account)])


@raises_store_errors
def find_credentials(
    conn: psycopg.Connection, asked: Sequence[tuple[AccountName, str | None]]
) -> list[FoundCredentials | None]:
    """Return the credentials of accounts, None for each that does not exist.

    Beside each name is the caller's address, None if unknown. One round trip.
    """
    parameters = {
        "numbers": [name.number for name, _ in asked],
        "logins": [name.login for name, _ in asked],
        "keys": [name.key for name, _ in asked],
        "addresses": [address for _, address in asked],
    }
    found: list[FoundCredentials | None] = [None] * len(asked)
    for place, *row in conn.execute(_FIND_CREDENTIALS, parameters):
        found[place - 1] = FoundCredentials(*row)
    return found


@raises_store_errors
def remember_client(conn: psycopg.Connection, account: str, client: str, at: datetime) -> None:
    """Store from where a program has signed in: an address, or an IPv6 network."""
    parameters = {"account": account, "client": client, "at": at, "most": MOST_CLIENTS}
    conn.execute(_REMEMBER_CLIENT, parameters)


@raises_store_errors
def find_outdated(conn: psycopg.Connection, signed_in: Sequence[SignedIn]) -> list[SignedIn]:
    """Return those who could not sign in again the way they did.

    Their account has other credentials now, or does not allow their address any more.
    """
    parameters = {
        "accounts": [one.account for one in signed_in],
        "times": [one.changed_at for one in signed_in],
        "addresses": [one.address for one in signed_in],
    }
    return [signed_in[place - 1] for (place,) in conn.execute(_FIND_OUTDATED, parameters)]


@raises_store_errors
def take_numbers(conn: psycopg.Connection) -> range:
    """Return `NUMBERS_AT_ONCE` numbers that nobody else gets, for ids of messages."""
    row = conn.execute(_TAKE_NUMBERS).fetchone()
    if row is None:
        raise RuntimeError("SELECT nextval returned no row")
    return range(row[0], row[0] + NUMBERS_AT_ONCE)
