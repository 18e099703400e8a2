"""Counts, holds and the switch within a transaction of the store."""

from collections.abc import Sequence
from typing import Final
from uuid import UUID

import psycopg

from inbound.store.registrations.rows import (
    CountedRegistrations,
    HeldRegistration,
    HoldSelection,
    RegistrationsUsed,
    TakenHold,
)
from inbound.store.statements import Query, statements

_SQL: Final = statements(__package__, "registrations")
_LOCK: Final = _SQL["lock_registrations"]
_FIND_USED: Final = _SQL["find_used"]
_ADD_COUNTS: Final = _SQL["add_counts"]
_ADD_HELD: Final = _SQL["add_held"]
_TAKE_NAMED: Final = _SQL["take_named"]
_TAKE_ALL: Final = _SQL["take_all"]
_DROP_HELD_OF: Final = _SQL["drop_held_of"]


async def used(conn: psycopg.AsyncConnection, *, lock: bool) -> RegistrationsUsed:
    """Return the switch and the counts. With `lock` they stay as they are until commit."""
    async with conn.pipeline():
        if lock:
            await conn.execute(_LOCK)
        cursor = await conn.execute(_FIND_USED)
    return RegistrationsUsed.of_rows(await cursor.fetchall())


async def take(conn: psycopg.AsyncConnection, selection: HoldSelection) -> list[TakenHold]:
    """Delete these holds and return them; they come back if the transaction is rolled back."""
    if selection.request_ids is not None:
        cursor = await conn.execute(_TAKE_NAMED, {"request_ids": list(selection.request_ids)})
    else:
        cursor = await conn.execute(
            _TAKE_ALL,
            {
                "made_by": selection.made_by,
                "expired_by": selection.expired_by,
                "limit": selection.limit,
            },
        )
    return [
        TakenHold(HeldRegistration(*columns), number_hash) async for *columns, number_hash in cursor
    ]


async def drop_held_of(conn: psycopg.AsyncConnection, subject_id: UUID) -> None:
    """Delete the holds of an erased person."""
    await conn.execute(_DROP_HELD_OF, {"subject_id": subject_id})


def count_addition(counts: Sequence[CountedRegistrations]) -> Query:
    """Return the query that adds these counts, under the current time of the database."""
    return _ADD_COUNTS, {
        "centres": [one.centre for one in counts],
        "sent": [one.sent for one in counts],
        "held": [one.held for one in counts],
    }


def insertion(held: Sequence[HeldRegistration]) -> Query:
    """Return the query that adds these holds."""
    return _ADD_HELD, {
        "request_ids": [row.request_id for row in held],
        "subject_ids": [row.subject_id for row in held],
        "centres": [row.centre for row in held],
        "binds": [row.bind for row in held],
        "reasons": [row.reason for row in held],
        "held_at": [row.held_at for row in held],
        "until": [row.until for row in held],
    }
