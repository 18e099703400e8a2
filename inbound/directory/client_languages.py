"""Loads the languages of clients, by which order templates choose a text.

A client that the file doesn't name keeps its language. A file with anything unclear in it changes
nothing.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

import psycopg

from inbound.directory.client_tables import (
    CLIENT_ID_COLUMN,
    ClientRowError,
    read_clear_rows,
    read_client_id,
)
from inbound.store.connections import raises_store_errors
from inbound.store.statements import statements
from inbound.tables.columns import Column
from inbound.tables.model import BadRow, Row

LANGUAGE: Final = "language"
LANGUAGE_COLUMNS: Final = (
    CLIENT_ID_COLUMN,
    Column(LANGUAGE, ("lang", "client language", "язык", "язык клиента")),
)

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


def read_languages(rows: Iterable[Row | BadRow]) -> Iterator[ClientLanguage]:
    """Yield the languages of a table.

    Raises `UnclearRowsError` at its end if there are rows that are not clear.
    """
    return read_clear_rows(rows, _language)


def _language(row: Row) -> ClientLanguage:
    client_id = read_client_id(row.cells[0])
    name = row.cells[1].text.strip().casefold().replace("_", "-")
    if name not in _KNOWN:
        raise ClientRowError(f"{LANGUAGE} has to be ru, en or empty")
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
