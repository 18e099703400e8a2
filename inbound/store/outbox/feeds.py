"""Feeds of the relay, and its cursor in each. Synchronous, because the relay is.

A feed is what one relay publishes: `OUTBOX` in shards, and `EVENTS`, the log itself (shard
0). One relay at a time owns a shard, by a session lock. The cursor is a position; Kafka has
acknowledged everything up to it.
"""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Final, NamedTuple
from uuid import UUID

import psycopg

from inbound.store.connections import raises_store_errors
from inbound.store.fetching import fetch_rows
from inbound.store.log.positions import last_position
from inbound.store.log.rows import RecordedEvent
from inbound.store.outbox.rows import OutboxRow
from inbound.store.statements import statements

OUTBOX: Final = "outbox"
EVENTS: Final = "events"

# A backlog is counted up to here: an exact larger number would cost more and help no more.
COUNT_LIMIT: Final = 100_000

LOOKED_AT: Final = 10_000
"""The most rows of a shard that are searched for a waiting message: some milliseconds."""

_LOG_SQL: Final = statements("inbound.store.log", "log")
_OUTBOX_SQL: Final = statements(__package__, "outbox")
_TRY_LOCK_SHARD = _OUTBOX_SQL["try_lock_shard"]
_FIND_CURSOR = _OUTBOX_SQL["find_cursor"]
_ADVANCE_CURSORS = _OUTBOX_SQL["advance_cursors"]
_READ_OUTBOX = _OUTBOX_SQL["read_outbox"]
_READ_EVENTS = _LOG_SQL["read_events"]
_READ_UNPUBLISHED_EVENTS = _LOG_SQL["read_unpublished_events"]
_READ_HEADS = _LOG_SQL["read_heads"]
_COUNT_WAITING = _OUTBOX_SQL["count_waiting"]
_FIND_UNPUBLISHED = _OUTBOX_SQL["find_unpublished"]
_OLDEST_UNPUBLISHED = _OUTBOX_SQL["oldest_unpublished"]
_COMMIT_WITHOUT_WAITING = _OUTBOX_SQL["commit_without_waiting"]
_LISTEN = _OUTBOX_SQL["listen_outbox"]
_UNLISTEN = _OUTBOX_SQL["unlisten_outbox"]


class Shard(NamedTuple):
    """One shard of a feed; each has its own cursor."""

    feed: str
    number: int


LOG: Final = Shard(EVENTS, 0)


class ChainHead(NamedTuple):
    """The newest event of a digest chain (`schemas.chain`)."""

    chain: int
    position: int
    digest: bytes
    recorded_at: datetime


@raises_store_errors
def try_lock_shard(conn: psycopg.Connection, feed: str, shard: int) -> bool:
    """Lock the shard for as long as `conn` lives; False when another relay has it."""
    row = conn.execute(_TRY_LOCK_SHARD, {"feed": feed, "shard": shard}).fetchone()
    return row == (True,)


@raises_store_errors
def cursor_position(conn: psycopg.Connection, feed: str, shard: int = 0) -> int:
    """Return the stored cursor of a feed, 0 before the first advance."""
    row = conn.execute(_FIND_CURSOR, {"feed": feed, "shard": shard}).fetchone()
    return int(row[0]) if row else 0


@raises_store_errors
def read_outbox(
    conn: psycopg.Connection, limits: Mapping[int, int], after: int | None = None
) -> list[OutboxRow]:
    """Return the next rows of each shard in order, up to its limit, one shard's together.

    From `after` or else from the stored cursors.
    """
    parameters = {"shards": list(limits), "limits": list(limits.values()), "after": after}
    return fetch_rows(conn, OutboxRow, _READ_OUTBOX, parameters)


@raises_store_errors
def read_events(
    conn: psycopg.Connection, limit: int, after: int | None = None
) -> list[RecordedEvent]:
    """Return the next events in order, from `after` or else from the stored cursor."""
    if after is None:
        return fetch_rows(conn, RecordedEvent, _READ_UNPUBLISHED_EVENTS, {"limit": limit})
    return fetch_rows(conn, RecordedEvent, _READ_EVENTS, {"after": after, "limit": limit})


@raises_store_errors
def chain_heads(conn: psycopg.Connection) -> list[ChainHead]:
    """Return the ends of the chains that have one, in the order of their positions."""
    return fetch_rows(conn, ChainHead, _READ_HEADS)


@raises_store_errors
def advance_cursors(conn: psycopg.Connection, moves: Mapping[Shard, int]) -> None:
    """Store the cursors of several shards together.

    A cursor never goes back, so calls may repeat or arrive late.
    """
    parameters = {
        "feeds": [shard.feed for shard in moves],
        "shards": [shard.number for shard in moves],
        "positions": list(moves.values()),
    }
    conn.execute(_ADVANCE_CURSORS, parameters)


@raises_store_errors
def count_waiting(conn: psycopg.Connection, feed: str, shard: int = 0) -> int:
    """Return how many rows are not published yet; of the outbox at most `COUNT_LIMIT`."""
    if feed == EVENTS:
        # Positions have no gaps: the distance is the count. The cursor comes first, because
        # both move meanwhile and it never passes the end.
        published = cursor_position(conn, EVENTS)
        return last_position(conn) - published
    row = conn.execute(_COUNT_WAITING, {"shard": shard, "limit": COUNT_LIMIT}).fetchone()
    return int(row[0]) if row else 0


@raises_store_errors
def oldest_unpublished(conn: psycopg.Connection, shards: int) -> datetime | None:
    """Return since when a row of the first `shards` waits for a relay; None if none does."""
    row = conn.execute(_OLDEST_UNPUBLISHED, {"shards": shards}).fetchone()
    return row[0] if row else None


@raises_store_errors
def find_unpublished(
    conn: psycopg.Connection, message_ids: Collection[UUID], shards: int
) -> dict[UUID, datetime]:
    """Return which of these messages wait for a relay, and since when.

    A message behind the first `LOOKED_AT` rows of one of the first `shards` is not found.
    """
    parameters = {
        "ids": [str(one) for one in message_ids],
        "shards": shards,
        "most": LOOKED_AT,
    }
    rows = conn.execute(_FIND_UNPUBLISHED, parameters).fetchall()
    return {UUID(event_id): created_at for event_id, created_at in rows}


@raises_store_errors
def commit_without_waiting(conn: psycopg.Connection) -> None:
    """Keep the commits of this connection from waiting for the disk.

    If the server crashes it may lose the last cursor moves and dead letters, always the newest
    first: then the rows after the older cursor are published or set aside once more, as after the
    death of a relay.
    """
    conn.execute(_COMMIT_WITHOUT_WAITING)


@raises_store_errors
def listen(conn: psycopg.Connection) -> None:
    """Subscribe to commits (`wait_for_rows`). Read once more between this and waiting."""
    conn.execute(_LISTEN)


@raises_store_errors
def unlisten(conn: psycopg.Connection) -> None:
    """Unsubscribe; a notification on its way may still arrive."""
    conn.execute(_UNLISTEN)


@raises_store_errors
def wait_for_rows(conn: psycopg.Connection, seconds: float) -> bool:
    """Block until rows are committed, at most `seconds`; return whether any were."""
    woken = False
    for _ in conn.notifies(timeout=seconds, stop_after=1):
        woken = True
    return woken
