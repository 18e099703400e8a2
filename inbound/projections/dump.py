"""Dumps a projection as text: databases with the same events give the same bytes.

One line per row in the order of its key, columns separated by tabs, as COPY writes them
(PostgreSQL manual, COPY, Text Format); times in UTC.
"""

from collections.abc import Generator
from hashlib import sha256

import psycopg

from inbound.projections.catalogue import select
from inbound.projections.progress import TableSchema, in_schema
from inbound.projections.table_statements import TABLE_STATEMENTS
from inbound.store.connections import describe_database as place_of
from inbound.store.errors import translate


def dump(
    conn: psycopg.Connection, name: str, schema: TableSchema = TableSchema.LIVE
) -> Generator[bytes]:
    """Yield the lines of a projection, each with its line end. Memory stays flat.

    Reads within one transaction, so concurrent writes do not show. Blocks on the database;
    `conn` is busy until the iterator is exhausted or closed.
    """
    [projection] = select([name])
    try:
        with (
            in_schema(conn, schema) as cursor,
            cursor.copy(TABLE_STATEMENTS[projection.name].dump) as copy,
        ):
            while line := copy.read():
                yield bytes(line)
    except psycopg.Error as error:
        failure = translate(error, place_of(conn.info.dsn))
    else:
        return
    raise failure


def digest(conn: psycopg.Connection, name: str, schema: TableSchema = TableSchema.LIVE) -> str:
    """Return the SHA-256 of a dump, in hexadecimal."""
    hashed = sha256()
    for line in dump(conn, name, schema):
        hashed.update(line)
    return hashed.hexdigest()
