"""Searches for other things than people: broadcasts, and dead letters by their number."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import psycopg

from inbound.desk.roles import Right
from inbound.store.broadcasts.broadcasts import search_broadcasts
from inbound.store.connection_pool import ConnectionPool
from inbound.store.dead_letters import dead_letters
from inbound.store.dead_letters.rows import Selection

MOST: Final = 10
_LONGEST: Final = 200
_LONGEST_ID: Final = 18
_SHORTEST_NAME: Final = 2


@dataclass(frozen=True, slots=True)
class SearchResult:
    """One result of a search. `kind` is a key of the desk's words, `right` opens its page."""

    path: str
    kind: str
    name: str
    right: str


async def search_places(pool: ConnectionPool, typed: str) -> list[SearchResult]:
    """Return the broadcasts and dead letters that a text names. May raise RetryableError."""
    text = typed.strip()[:_LONGEST]
    return await pool.run(_find, text)


def _find(conn: psycopg.Connection, text: str) -> list[SearchResult]:
    return [*_broadcasts(conn, text), *_dead_letters(conn, text)]


def _broadcasts(conn: psycopg.Connection, text: str) -> Sequence[SearchResult]:
    if len(text) < _SHORTEST_NAME:
        return []
    return [
        SearchResult(f"/broadcasts/{one.broadcast_id}", "Broadcast", one.name, "broadcasts")
        for one in search_broadcasts(conn, text, MOST)
    ]


def _dead_letters(conn: psycopg.Connection, text: str) -> Sequence[SearchResult]:
    if not (text.isascii() and text.isdigit() and len(text) <= _LONGEST_ID):
        return []
    return [
        SearchResult(f"/status/dead-letters/{row.id}", "Dead letter", str(row.id), Right.STATUS)
        for row in dead_letters.find(conn, Selection(ids=(int(text),)), limit=1)
    ]
