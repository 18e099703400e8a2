"""Claims of MTs, and the receipt status of their parts."""

from collections.abc import Collection
from datetime import datetime
from typing import Final, NamedTuple
from uuid import UUID

import psycopg

from inbound.store.connections import raises_store_errors
from inbound.store.fetching import fetch_rows
from inbound.store.statements import statements

_SQL: Final = statements(__package__, "messages")
_CLAIMS_OF: Final = _SQL["claims_of"]
_SENT_PART_STATUSES: Final = _SQL["sent_part_statuses"]


class ClaimRecord(NamedTuple):
    """A stored claim of a message."""

    message_id: UUID
    attempt: int
    gateway: str
    claimed_at: datetime


class SentPartStatus(NamedTuple):
    """The receipt status of one part of an MT; `state` is None while there is no receipt."""

    message_id: UUID
    part: int
    parts: int
    state: str | None
    final: bool
    error: str | None
    done_at: datetime | None


@raises_store_errors
def claims_of(conn: psycopg.Connection, message_ids: Collection[UUID]) -> list[ClaimRecord]:
    """Return the claims of these messages."""
    return fetch_rows(conn, ClaimRecord, _CLAIMS_OF, {"message_ids": list(message_ids)})


@raises_store_errors
def sent_part_statuses(
    conn: psycopg.Connection, subject_id: UUID, message_ids: Collection[UUID]
) -> list[SentPartStatus]:
    """Return the receipt status of these messages of a subject, part by part."""
    parameters = {"subject_id": subject_id, "message_ids": list(message_ids)}
    return fetch_rows(conn, SentPartStatus, _SENT_PART_STATUSES, parameters)
