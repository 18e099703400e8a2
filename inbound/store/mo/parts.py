"""Parts of concatenated MOs that wait for the others, and those of the last whole message.

A part of a message that is already whole may be delivered once more; it is recognised by the
parts that are kept, even when the phone has used the reference for another text by then.

Beyond a quota the oldest texts are deleted, those of the same sender first.
"""

from collections.abc import Collection, Iterable, Sequence
from typing import Any, Final

import psycopg
from psycopg.rows import args_row

from inbound.store import usage
from inbound.store.mo.rows import (
    DroppedParts,
    MessagePart,
    PartChanges,
    PartsKey,
    PartsOfText,
    StoredPart,
)
from inbound.store.quotas import Quota
from inbound.store.sealing import Sealer
from inbound.store.statements import statements

_SQL: Final = statements(__package__, "mo")
_WAITING_PARTS: Final = _SQL["waiting_parts"]
_PARTS_OF_TEXT: Final = _SQL["parts_of_text"]
_DELETE_PARTS: Final = _SQL["delete_parts"]
_INSERT_PARTS: Final = _SQL["insert_parts"]
_DROP_OF_SENDERS: Final = _SQL["drop_parts_of_senders"]
_DROP_OLDEST: Final = _SQL["drop_oldest_parts"]

_ALL: Final = 0


async def waiting_parts(
    conn: psycopg.AsyncConnection, keys: Collection[PartsKey]
) -> list[StoredPart]:
    """Return which parts of these texts wait."""
    cursor = await conn.execute(_WAITING_PARTS, _columns(keys))
    return [
        StoredPart(PartsKey(centre, number_hash, destination, reference, total), sequence)
        async for number_hash, destination, centre, reference, total, sequence in cursor
    ]


async def parts_of_text(
    conn: psycopg.AsyncConnection, sealer: Sealer, key: PartsKey
) -> PartsOfText:
    """Return the parts with this key, in order of sequence."""
    cursor = await conn.execute(_PARTS_OF_TEXT, key._asdict())
    waiting: list[MessagePart] = []
    whole: list[MessagePart] = []
    async for sequence, sealed, data, received_at, is_whole in cursor:
        payload = sealer.open(sealed, key.sealing_context(sequence))
        part = MessagePart(key, sequence, payload, data, received_at)
        (whole if is_whole else waiting).append(part)
    return PartsOfText(tuple(waiting), tuple(whole))


async def store_parts(
    conn: psycopg.AsyncConnection, sealer: Sealer, changes: PartChanges, quota: Quota
) -> list[DroppedParts]:
    """Write the changes, and return the texts that were deleted because of a quota.

    Waits for other transactions that write parts. Reads the whole table when the overall quota
    is exceeded.
    """
    stored = [(part, False) for part in changes.waiting] + [(part, True) for part in changes.whole]
    senders = list(changes.senders())
    async with conn.pipeline():
        await conn.execute(*usage.locking(usage.PARTS))
        await conn.execute(_DELETE_PARTS, _deletion(changes))
        await conn.execute(_INSERT_PARTS, _insertion(stored, sealer))
    limits: dict[str, Any] = {"rows": quota.sender_rows, "bytes": quota.sender_bytes}
    dropped = await _dropped(conn, _DROP_OF_SENDERS, limits | {"hashes": senders})
    if (await usage.current_usage(conn, usage.PARTS)).exceeds(quota):
        limits = {"rows": quota.kept_rows, "bytes": quota.kept_bytes}
        dropped += await _dropped(conn, _DROP_OLDEST, limits)
    return dropped


async def _dropped(
    conn: psycopg.AsyncConnection, query: bytes, parameters: dict[str, Any]
) -> list[DroppedParts]:
    cursor = conn.cursor(row_factory=args_row(DroppedParts))
    return await (await cursor.execute(query, parameters)).fetchall()


def _deletion(changes: PartChanges) -> dict[str, Any]:
    gone = [(part.key, part.sequence, False) for part in changes.removed]
    gone += [(key, _ALL, True) for key in dict.fromkeys(part.key for part in changes.whole)]
    return _columns([key for key, _, _ in gone]) | {
        "sequences": [sequence for _, sequence, _ in gone],
        "whole": [whole for _, _, whole in gone],
    }


def _insertion(stored: Sequence[tuple[MessagePart, bool]], sealer: Sealer) -> dict[str, Any]:
    parts = [part for part, _ in stored]
    return _columns([part.key for part in parts]) | {
        "sequences": [part.sequence for part in parts],
        "whole": [whole for _, whole in stored],
        "sealed": [
            sealer.seal(part.payload, part.key.sealing_context(part.sequence)) for part in parts
        ],
        "data": [part.data.decode() for part in parts],
        "received": [part.received_at for part in parts],
    }


def _columns(keys: Iterable[PartsKey]) -> dict[str, Any]:
    keys = list(keys)
    return {
        "hashes": [key.number_hash for key in keys],
        "destinations": [key.destination for key in keys],
        "centres": [key.centre for key in keys],
        "references": [key.reference for key in keys],
        "totals": [key.total for key in keys],
    }
