"""What a running service has stored, for assertions."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, LiteralString
from uuid import UUID

import psycopg
from psycopg import sql

from inbound.keys import IndexKey, SubjectHasher
from inbound.store.access.index_keys import load_index_key
from inbound.store.connections import connect
from tests.searching import records
from tests.service.waiting import eventually

_Cursor = psycopg.Cursor[tuple[Any, ...]]


@dataclass(frozen=True, slots=True)
class Event:
    """A row of the event log, for assertions."""

    position: int
    stream_id: UUID
    version: int
    type: str
    data: dict[str, Any]
    metadata: dict[str, Any]


class Stored:
    """The database and the topics of one service."""

    def __init__(self, database_url: str, bootstrap: str, subject_key: bytes) -> None:
        self.database_url = database_url
        self.bootstrap = bootstrap
        self._subject_key = subject_key
        self._database = _Database(database_url)

    @cached_property
    def index_key(self) -> IndexKey:
        """The key of all hashes. The first use of a database makes it."""
        with connect(self.database_url, "tests") as conn:
            return load_index_key(conn, self._subject_key)

    @cached_property
    def hasher(self) -> SubjectHasher:
        """What hashes numbers as the service does."""
        return SubjectHasher(self.index_key)

    def rows(self, query: LiteralString, *parameters: object) -> list[tuple[Any, ...]]:
        """Run one statement and return its rows."""
        return self._database.run(query, parameters).fetchall()

    def execute(self, query: LiteralString, *parameters: object) -> None:
        """Run one statement that returns nothing."""
        self._database.run(query, parameters)

    def value(self, query: LiteralString, *parameters: object) -> Any:
        """Run one statement and return its only value."""
        return self.rows(query, *parameters)[0][0]

    def sizes(self, *tables: str) -> dict[str, int]:
        """Return how many rows each table has."""
        count_rows: LiteralString = "SELECT count(*) FROM {}"
        return {
            table: self._database.run(
                sql.SQL(count_rows).format(sql.Identifier(table)), ()
            ).fetchall()[0][0]
            for table in tables
        }

    def events(self, number: str | None = None) -> list[Event]:
        """Return the events of one number, or the whole log."""
        columns: LiteralString = (
            "SELECT position, stream_id, version, type, data, metadata FROM events "
        )
        if number is None:
            found = self.rows(columns + "ORDER BY position")
        else:
            found = self.rows(
                columns + "JOIN subjects ON subject_id = stream_id WHERE number_hash = %s"
                " ORDER BY version",
                self.hasher.hash(number),
            )
        return [Event(*row) for row in found]

    def accepted(self, number: str) -> list[str]:
        """Return the commands of a number that made requests, in order."""
        events = self.events(number)
        return [event.data["command"] for event in events if event.type == "request.accepted"]

    def records(self, topic: str) -> list[Any]:
        """Return every record that a topic holds now. Blocks; joins no consumer group."""
        return list(records(self.bootstrap, topic))

    async def completed(self, *numbers: str, requests: int = 1) -> None:
        """Wait until each number has this many completed requests."""
        hashes = [self.hasher.hash(number) for number in numbers]
        wanted = requests * len(numbers)
        await eventually(
            lambda: self._completed(hashes) >= wanted,
            lambda: f"{self._completed(hashes)} of {wanted} requests are completed",
        )

    def _completed(self, hashes: Sequence[bytes]) -> int:
        done: int = self.value(
            "SELECT count(*) FROM events JOIN subjects ON subject_id = stream_id"
            " WHERE type = 'request.completed' AND number_hash = ANY(%s)",
            list(hashes),
        )
        return done


class _Database:
    """One connection of the tests to a database, made again after its server was restarted.

    Tests poll, and a new connection for each look costs ten times as much as the look.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._connection: psycopg.Connection | None = None
        self._turn = threading.Lock()

    def run(self, query: sql.Composed | LiteralString, parameters: Sequence[object]) -> _Cursor:
        """Run one statement. Raises OperationalError while the server is away."""
        with self._turn:
            if self._connection is not None:
                try:
                    return self._connection.execute(query, parameters)
                except psycopg.OperationalError:
                    if not self._connection.closed:
                        raise
            # Without prepared statements: tests change tables.
            self._connection = psycopg.connect(self._url, autocommit=True, prepare_threshold=None)
            return self._connection.execute(query, parameters)

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
