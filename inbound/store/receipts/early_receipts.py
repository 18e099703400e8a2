"""Receipts that wait for the result of their message to be processed. Nearly always none."""

from collections.abc import Collection, Sequence
from typing import Any, Final
from uuid import UUID

import psycopg

from inbound.store.receipts.rows import EarlyKey, EarlyReceipt
from inbound.store.statements import Query, statements

_SQL: Final = statements(__package__, "receipts")
_FIND_EARLY_RECEIPTS: Final = _SQL["find_early_receipts"]
_INSERT_EARLY_RECEIPTS: Final = _SQL["insert_early_receipts"]
_DELETE_EARLY_RECEIPTS: Final = _SQL["delete_early_receipts"]


async def find_early_receipts(
    conn: psycopg.AsyncConnection, subject_ids: Collection[UUID]
) -> list[EarlyReceipt]:
    """Return the waiting receipts of these people, oldest first."""
    cursor = await conn.execute(_FIND_EARLY_RECEIPTS, {"subject_ids": list(subject_ids)})
    return [EarlyReceipt(EarlyKey(*row[:4]), *row[4:]) async for row in cursor]


def insertion(receipts: Sequence[EarlyReceipt]) -> Query:
    """Return the query that keeps these receipts; a repeated one changes nothing."""
    return _INSERT_EARLY_RECEIPTS, {
        **_keys([row.key for row in receipts]),
        "receipts": [row.receipt.decode() for row in receipts],
        "arrived": [row.arrived_at for row in receipts],
    }


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
