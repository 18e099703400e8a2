"""Loads which clients have an open case in the support system: a second factor for `CLIENT info`.

Each load replaces the one before, in one transaction: a client that the file doesn't name has no
open case. A file with anything unclear in it changes nothing.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from typing import Final

import psycopg

from inbound.directory.client_rows import CLIENT_COLUMNS, CLIENT_ID
from inbound.directory.port import FIELD_LIMITS
from inbound.errors import SetupError
from inbound.store.connections import raises_store_errors
from inbound.store.statements import statements
from inbound.tables.cells import CellError, read_text
from inbound.tables.columns import Column
from inbound.tables.model import BadRow, Row

OPEN_UNTIL: Final = "case_open_until"
CASE_COLUMNS: Final = (
    next(column for column in CLIENT_COLUMNS if column.name == CLIENT_ID),
    Column(OPEN_UNTIL, ("open until", "case open until", "обращение открыто до", "открыто до")),
)

_SQL: Final = statements(__package__, "clients")
_DELETE_CASES: Final = _SQL["delete_open_cases"]
_ADD_CASES: Final = _SQL["add_open_cases"]


@dataclass(frozen=True, slots=True)
class OpenCase:
    """A client with an open case, and the moment at which it counts as closed."""

    client_id: str
    open_until: datetime


def read_cases(rows: Iterable[Row | BadRow], zone: tzinfo) -> Iterator[OpenCase]:
    """Yield the cases of a table; times without an offset are in `zone`.

    Raises `SetupError` for the first row that is not clear; its text repeats no cell.
    """
    for row in rows:
        if isinstance(row, BadRow):
            raise SetupError(f"row {row.number} {row.reason}; nothing was loaded")
        try:
            client_id = read_text(row.cells[0])
        except CellError as error:
            raise SetupError(f"row {row.number}: {CLIENT_ID} {error}; nothing was loaded") from None
        if not client_id or len(client_id) > FIELD_LIMITS[CLIENT_ID]:
            raise SetupError(f"row {row.number}: {CLIENT_ID} is empty or too long")
        try:
            until = datetime.fromisoformat(row.cells[1].text.strip())
        except ValueError:
            raise SetupError(
                f"row {row.number}: {OPEN_UNTIL} is no time like 2026-01-31T18:00; nothing was "
                "loaded"
            ) from None
        aware = until if until.tzinfo else until.replace(tzinfo=zone)
        yield OpenCase(client_id, aware.astimezone(UTC))


@raises_store_errors
def replace_cases(conn: psycopg.Connection, cases: Iterable[OpenCase]) -> int:
    """Replace all open cases and return how many there are. Of a client the last one counts."""
    by_client = {case.client_id: case.open_until for case in cases}
    with conn.transaction():
        conn.execute(_DELETE_CASES)
        conn.execute(
            _ADD_CASES,
            {"client_ids": list(by_client), "open_until": list(by_client.values())},
        )
    return len(by_client)
