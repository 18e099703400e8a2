"""What somebody with all rights in the database can do to the log, and what `verify` says."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, LiteralString
from uuid import UUID

import psycopg

from inbound.eventlog.log_reader import read_log, snapshot
from inbound.eventlog.verification import Verification
from inbound.store.log.copy_format import StoredEvent
from schemas.chain import Chains, chain_of, stored_body


@contextmanager
def unprotected(conn: psycopg.Connection) -> Iterator[None]:
    """Let the table be changed inside, and put its protection back."""
    conn.execute("ALTER TABLE events DISABLE TRIGGER events_are_append_only")
    conn.execute("SET scserv.importing = 'on'")
    yield
    conn.execute("RESET scserv.importing")
    conn.execute("ALTER TABLE events ENABLE TRIGGER events_are_append_only")


def tamper(conn: psycopg.Connection, statement: LiteralString, *values: Any) -> None:
    """Execute one statement on the unprotected table."""
    with unprotected(conn):
        done = conn.execute(statement, values)
        assert done.rowcount != 0, "nothing was changed"


def find(conn: psycopg.Connection, since: int = 0) -> list[str]:
    """Return what is wrong with the log."""
    with snapshot(conn):
        return list(map(str, Verification(conn, since).problems(lambda _: None)))


def events(conn: psycopg.Connection) -> list[StoredEvent]:
    """Return the log; the event of position N is number N - 1."""
    return list(read_log(conn, 0, 1 << 60))


def named(event: StoredEvent) -> str:
    """Return how a problem names its event."""
    return f"event {event.position} ({event.stream_id}/{event.version})"


def rewrite_digests(conn: psycopg.Connection, after: int = 0) -> None:
    """Compute every digest after a position anew, and the heads: the log is consistent again."""
    chains = Chains()
    made = []
    for e in events(conn)[after:]:
        covered = stored_body(e.stream, e.version, e.type, e.schema_version, e.data, e.metadata)
        chain = chain_of(UUID(bytes=e.stream))
        made.append((chain, chains.append(chain, e.position, e.recorded_us, covered), e.position))
    with unprotected(conn), conn.cursor() as cursor:
        cursor.executemany("UPDATE events SET chain = %s, digest = %s WHERE position = %s", made)
    heads = chains.positions, chains.digests
    conn.execute("UPDATE log_heads SET positions = %s::bigint[], digests = %s", heads)


def next_of_chain(log: list[StoredEvent], event: StoredEvent) -> StoredEvent:
    """Return the event that follows in the same chain."""
    return next(e for e in log[event.position :] if e.chain == event.chain)
