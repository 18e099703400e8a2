"""Writes the row changes of one batch into the tables of one schema, with the progress."""

from collections.abc import Sequence

import psycopg

from inbound.errors import ScservError
from inbound.projections.model import Projection, Row, Rows
from inbound.projections.progress import TableSchema, advance, in_schema
from inbound.projections.table_statements import TABLE_STATEMENTS
from inbound.store.connections import raises_store_errors


class DuplicateRowError(ScservError):
    """The log creates a row that exists, such as a request accepted twice."""


class ProjectionWriter:
    """Writes on one connection into one schema. Not thread-safe."""

    def __init__(self, conn: psycopg.Connection, schema: TableSchema) -> None:
        """Write nothing yet."""
        self.schema = schema
        self._conn = conn
        self._prepared: set[str] = set()

    def write(
        self, projections: Sequence[Projection], rows: Sequence[Rows], *, after: int, until: int
    ) -> None:
        """Write the row changes of the events after one position and up to another.

        One transaction; blocks until the commit. Raises `ProgressConflict` when the tables have
        another position, so that a repeated batch changes nothing, and `DuplicateRowError`.
        Nothing was written then.
        """
        for projection in projections:
            self._prepare(projection)
        _write(self._conn, self.schema, projections, rows, after, until)

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
    schema: TableSchema,
    projections: Sequence[Projection],
    rows: Sequence[Rows],
    after: int,
    until: int,
) -> None:
    with in_schema(conn, schema) as cursor:
        if schema is not TableSchema.CHECK:
            advance(cursor, schema, projections, after=after, until=until)
        for projection, made in zip(projections, rows, strict=True):
            name = projection.name
            if made.new:
                _add(cursor, projection, made.new)
            if made.changed:
                _copy(cursor, TABLE_STATEMENTS[name].copy_incoming, made.changed)
                # Not prepared: a plan made for a small table would be kept.
                cursor.execute(TABLE_STATEMENTS[name].merge, prepare=False)


def _add(cursor: psycopg.Cursor, projection: Projection, rows: Sequence[Row]) -> None:
    query = TABLE_STATEMENTS[projection.name].copy
    if query is None:
        raise AssertionError(f"{projection.name} has no statement to copy new rows")
    failure = None
    try:
        _copy(cursor, query, rows)
    except psycopg.errors.UniqueViolation:
        failure = DuplicateRowError(f"{projection.name}: two events create the same row")
    if failure is not None:  # raised here: the cause would quote the row
        raise failure


def _copy(cursor: psycopg.Cursor, query: bytes, rows: Sequence[Row]) -> None:
    with cursor.copy(query) as copy:
        for row in rows:
            copy.write_row(row)
