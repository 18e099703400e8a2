"""Erases one person within the open transaction, and keeps the record of every erasure."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

import psycopg
from psycopg.rows import args_row

from inbound.store import usage
from inbound.store.connections import raises_store_errors
from inbound.store.dead_letters import dead_letters
from inbound.store.fetching import fetch_rows
from inbound.store.orders.orders import refunding_all
from inbound.store.people.rows import ErasedRows, NewErasure, PersonToErase
from inbound.store.sealing import Sealer
from inbound.store.statements import statements

_SQL: Final = statements(__package__, "people")
_LOCK_BROADCASTS_OF: Final = _SQL["lock_broadcasts_of"]
_SCHEDULED_ORDERS_OF: Final = _SQL["scheduled_orders_of"]
_ERASE_PERSON: Final = _SQL["erase_person"]
_INSERT_ERASURE: Final = _SQL["insert_erasure"]
_LIST_ERASURES: Final = _SQL["list_erasures"]


@dataclass(frozen=True, slots=True)
class RecordedErasure:
    """One record; `removed` is JSON: how many rows of which kind."""

    id: int
    erased_at: datetime
    actor: str
    reason: str
    subject_id: UUID | None
    removed: bytes


async def erase(conn: psycopg.AsyncConnection, person: PersonToErase, sealer: Sealer) -> ErasedRows:
    """Remove everything of one person and return how much that was.

    Opens every dead letter whose sender is unknown, to see whether it names the person.
    """
    parameters = {
        "number_hash": person.number_hash,
        "subject_id": person.subject_id,
        "secrets": list(person.secrets),
        "dead_letters": await dead_letters.unattributed(
            conn,
            sealer,
            lambda message: person.is_named_in(
                message.key, message.value, *dict(message.headers).values()
            ),
        ),
    }
    # First: the pump locks them first, too.
    await conn.execute(_LOCK_BROADCASTS_OF, {"number_hash": person.number_hash})
    for name in (usage.PARTS, usage.EARLY_RECEIPTS):
        await conn.execute(*usage.locking(name))
    if person.subject_id is not None:
        await _refund_scheduled(conn, person.subject_id)
    cursor = conn.cursor(row_factory=args_row(ErasedRows))
    erased = await (await cursor.execute(_ERASE_PERSON, parameters)).fetchone()
    return erased or ErasedRows()


async def _refund_scheduled(conn: psycopg.AsyncConnection, subject_id: UUID) -> None:
    """Give back what the scheduled orders of a person took: they end unsent."""
    cursor = await conn.execute(_SCHEDULED_ORDERS_OF, {"subject_id": subject_id})
    ended = [row[0] async for row in cursor]
    if ended:
        await conn.execute(*refunding_all(ended))


async def record(conn: psycopg.AsyncConnection, erasure: NewErasure) -> int:
    """Write the record of an erasure and its audit entry; return the record's number."""
    cursor = await conn.execute(
        _INSERT_ERASURE,
        {
            "actor": erasure.actor,
            "reason": erasure.reason,
            "subject_id": erasure.subject_id,
            "removed": erasure.removed.decode(),
        },
    )
    row = await cursor.fetchone()
    return int(row[0]) if row else 0


@raises_store_errors
def erasures(
    conn: psycopg.Connection, *, limit: int, before: int | None = None
) -> list[RecordedErasure]:
    """Return up to `limit` records, the newest first; `before` is the last id of a page."""
    return fetch_rows(conn, RecordedErasure, _LIST_ERASURES, {"limit": limit, "before": before})
