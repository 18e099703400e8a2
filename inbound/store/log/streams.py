"""Reads the log within a transaction: folded states, streams of subjects, the log in order."""

from collections.abc import Collection
from typing import Final
from uuid import UUID

import psycopg
from psycopg.rows import args_row

from inbound.store.log.rows import RecordedEvent, StoredState
from inbound.store.statements import statements

_SQL: Final = statements(__package__, "log")
_FIND_STATES: Final = _SQL["find_states"]
_LOAD_STREAMS: Final = _SQL["load_streams"]
_READ_EVENTS: Final = _SQL["read_events_with_digests"]


async def states(
    conn: psycopg.AsyncConnection, subject_ids: Collection[UUID]
) -> dict[UUID, StoredState]:
    """Return the folded states that are stored."""
    cursor = await conn.execute(_FIND_STATES, {"subject_ids": list(subject_ids)})
    return {row[0]: StoredState(*row[1:]) async for row in cursor}


async def load_streams(
    conn: psycopg.AsyncConnection, subject_ids: Collection[UUID]
) -> dict[UUID, list[RecordedEvent]]:
    """Return all events of each subject in order; no entry for a subject without events."""
    cursor = conn.cursor(row_factory=args_row(RecordedEvent))
    await cursor.execute(_LOAD_STREAMS, {"subject_ids": list(subject_ids)})
    streams: dict[UUID, list[RecordedEvent]] = {}
    async for event in cursor:
        streams.setdefault(event.stream_id, []).append(event)
    return streams


async def read_events(conn: psycopg.AsyncConnection, after: int, limit: int) -> list[RecordedEvent]:
    """Return the next events of the whole log with their chains and digests."""
    cursor = conn.cursor(row_factory=args_row(RecordedEvent))
    await cursor.execute(_READ_EVENTS, {"after": after, "limit": limit})
    return await cursor.fetchall()
