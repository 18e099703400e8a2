"""The rows of one stretch into the tables of one place, with the place itself."""

from collections.abc import Sequence

import psycopg

from inbound.projections._sql import statement
from inbound.projections.model import Projection, Row, Rows
from inbound.projections.places import Place, advance, at
from inbound.store.connecting import called


class Writer:
    """Writes on one connection into one place. Not for several threads."""

    def __init__(self, conn: psycopg.Connection, place: Place) -> None:
        """Change nothing yet."""
        self.place = place
        self._conn = conn
        self._prepared: set[str] = set()

    def write(
        self, projections: Sequence[Projection], rows: Sequence[Rows], *, after: int, until: int
    ) -> None:
        """Write what the events after one position and up to another made, in one transaction.

        Blocks until the commit. Raises `Moved` when the tables are elsewhere by now, and
        then nothing was written: so a stretch that is written again changes nothing.
        """
        for projection in projections:
            self._prepare(projection)
        _write(self._conn, self.place, projections, rows, after, until)

    def _prepare(self, projection: Projection) -> None:
        if projection.name not in self._prepared:
            _create_incoming(self._conn, projection)
            self._prepared.add(projection.name)


@called
def _create_incoming(conn: psycopg.Connection, projection: Projection) -> None:
    conn.execute(statement(f"{projection.name}/create_incoming"))


@called
def _write(
    conn: psycopg.Connection,
    place: Place,
    projections: Sequence[Projection],
    rows: Sequence[Rows],
    after: int,
    until: int,
) -> None:
    with at(conn, place) as cursor:
        if place is not Place.CHECK:
            advance(cursor, place, projections, after=after, until=until)
        for projection, made in zip(projections, rows, strict=True):
            name = projection.name
            if made.new:
                _copy(cursor, statement(f"{name}/copy"), made.new)
            if made.changed:
                _copy(cursor, statement(f"{name}/copy_incoming"), made.changed)
                # Not prepared: a plan from when the table was small would be kept.
                cursor.execute(statement(f"{name}/merge"), prepare=False)


def _copy(cursor: psycopg.Cursor, query: bytes, rows: Sequence[Row]) -> None:
    with cursor.copy(query) as copy:
        for row in rows:
            copy.write_row(row)
