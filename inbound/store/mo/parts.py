"""Parts of concatenated MOs that wait for the others, and those of the last whole message.

A part of a message that is already whole may be delivered once more; it is recognised by the
parts that are kept, even when the phone has used the reference for another text by then.
"""

from collections.abc import Collection
from typing import Final

import psycopg

from inbound.store.mo.rows import MessagePart, PartsKey
from inbound.store.sealing import Sealer
from inbound.store.statements import statements

_SQL: Final = statements(__package__, "mo")
_LOCK_PARTS: Final = _SQL["lock_parts"]
_ADD_PART: Final = _SQL["add_part"]
_COMPLETE_PARTS: Final = _SQL["complete_parts"]
_FIND_PARTS: Final = _SQL["find_parts"]
_DELETE_PARTS: Final = _SQL["delete_parts"]


async def add_part(
    conn: psycopg.AsyncConnection, sealer: Sealer, part: MessagePart
) -> list[MessagePart]:
    """Store a part and return all that wait. One round trip; waits for the lock of the message."""
    key = part.key._asdict()
    context = part.key.sealing_context(part.sequence)
    async with conn.pipeline():
        await conn.execute(_LOCK_PARTS, key)
        await conn.execute(_ADD_PART, key | {
            "sequence": part.sequence,
            "sealed": sealer.seal(part.payload, context),
            "data": part.data.decode(),
            "received_at": part.received_at,
        })  # fmt: skip
        # A statement after the lock has a snapshot with what the last holder committed.
        cursor = await conn.execute(_FIND_PARTS, key | {"whole": False})
    return await _opened(sealer, part.key, cursor)


async def whole_parts(
    conn: psycopg.AsyncConnection, sealer: Sealer, key: PartsKey
) -> list[MessagePart]:
    """Return the parts of the last whole message, as long as they are kept."""
    cursor = await conn.execute(_FIND_PARTS, key._asdict() | {"whole": True})
    return await _opened(sealer, key, cursor)


async def complete_parts(conn: psycopg.AsyncConnection, key: PartsKey) -> None:
    """Turn the waiting parts into those of the last whole message."""
    every = {"whole": True, "sequences": list(range(1, key.total + 1))}
    await conn.execute(_DELETE_PARTS, key._asdict() | every)
    await conn.execute(_COMPLETE_PARTS, key._asdict())


async def drop_parts(
    conn: psycopg.AsyncConnection, key: PartsKey, sequences: Collection[int]
) -> None:
    """Delete some of the waiting parts."""
    some = {"whole": False, "sequences": list(sequences)}
    await conn.execute(_DELETE_PARTS, key._asdict() | some)


async def _opened(sealer: Sealer, key: PartsKey, cursor: psycopg.AsyncCursor) -> list[MessagePart]:
    return [
        MessagePart(key, sequence, sealer.open(sealed, key.sealing_context(sequence)), data, at)
        async for sequence, sealed, data, at in cursor
    ]
