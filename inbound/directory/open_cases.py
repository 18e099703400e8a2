"""Loads the open cases of clients in the support system: a second factor for `CLIENT info`.

Each load replaces the one before, in one transaction: a client that the file doesn't name has no
open case. A file with anything unclear in it changes nothing.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from typing import Final

import psycopg

from inbound.directory.client_tables import (
    CLIENT_ID_COLUMN,
    ClientRowError,
    read_clear_rows,
    read_client_id,
)
from inbound.errors import SetupError
from inbound.store.connections import raises_store_errors
from inbound.store.statements import statements
from inbound.tables.columns import Column
from inbound.tables.model import BadRow, Row

OPEN_UNTIL: Final = "case_open_until"
CASE_COLUMNS: Final = (
    CLIENT_ID_COLUMN,
    Column(OPEN_UNTIL, ("open until", "case open until", "обращение открыто до", "открыто до")),
)

_SQL: Final = statements(__package__, "clients")
_DELETE_CASES: Final = _SQL["delete_open_cases"]
_ADD_CASES: Final = _SQL["add_open_cases"]
_COUNT_CASES: Final = _SQL["count_open_cases"]
_COUNT_KNOWN: Final = _SQL["count_known_ids"]


@dataclass(frozen=True, slots=True)
class OpenCase:
    """A client with an open case, and the moment at which it counts as closed."""

    client_id: str
    open_until: datetime


@dataclass(frozen=True, slots=True)
class LoadedCases:
    """What a load did: cases of clients, ids that are no client's yet, and cases withdrawn before.

    `closed` are those of both whose time is over already.
    """

    clients: int
    unknown: int
    closed: int
    before: int


def read_cases(rows: Iterable[Row | BadRow], zone: tzinfo) -> Iterator[OpenCase]:
    """Yield the cases of a table; times without an offset are in `zone`.

    Raises `UnclearRowsError` at its end if there are rows that are not clear.
    """
    return read_clear_rows(rows, lambda row: _case(row, zone))


def _case(row: Row, zone: tzinfo) -> OpenCase:
    client_id = read_client_id(row.cells[0])
    try:
        until = datetime.fromisoformat(row.cells[1].text.strip())
        aware = until if until.tzinfo else until.replace(tzinfo=zone)
        return OpenCase(client_id, aware.astimezone(UTC))
    except (ValueError, OverflowError):
        raise ClientRowError(f"{OPEN_UNTIL} is no time like 2026-01-31T18:00") from None


@raises_store_errors
def replace_cases(
    conn: psycopg.Connection,
    cases: Iterable[OpenCase],
    *,
    now: datetime,
    name: str,
    allow_none: bool,
) -> LoadedCases:
    """Replace all open cases. Of a client the last one counts.

    Raises `SetupError` if there are none and `allow_none` is false: then nothing is changed.
    """
    by_client = {case.client_id: case.open_until for case in cases}
    client_ids = list(by_client)
    with conn.transaction():
        before = _count(conn, _COUNT_CASES)
        if not by_client and not allow_none:
            raise SetupError(
                f"{name} has no case, which would withdraw all {before}; nothing was loaded. Add"
                " --withdraw-all if that is meant"
            )
        conn.execute(_DELETE_CASES)
        conn.execute(_ADD_CASES, {"client_ids": client_ids, "open_until": list(by_client.values())})
        known = _count(conn, _COUNT_KNOWN, {"client_ids": client_ids})
    closed = sum(until <= now for until in by_client.values())
    return LoadedCases(known, len(by_client) - known, closed, before)


def _count(
    conn: psycopg.Connection, query: bytes, parameters: dict[str, object] | None = None
) -> int:
    row = conn.execute(query, parameters).fetchone()
    return int(row[0]) if row else 0
