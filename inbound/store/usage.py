"""Reads and locks the counts of `store_usage`, which triggers keep.

A transaction that writes a counted table locks its count first, so that writers take turns and
never deadlock.
"""

from typing import Final

import psycopg
from psycopg.rows import args_row

from inbound.store.quotas import Usage
from inbound.store.statements import Query, statements

PARTS: Final = "mo_parts"
EARLY_RECEIPTS: Final = "early_receipts"

_SQL: Final = statements(__package__, "usage")
_LOCK: Final = _SQL["lock_usage"]
_READ: Final = _SQL["read_usage"]


def locking(name: str) -> Query:
    """Return the query that locks a count until the end of the transaction."""
    return _LOCK, {"name": name}


async def current_usage(conn: psycopg.AsyncConnection, name: str) -> Usage:
    """Return a count, with the changes of this transaction."""
    cursor = conn.cursor(row_factory=args_row(Usage))
    return await (await cursor.execute(_READ, {"name": name})).fetchone() or Usage(0, 0)


def usage(conn: psycopg.Connection, name: str) -> Usage:
    """Return a count as committed."""
    with conn.cursor(row_factory=args_row(Usage)) as cursor:
        return cursor.execute(_READ, {"name": name}).fetchone() or Usage(0, 0)
