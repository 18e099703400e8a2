"""Reads the log from PostgreSQL, in one snapshot and row by row."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import psycopg
from psycopg import IsolationLevel

from inbound.store.connections import describe_database
from inbound.store.errors import translate
from inbound.store.log.copy_format import SIGNATURE, TRAILER, StoredEvent, parse_event
from inbound.store.statements import statements
from schemas.chain import CHAINS, Chains, Head

_SQL: Final = statements(__package__, "eventlog")
_READ_LOG: Final = _SQL["read_log"]
_READ_CHAIN: Final = _SQL["read_one_chain"]
_STORED_HEADS: Final = _SQL["stored_heads"]
_HEADS_AT: Final = _SQL["heads_at"]


@contextmanager
def snapshot(conn: psycopg.Connection) -> Iterator[None]:
    """Run the block in one read-only snapshot of the database.

    Writers continue; vacuum is held back meanwhile. Raises only errors of this service.
    """
    before = conn.isolation_level, conn.read_only
    conn.isolation_level, conn.read_only = IsolationLevel.REPEATABLE_READ, True
    where = describe_database(conn.info.dsn)
    try:
        with conn.transaction():
            yield
    except psycopg.Error as error:
        failure = translate(error, where)
    else:
        return
    finally:
        if not conn.closed:
            conn.isolation_level, conn.read_only = before
    raise failure


def read_log(conn: psycopg.Connection, after: int, until: int) -> Iterator[StoredEvent]:
    """Yield the events after one position and up to another.

    Memory stays flat; `conn` is busy until the iterator is exhausted or closed.
    """
    return _copied(conn, _READ_LOG, {"after": after, "until": until})


def read_chain(
    conn: psycopg.Connection, chain: int, after: int, until: int
) -> Iterator[StoredEvent]:
    """Yield the events of one chain."""
    return _copied(conn, _READ_CHAIN, {"chain": chain, "after": after, "until": until})


def _copied(
    conn: psycopg.Connection, query: bytes, parameters: dict[str, int]
) -> Iterator[StoredEvent]:
    with conn.cursor() as cursor, cursor.copy(query, parameters) as copy:
        first = bytes(copy.read()).removeprefix(SIGNATURE)
        if first and first != TRAILER:
            yield parse_event(first)
        while row := copy.read():
            if row != TRAILER:
                yield parse_event(bytes(row))


def stored_heads(conn: psycopg.Connection) -> list[Head] | None:
    """Return the heads in `log_heads`, None when its row is missing."""
    row = conn.execute(_STORED_HEADS).fetchone()
    return None if row is None else [Head(*head) for head in zip(*row, strict=True)]


def chains_at(conn: psycopg.Connection, position: int) -> Chains:
    """Return the ends of the chains at a position, from the events themselves."""
    chains = Chains()
    parameters = {"chains": CHAINS, "position": position}
    for chain, at, digest in conn.execute(_HEADS_AT, parameters):
        chains.positions[chain], chains.digests[chain] = at, digest
    return chains
