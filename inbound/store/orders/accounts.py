"""Reads accounts and counts what they order, within the transaction that accepts."""

from collections.abc import Collection, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

import psycopg

from inbound.store.connections import raises_store_errors
from inbound.store.orders.rows import Account, UsageKey
from inbound.store.statements import Query, statements

_SQL: Final = statements(__package__, "accounts")
_LOCK_ACCOUNTS: Final = _SQL["lock_accounts"]
_FIND_ACCOUNTS: Final = _SQL["find_accounts"]
_FIND_USAGE: Final = _SQL["find_usage"]
_ADD_USAGE: Final = _SQL["add_usage"]
_CHARGE_ACCOUNTS: Final = _SQL["charge_accounts"]
_OCCUPY_ACCOUNTS: Final = _SQL["occupy_accounts"]


async def lock_accounts(
    conn: psycopg.AsyncConnection, names: Collection[str]
) -> dict[str, Account]:
    """Return these accounts; those with counters stay locked until commit. One round trip."""
    parameters = {"accounts": sorted(names)}
    async with conn.pipeline():
        await conn.execute(_LOCK_ACCOUNTS, parameters)
        cursor = await conn.execute(_FIND_ACCOUNTS, parameters)
    return {row[0]: _account(row) async for row in cursor}


async def find_accounts(
    conn: psycopg.AsyncConnection, names: Collection[str]
) -> dict[str, Account]:
    """Return these accounts without locking them."""
    cursor = await conn.execute(_FIND_ACCOUNTS, {"accounts": sorted(names)})
    return {row[0]: _account(row) async for row in cursor}


@raises_store_errors
def read_account(conn: psycopg.Connection, name: str) -> Account | None:
    """Return an account without locking it: for checks before orders are placed."""
    row = conn.execute(_FIND_ACCOUNTS, {"accounts": [name]}).fetchone()
    return None if row is None else _account(row)


async def find_usage(
    conn: psycopg.AsyncConnection, keys: Collection[UsageKey]
) -> dict[UsageKey, int]:
    """Return the counters that exist."""
    cursor = await conn.execute(_FIND_USAGE, _keys(keys))
    return {UsageKey(account, period): used async for account, period, used in cursor}


def addition(usage: Mapping[UsageKey, int]) -> Query:
    """Return the query that adds to these counters."""
    return _ADD_USAGE, {**_keys(usage), "used": list(usage.values())}


def charging(charges: Mapping[str, Decimal]) -> Query:
    """Return the query that takes these amounts from the balances."""
    return _CHARGE_ACCOUNTS, {"accounts": list(charges), "amounts": list(charges.values())}


def occupying(free_at: Mapping[str, datetime]) -> Query:
    """Return the query that stores until when the messages of accounts use up their rates."""
    return _OCCUPY_ACCOUNTS, {"accounts": list(free_at), "free_at": list(free_at.values())}


def _keys(keys: Collection[UsageKey]) -> dict[str, Any]:
    return {"accounts": [key.account for key in keys], "periods": [key.period for key in keys]}


def _account(row: tuple[Any, ...]) -> Account:
    values = list(row)
    values[2:4] = map(frozenset, values[2:4])
    values[11] = tuple(values[11])
    return Account(*values)
