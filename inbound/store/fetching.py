"""Runs one statement on a synchronous connection and returns its rows as a type.

The columns are the arguments of the type, in their order. Both functions block on the database;
errors of psycopg pass (see `raises_store_errors`).
"""

from collections.abc import Callable, Mapping
from typing import TypeVar

import psycopg
from psycopg.rows import args_row

Row = TypeVar("Row")


def fetch_rows(
    conn: psycopg.Connection,
    row: Callable[..., Row],
    statement: bytes,
    parameters: Mapping[str, object] | None = None,
) -> list[Row]:
    """Return all rows."""
    with conn.cursor(row_factory=args_row(row)) as cursor:
        return cursor.execute(statement, parameters).fetchall()


def fetch_row(
    conn: psycopg.Connection,
    row: Callable[..., Row],
    statement: bytes,
    parameters: Mapping[str, object] | None = None,
) -> Row | None:
    """Return the first row, or None."""
    with conn.cursor(row_factory=args_row(row)) as cursor:
        return cursor.execute(statement, parameters).fetchone()
