"""What the relay reads and how it keeps its place. Synchronous, because the relay is.

A feed is what one relay publishes: `OUTBOX` in shards, and `EVENTS`, the log itself (shard
0). One relay at a time has a shard, by a lock of its session. A place is a position; all up
to it has been acknowledged by Kafka.
"""

from datetime import datetime
from typing import Final, NamedTuple

import psycopg
from psycopg.rows import args_row

from inbound.store._sql import statement
from inbound.store.connecting import called
from inbound.store.rows import OutboxRow, RecordedEvent

OUTBOX: Final = "outbox"
EVENTS: Final = "events"

# A backlog is counted up to here: beyond it the number tells nothing more.
COUNT_LIMIT: Final = 100_000

_TRY_LOCK_SHARD = statement("try_lock_shard")
_FIND_CURSOR = statement("find_cursor")
_ADVANCE_CURSOR = statement("advance_cursor")
_READ_OUTBOX = statement("read_outbox")
_READ_EVENTS = statement("read_events")
_READ_HEADS = statement("read_heads")
_COUNT_WAITING = statement("count_waiting")
_COUNT_WAITING_EVENTS = statement("count_waiting_events")
_LISTEN = statement("listen_outbox")
_UNLISTEN = statement("unlisten_outbox")


class ChainHead(NamedTuple):
    """The newest event of a digest chain (`schemas.chain`)."""

    chain: int
    position: int
    digest: bytes
    recorded_at: datetime


@called
def try_lock_shard(conn: psycopg.Connection, feed: str, shard: int) -> bool:
    """Take the shard for as long as `conn` lives; False when another relay has it."""
    row = conn.execute(_TRY_LOCK_SHARD, {"feed": feed, "shard": shard}).fetchone()
    return row == (True,)


@called
def cursor_position(conn: psycopg.Connection, feed: str, shard: int = 0) -> int:
    """Return the stored place of a feed, 0 before the first advance."""
    row = conn.execute(_FIND_CURSOR, {"feed": feed, "shard": shard}).fetchone()
    return int(row[0]) if row else 0


@called
def read_outbox(
    conn: psycopg.Connection, shard: int, limit: int, after: int | None = None
) -> list[OutboxRow]:
    """Return the next rows in order, from `after` or else from the stored place."""
    if after is None:
        after = cursor_position(conn, OUTBOX, shard)
    with conn.cursor(row_factory=args_row(OutboxRow)) as cursor:
        parameters = {"shard": shard, "after": after, "limit": limit}
        return cursor.execute(_READ_OUTBOX, parameters).fetchall()


@called
def read_events(
    conn: psycopg.Connection, limit: int, after: int | None = None
) -> list[RecordedEvent]:
    """Return the next events in order, from `after` or else from the stored place."""
    if after is None:
        after = cursor_position(conn, EVENTS)
    with conn.cursor(row_factory=args_row(RecordedEvent)) as cursor:
        return cursor.execute(_READ_EVENTS, {"after": after, "limit": limit}).fetchall()


@called
def heads(conn: psycopg.Connection) -> list[ChainHead]:
    """Return the ends of the chains that have one, in the order of their positions."""
    with conn.cursor(row_factory=args_row(ChainHead)) as cursor:
        return cursor.execute(_READ_HEADS).fetchall()


@called
def advance(conn: psycopg.Connection, feed: str, shard: int, position: int) -> None:
    """Store the place, durably. It never goes back, so calls may repeat and come late."""
    parameters = {"feed": feed, "shard": shard, "position": position}
    conn.execute(_ADVANCE_CURSOR, parameters)


@called
def waiting(conn: psycopg.Connection, feed: str, shard: int = 0) -> int:
    """Return how many rows are not published yet; of the outbox at most `COUNT_LIMIT`."""
    query = _COUNT_WAITING_EVENTS if feed == EVENTS else _COUNT_WAITING
    parameters = {"shard": shard, "limit": COUNT_LIMIT}
    row = conn.execute(query, parameters).fetchone()
    return int(row[0]) if row else 0


@called
def listen(conn: psycopg.Connection) -> None:
    """Ask to be woken up by `wait_for_rows`. Read once more after this and before waiting."""
    conn.execute(_LISTEN)


@called
def unlisten(conn: psycopg.Connection) -> None:
    """Ask no longer to be woken up; a call that is on its way may still come."""
    conn.execute(_UNLISTEN)


@called
def wait_for_rows(conn: psycopg.Connection, seconds: float) -> bool:
    """Block until rows were committed, at most `seconds`; say whether somebody called."""
    woken = False
    for _ in conn.notifies(timeout=seconds, stop_after=1):
        woken = True
    return woken
