"""The rows of one stretch into the tables of one place, with the place itself."""

from collections.abc import Sequence

import psycopg

from inbound.errors import ScservError
from inbound.projections.model import Projection, Row, Rows
from inbound.projections.places import Place, advance, at
from inbound.projections.table_statements import TABLE_STATEMENTS
from inbound.store.connections import raises_store_errors


class DoubleError(ScservError):
    """The log makes a row that is there already, such as a request accepted twice."""


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

        Blocks until the commit. Raises `Moved` when the tables are elsewhere by now, so
        that a stretch that is written again changes nothing, and `DoubleError`. Nothing was
        written then.
        """
        for projection in projections:
            self._prepare(projection)
        _write(self._conn, self.place, projections, rows, after, until)

    def _prepare(self, projection: Projection) -> None:
        if projection.name not in self._prepared:
            _create_incoming(self._conn, projection)
            self._prepared.add(projection.name)


@raises_store_errors
def _create_incoming(conn: psycopg.Connection, projection: Projection) -> None:
    conn.execute(TABLE_STATEMENTS[projection.name].create_incoming)


@raises_store_errors
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
                _add(cursor, projection, made.new)
            if made.changed:
                _copy(cursor, TABLE_STATEMENTS[name].copy_incoming, made.changed)
                # Not prepared: a plan from when the table was small would be kept.
                cursor.execute(TABLE_STATEMENTS[name].merge, prepare=False)


def _add(cursor: psycopg.Cursor, projection: Projection, rows: Sequence[Row]) -> None:
    query = TABLE_STATEMENTS[projection.name].copy
    if query is None:
        raise AssertionError(f"{projection.name} has no statement to copy new rows")
    failure = None
    try:
        _copy(cursor, query, rows)
    except psycopg.errors.UniqueViolation:
        failure = DoubleError(f"{projection.name}: an event makes a row that another one has made")
    if failure is not None:  # raised here, so that nothing of the row goes along with it
        raise failure


def _copy(cursor: psycopg.Cursor, query: bytes, rows: Sequence[Row]) -> None:
    with cursor.copy(query) as copy:
        for row in rows:
            copy.write_row(row)
