"""The inbox: the MOs that have been processed. Its rows make a redelivered MO harmless."""

from collections.abc import Collection, Sequence
from typing import Final
from uuid import UUID

import psycopg

from inbound.store.mo.rows import InboxRow
from inbound.store.statements import Query, statements

_SQL: Final = statements(__package__, "mo")
_SEEN_MESSAGES: Final = _SQL["seen_messages"]
_INSERT_INBOX: Final = _SQL["insert_inbox"]


async def seen(conn: psycopg.AsyncConnection, mo_ids: Collection[UUID]) -> set[UUID]:
    """Return which of these MOs an earlier transaction has processed."""
    cursor = await conn.execute(_SEEN_MESSAGES, {"mo_ids": list(mo_ids)})
    return {mo_id async for (mo_id,) in cursor}


def insertion(rows: Sequence[InboxRow]) -> Query:
    """Return the query that adds these rows; a row that exists is a unique violation."""
    return _INSERT_INBOX, {
        "mo_ids": [row.mo_id for row in rows],
        "received": [row.received_at for row in rows],
    }
