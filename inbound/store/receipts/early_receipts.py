"""Receipts that wait for the result of their message to be processed. Nearly always none.

An SMS centre may send any number of receipts for messages that never existed. Beyond a quota the
oldest are deleted: a genuine receipt waits for seconds only.
"""

from collections.abc import Collection, Sequence
from typing import Any, Final
from uuid import UUID

import psycopg

from inbound.store import usage
from inbound.store.quotas import Quota
from inbound.store.receipts.rows import EarlyKey, EarlyReceipt
from inbound.store.statements import Query, statements

_SQL: Final = statements(__package__, "receipts")
_FIND_EARLY_RECEIPTS: Final = _SQL["find_early_receipts"]
_INSERT_EARLY_RECEIPTS: Final = _SQL["insert_early_receipts"]
_DROP_EARLY_RECEIPTS_OF: Final = _SQL["drop_early_receipts_of"]
_DROP_OLDEST_EARLY_RECEIPTS: Final = _SQL["drop_oldest_early_receipts"]
_DELETE_EARLY_RECEIPTS: Final = _SQL["delete_early_receipts"]


async def find_early_receipts(
    conn: psycopg.AsyncConnection, subject_ids: Collection[UUID]
) -> list[EarlyReceipt]:
    """Return the waiting receipts of these people, oldest first."""
    return await early_receipts_of(await select_early_receipts(conn, subject_ids))


async def select_early_receipts(
    conn: psycopg.AsyncConnection, subject_ids: Collection[UUID]
) -> psycopg.AsyncCursor:
    """Ask for these receipts; `early_receipts_of` reads the answer. Fits into a pipeline."""
    return await conn.execute(_FIND_EARLY_RECEIPTS, {"subject_ids": list(subject_ids)})


async def early_receipts_of(cursor: psycopg.AsyncCursor) -> list[EarlyReceipt]:
    """Return the receipts of an answer."""
    return [EarlyReceipt(EarlyKey(*row[:4]), *row[4:]) async for row in cursor]


async def store_early_receipts(
    conn: psycopg.AsyncConnection, receipts: Sequence[EarlyReceipt], quota: Quota
) -> int:
    """Store receipts, and return how many of the oldest the quota removed.

    Waits for other transactions that write early receipts. Reads the whole table when the
    overall quota is exceeded.
    """
    async with conn.pipeline():
        await conn.execute(*usage.locking(usage.EARLY_RECEIPTS))
        await conn.execute(_INSERT_EARLY_RECEIPTS, {
            **_keys([row.key for row in receipts]),
            "receipts": [row.receipt.decode() for row in receipts],
            "arrived": [row.arrived_at for row in receipts],
        })  # fmt: skip
        of_these = await conn.execute(_DROP_EARLY_RECEIPTS_OF, {
            "subject_ids": list({row.key.subject_id for row in receipts}),
            "rows": quota.sender_rows,
            "bytes": quota.sender_bytes,
        })  # fmt: skip
    dropped = of_these.rowcount
    if (await usage.current_usage(conn, usage.EARLY_RECEIPTS)).exceeds(quota):
        limits = {"rows": quota.kept_rows, "bytes": quota.kept_bytes}
        dropped += (await conn.execute(_DROP_OLDEST_EARLY_RECEIPTS, limits)).rowcount
    return dropped


def deletion(keys: Sequence[EarlyKey]) -> Query:
    """Return the query that removes these receipts."""
    return _DELETE_EARLY_RECEIPTS, _keys(keys)


def _keys(keys: Sequence[EarlyKey]) -> dict[str, Any]:
    return {
        "subject_ids": [key.subject_id for key in keys],
        "centres": [key.centre for key in keys],
        "smsc_message_ids": [key.smsc_message_id for key in keys],
        "states": [key.state for key in keys],
    }
