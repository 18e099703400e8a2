"""A projection as text that is the same wherever the same log was read.

One line a row in the order of its key, columns separated by tabs, as COPY writes them
(PostgreSQL manual, COPY, Text Format); times in UTC. Two databases with the same events give
the same bytes.
"""

from collections.abc import Generator
from hashlib import sha256

import psycopg

from inbound.projections.catalogue import select
from inbound.projections.places import Place, at
from inbound.projections.table_statements import TABLE_STATEMENTS
from inbound.store.connections import describe_database as place_of
from inbound.store.errors import translate


def dump(conn: psycopg.Connection, name: str, place: Place = Place.LIVE) -> Generator[bytes]:
    """Yield the lines of a projection, each with its line end. Memory stays flat.

    Within one transaction, so that rows which are written meanwhile do not show. Blocks on
    the database; `conn` is busy until the last line was taken or the iterator is closed.
    """
    [projection] = select([name])
    try:
        with at(conn, place) as cursor, cursor.copy(TABLE_STATEMENTS[projection.name].dump) as copy:
            while line := copy.read():
                yield bytes(line)
    except psycopg.Error as error:
        failure = translate(error, place_of(conn.info.dsn))
    else:
        return
    raise failure


def digest(conn: psycopg.Connection, name: str, place: Place = Place.LIVE) -> str:
    """Return the SHA-256 of a dump, in hexadecimal."""
    hashed = sha256()
    for line in dump(conn, name, place):
        hashed.update(line)
    return hashed.hexdigest()
