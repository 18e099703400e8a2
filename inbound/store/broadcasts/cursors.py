"""The cursors of broadcasts, within the transaction that places orders."""

from collections.abc import Sequence
from typing import Final
from uuid import UUID

import psycopg

from inbound.handlers.broadcasts import BroadcastState
from inbound.store.broadcasts.rows import Cursor, CursorMove
from inbound.store.statements import Query, statements

_SQL: Final = statements(__package__, "broadcasts")
_LOCK_BROADCAST: Final = _SQL["lock_broadcast"]
_READ_CURSOR: Final = _SQL["read_cursor"]
_MOVE_CURSORS: Final = _SQL["move_cursors"]


async def lock_cursor(
    conn: psycopg.AsyncConnection, broadcast_id: UUID, until: int
) -> Cursor | None:
    """Lock a broadcast until commit; return its cursor. One round trip."""
    parameters = {"broadcast_id": broadcast_id, "until": until}
    async with conn.pipeline():
        await conn.execute(_LOCK_BROADCAST, parameters)
        cursor = await conn.execute(_READ_CURSOR, parameters)
    row = await cursor.fetchone()
    return None if row is None else Cursor(BroadcastState(row[0]), row[1], row[2])


def moving(moves: Sequence[CursorMove]) -> Query:
    """Return the query that moves cursors."""
    return _MOVE_CURSORS, {
        "broadcast_ids": [move.broadcast_id for move in moves],
        "nos": [move.to for move in moves],
    }
