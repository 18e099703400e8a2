"""The assignments of texts to accounts, as people manage them. Every change is in the audit."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

import psycopg

from inbound.parsers.text_routes import ANY, RouteKey
from inbound.store.access import audit
from inbound.store.access.api_tokens import has_account
from inbound.store.connections import raises_store_errors
from inbound.store.fetching import fetch_rows
from inbound.store.orders.rows import AccountMissingError
from inbound.store.statements import statements

Way = Literal["smpp", "http"]
"""How texts are delivered: by deliver_sm to the account's program, or by a call to its URL."""

_SQL: Final = statements(__package__, "account_texts")
_PUT_ROUTE: Final = _SQL["put_route"]
_DELETE_ROUTE: Final = _SQL["delete_route"]
_LIST_ROUTES: Final = _SQL["list_routes"]
_SET_WAY: Final = _SQL["set_way"]
_MOVE: Final = {"smpp": _SQL["move_to_smpp"], "http": _SQL["move_to_http"]}


@dataclass(frozen=True, slots=True)
class ListedRoute:
    """A route of an account; `waiting` is how many texts wait for the account."""

    account: str
    number: str
    word: str
    over: Way
    added_at: datetime
    waiting: int


@raises_store_errors
def assign(conn: psycopg.Connection, account: str, key: RouteKey, *, actor: str) -> bool:
    """Assign texts to an account, and take them from another; False if it has them already.

    Raises AccountMissingError.
    """
    with conn.transaction():
        _require(conn, account)
        if conn.execute(_PUT_ROUTE, {**key._asdict(), "account": account}).rowcount == 0:
            return False
        audit.record_change(conn, actor, "accounts.texts.assign", f"{account}: {described(key)}")
    return True


@raises_store_errors
def withdraw(conn: psycopg.Connection, account: str, key: RouteKey, *, actor: str) -> bool:
    """Take texts from an account; those that wait are still delivered. False if it has none."""
    with conn.transaction():
        if conn.execute(_DELETE_ROUTE, {**key._asdict(), "account": account}).rowcount == 0:
            return False
        audit.record_change(conn, actor, "accounts.texts.withdraw", f"{account}: {described(key)}")
    return True


@raises_store_errors
def set_way(conn: psycopg.Connection, account: str, way: Way, *, actor: str) -> bool:
    """Change how texts are delivered, waiting ones too; False if that is set already.

    Raises AccountMissingError.
    """
    with conn.transaction():
        _require(conn, account)
        if conn.execute(_SET_WAY, {"account": account, "way": way}).rowcount == 0:
            return False
        conn.execute(_MOVE[way], {"account": account})
        audit.record_change(conn, actor, "accounts.texts.over", f"{account}: {way}")
    return True


@raises_store_errors
def list_routes(conn: psycopg.Connection, account: str | None = None) -> list[ListedRoute]:
    """Return the routes of all accounts or of one."""
    return fetch_rows(conn, ListedRoute, _LIST_ROUTES, {"account": account})


def described(key: RouteKey) -> str:
    """Say which texts a route is about."""
    number = f"to {key.number}" if key.number != ANY else "to any number"
    return f"texts {number}" + (f" that begin with {key.word}" if key.word != ANY else "")


def _require(conn: psycopg.Connection, account: str) -> None:
    if not has_account(conn, account):
        raise AccountMissingError(account)
