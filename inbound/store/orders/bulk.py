"""Bulk orders of programs: the accounts that have some, and the next ones of each."""

from collections.abc import Mapping
from datetime import datetime
from typing import Final, NamedTuple

import psycopg

from inbound.store.connections import raises_store_errors
from inbound.store.fetching import fetch_rows
from inbound.store.orders.orders import order_of
from inbound.store.orders.rows import OrderRow
from inbound.store.statements import statements

_SQL: Final = statements(__package__, "bulk")
_BULK_ACCOUNTS: Final = _SQL["bulk_accounts"]
_FIND_DUE_BULK: Final = _SQL["find_due_bulk"]


class BulkAccount(NamedTuple):
    """How many bulk orders of an account are queued, and how many are due."""

    account: str
    queued: int
    due: int


@raises_store_errors
def find_bulk_accounts(conn: psycopg.Connection, now: datetime, most: int) -> list[BulkAccount]:
    """Return the accounts with bulk orders; due ones are counted up to `most`."""
    return fetch_rows(conn, BulkAccount, _BULK_ACCOUNTS, {"now": now, "most": most})


async def find_due_bulk(
    conn: psycopg.AsyncConnection, now: datetime, shares: Mapping[str, int]
) -> list[OrderRow]:
    """Return due bulk orders, up to each account's share, and lock them until commit."""
    parameters = {"now": now, "accounts": list(shares), "limits": list(shares.values())}
    cursor = await conn.execute(_FIND_DUE_BULK, parameters)
    return [order_of(row) async for row in cursor]
