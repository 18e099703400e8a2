"""Loads the languages of clients, by which order templates choose a text.

A client that the file doesn't name keeps its language. A file with anything unclear in it changes
nothing.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
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

LANGUAGE: Final = "language"
LANGUAGE_COLUMNS: Final = (
    next(column for column in CLIENT_COLUMNS if column.name == CLIENT_ID),
    Column(LANGUAGE, ("lang", "client language", "язык", "язык клиента")),
)

MOST_FAULTS: Final = 20
"""Rows that an error names."""

_SET_LANGUAGES: Final = statements(__package__, "clients")["set_languages"]
_KNOWN: Final = {
    **dict.fromkeys(("ru", "rus", "russian", "ru-ru", "русский", "рус"), "ru"),
    **dict.fromkeys(("en", "eng", "english", "en-us", "en-gb", "английский", "англ"), "en"),
    "": None,
}


@dataclass(frozen=True, slots=True)
class ClientLanguage:
    """A client and its language; None: not known."""

    client_id: str
    language: str | None


class _RowError(ValueError):
    """A row is not clear; str() repeats no cell."""


class UnclearRowsError(SetupError):
    """Rows of the table are not clear, so nothing is loaded. `faults` names the first ones."""

    def __init__(self, faults: Sequence[str], count: int) -> None:
        more = count - len(faults)
        super().__init__(
            f"{'; '.join(faults)}{f'; and {more} more rows' if more else ''}; nothing was loaded: "
            "correct them and load the file again"
        )
        self.faults = tuple(faults)


def read_languages(rows: Iterable[Row | BadRow]) -> Iterator[ClientLanguage]:
    """Yield the languages of a table.

    Raises `UnclearRowsError` at its end if there are rows that are not clear.
    """
    faults: list[str] = []
    count = 0
    for row in rows:
        try:
            yield _read(row)
        except _RowError as error:
            count += 1
            if count <= MOST_FAULTS:
                faults.append(f"row {row.number}: {error}")
    if count:
        raise UnclearRowsError(faults, count)


def _read(row: Row | BadRow) -> ClientLanguage:
    if isinstance(row, BadRow):
        raise _RowError(row.reason)
    try:
        client_id = read_text(row.cells[0])
    except CellError as error:
        raise _RowError(f"{CLIENT_ID} {error}") from None
    if not client_id:
        raise _RowError(f"{CLIENT_ID} is empty")
    if len(client_id) > FIELD_LIMITS[CLIENT_ID]:
        raise _RowError(f"{CLIENT_ID} is longer than {FIELD_LIMITS[CLIENT_ID]} characters")
    name = row.cells[1].text.strip().casefold().replace("_", "-")
    if name not in _KNOWN:
        raise _RowError(f"{LANGUAGE} has to be ru, en or empty")
    return ClientLanguage(client_id, _KNOWN[name])


@raises_store_errors
def set_languages(conn: psycopg.Connection, languages: Iterable[ClientLanguage]) -> tuple[int, int]:
    """Set these languages in one transaction; of a client the last one counts.

    Returns how many of them are clients of the directory, and how many are not.
    """
    by_client = {one.client_id: one.language for one in languages}
    parameters = {"client_ids": list(by_client), "languages": list(by_client.values())}
    row = conn.execute(_SET_LANGUAGES, parameters).fetchone()
    known = int(row[0]) if row else 0
    return known, len(by_client) - known
