"""The records of erasures: when, who, why, and how much was removed. They stay for ever."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

import psycopg
from psycopg.rows import args_row

from inbound.store.connecting import called
from inbound.store.statements import statements

_SQL: Final = statements(__package__, "people")
_LIST_ERASURES = _SQL["list_erasures"]


@dataclass(frozen=True, slots=True)
class RecordedErasure:
    """One record; `removed` is JSON: how many rows of which kind."""

    id: int
    erased_at: datetime
    actor: str
    reason: str
    subject_id: UUID | None
    removed: bytes


@called
def erasures(
    conn: psycopg.Connection, *, limit: int, before: int | None = None
) -> list[RecordedErasure]:
    """Return up to `limit` records, the newest first; `before` is the last id of a page."""
    with conn.cursor(row_factory=args_row(RecordedErasure)) as cursor:
        return cursor.execute(_LIST_ERASURES, {"limit": limit, "before": before}).fetchall()
