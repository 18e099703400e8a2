"""Reads and changes broadcasts.

Synchronous, because commands and the API share it. The pump's part of a transaction of orders is in
`cursors`.
"""

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, NamedTuple
from uuid import UUID

import psycopg
from pydantic_core import from_json, to_json

from inbound.handlers.broadcasts import BroadcastState, Lifecycle
from inbound.store.broadcasts.rows import Broadcast, BroadcastRecipient, Counts
from inbound.store.connections import raises_store_errors
from inbound.store.statements import statements
from schemas.sending_hours import SendingHours

_SQL: Final = statements(__package__, "broadcasts")
_INSERT_BROADCAST: Final = _SQL["insert_broadcast"]
_FIND_BROADCAST: Final = _SQL["find_broadcast"]
_LOCK_BROADCAST: Final = _SQL["lock_broadcast"]
_LIST_BROADCASTS: Final = _SQL["list_broadcasts"]
_SEARCH_BROADCASTS: Final = _SQL["search_broadcasts"]
_FIND_BROADCASTS_AT_WORK: Final = _SQL["find_broadcasts_at_work"]
_CHANGE_BROADCAST: Final = _SQL["change_broadcast"]
_DELETE_DRAFT: Final = _SQL["delete_draft"]
_FIND_PROGRESS: Final = _SQL["find_progress"]
_SUM_UP_PROGRESS: Final = _SQL["sum_up_progress"]
_FIND_RECIPIENTS: Final = _SQL["find_recipients"]
_RELEASE_HELD_ORDERS: Final = _SQL["release_held_orders"]
_FIND_SCHEDULED_ORDERS: Final = _SQL["find_scheduled_orders"]
_TRY_LOCK_PUMP: Final = _SQL["try_lock_pump"]


@dataclass(frozen=True, slots=True)
class NewBroadcast:
    """A broadcast to be stored, with the counts of its audience."""

    broadcast_id: UUID
    created_at: datetime
    name: str
    account: str
    created_by: str
    recipients: int
    excluded: dict[str, int]
    parts: int = 0
    most_parts: int = 0
    text_sealed: bytes | None = field(repr=False, default=None)
    template: str | None = None
    template_version: int | None = None
    sender: str | None = None
    hours: SendingHours | None = None
    is_spread: bool = False
    rate_per_s: int | None = None
    columns: Sequence[str] = ()
    content_digest: bytes | None = None
    column_order: Sequence[int] | None = None
    separator: str | None = None


@raises_store_errors
def insert_broadcast(conn: psycopg.Connection, new: NewBroadcast) -> None:
    """Store a draft, in the transaction that stores its audience."""
    conn.execute(
        _INSERT_BROADCAST,
        {
            "broadcast_id": new.broadcast_id,
            "created_at": new.created_at,
            "name": new.name,
            "account": new.account,
            "created_by": new.created_by,
            "recipients": new.recipients,
            "excluded": to_json(new.excluded).decode(),
            "text_sealed": new.text_sealed,
            "template": new.template,
            "template_version": new.template_version,
            "sender": new.sender,
            "hours": new.hours and new.hours.to_json().decode(),
            "is_spread": new.is_spread,
            "rate_per_s": new.rate_per_s,
            "columns": list(new.columns),
            "parts": new.parts,
            "most_parts": new.most_parts,
            "content_digest": new.content_digest,
            "column_order": None if new.column_order is None else list(new.column_order),
            "separator": new.separator,
        },
    )


@raises_store_errors
def find_broadcast(
    conn: psycopg.Connection, broadcast_id: UUID, *, lock: bool = False
) -> Broadcast | None:
    """Return a broadcast. With `lock` the pump and others leave it alone until commit."""
    parameters = {"broadcast_id": broadcast_id}
    if lock:
        conn.execute(_LOCK_BROADCAST, parameters)
    row = conn.execute(_FIND_BROADCAST, parameters).fetchone()
    return None if row is None else _broadcast(row)


@raises_store_errors
def list_broadcasts(
    conn: psycopg.Connection,
    *,
    limit: int,
    account: str | None = None,
    behind: UUID | None = None,
) -> list[Broadcast]:
    """Return broadcasts, the newest first; those that come after the one with the id `behind`."""
    parameters = {"limit": limit, "account": account, "behind": behind}
    rows = conn.execute(_LIST_BROADCASTS, parameters)
    return [_broadcast(row) for row in rows]


class NamedBroadcast(NamedTuple):
    """A broadcast that was searched for."""

    broadcast_id: UUID
    name: str


@raises_store_errors
def search_broadcasts(conn: psycopg.Connection, text: str, limit: int) -> list[NamedBroadcast]:
    """Return the broadcasts with this id, or with this in their name; the newest first."""
    rows = conn.execute(_SEARCH_BROADCASTS, {"text": text, "limit": limit})
    return [NamedBroadcast(*row) for row in rows]


@raises_store_errors
def find_broadcasts_at_work(conn: psycopg.Connection) -> list[Broadcast]:
    """Return the broadcasts that the scheduler has to work on, the longest running first."""
    return [_broadcast(row) for row in conn.execute(_FIND_BROADCASTS_AT_WORK)]


@raises_store_errors
def change_broadcast(conn: psycopg.Connection, broadcast: Broadcast) -> None:
    """Store its lifecycle, end and problem. Lock it first."""
    now = broadcast.lifecycle
    conn.execute(
        _CHANGE_BROADCAST,
        {
            "broadcast_id": broadcast.broadcast_id,
            "state": now.state.value,
            "starts_at": now.starts_at,
            "began_at": now.began_at,
            "started_by": now.started_by,
            "approved_by": now.approved_by,
            "needs_confirmation": now.needs_confirmation,
            "ended_at": broadcast.ended_at,
            "problem": broadcast.problem,
        },
    )


@raises_store_errors
def delete_draft(conn: psycopg.Connection, broadcast_id: UUID) -> bool:
    """Delete a draft that was never started, with its audience; return whether there was one."""
    return conn.execute(_DELETE_DRAFT, {"broadcast_id": broadcast_id}).rowcount == 1


@raises_store_errors
def find_counts(conn: psycopg.Connection, broadcast_ids: Collection[UUID]) -> dict[UUID, Counts]:
    """Return the counts of each of these broadcasts; the cost doesn't grow with their size."""
    states: dict[UUID, Counter[str]] = {one: Counter() for one in broadcast_ids}
    reasons: dict[UUID, dict[tuple[str, str], int]] = {one: {} for one in broadcast_ids}
    added = Counter[UUID]()
    rows = conn.execute(_FIND_PROGRESS, {"broadcast_ids": list(broadcast_ids)})
    for broadcast_id, state, reason, recipients, count in rows:
        states[broadcast_id][state] += int(recipients)
        added[broadcast_id] += count
        if reason:
            reasons[broadcast_id][state, reason] = int(recipients)
    return {one: Counts(states[one], added[one], reasons[one]) for one in states}


@raises_store_errors
def sum_up_progress(conn: psycopg.Connection, broadcast_id: UUID) -> None:
    """Replace the rows of a broadcast's progress by their sums. Concurrent calls are safe."""
    conn.execute(_SUM_UP_PROGRESS, {"broadcast_id": broadcast_id})


@raises_store_errors
def find_recipients(
    conn: psycopg.Connection, broadcast_id: UUID, after: int, limit: int
) -> list[BroadcastRecipient]:
    """Return the next recipients behind a number, in order."""
    parameters = {"broadcast_id": broadcast_id, "after": after, "limit": limit}
    return [BroadcastRecipient(*row) for row in conn.execute(_FIND_RECIPIENTS, parameters)]


@raises_store_errors
def release_held_orders(conn: psycopg.Connection, broadcast_id: UUID) -> int:
    """Make orders due that came back while the broadcast was paused; return how many."""
    return conn.execute(_RELEASE_HELD_ORDERS, {"broadcast_id": broadcast_id}).rowcount


@raises_store_errors
def find_scheduled_orders(conn: psycopg.Connection, broadcast_id: UUID, limit: int) -> list[UUID]:
    """Return orders of a broadcast that wait for their time."""
    parameters = {"broadcast_id": broadcast_id, "limit": limit}
    return [row[0] for row in conn.execute(_FIND_SCHEDULED_ORDERS, parameters)]


@raises_store_errors
def try_lock_pump(conn: psycopg.Connection) -> bool:
    """Return whether this connection may pump; for as long as it lives, no other one may."""
    return conn.execute(_TRY_LOCK_PUMP).fetchone() == (True,)


def _broadcast(row: tuple[Any, ...]) -> Broadcast:
    broadcast_id, name, account, state, recipients, created_by, hours, *times = row
    starts_at, began_at, started_by, approved_by, needs_confirmation, created_at, *content = times
    template, template_version, sender, is_spread, rate, columns, excluded, cursor_no, *end = (
        content
    )
    ended_at, problem, deleted_at, text_sealed, account_rate, account_enabled, *table = end
    parts, most_parts, column_order, separator = table
    return Broadcast(
        broadcast_id=broadcast_id,
        name=name,
        account=account,
        lifecycle=Lifecycle(
            BroadcastState(state),
            recipients,
            created_by,
            hours and SendingHours.model_validate_json(hours),
            starts_at,
            began_at,
            started_by,
            approved_by,
            needs_confirmation,
        ),
        created_at=created_at,
        template=template,
        template_version=template_version,
        sender=sender,
        is_spread=is_spread,
        rate_per_s=rate,
        columns=tuple(columns),
        excluded=from_json(excluded),
        cursor_no=cursor_no,
        ended_at=ended_at,
        problem=problem,
        audience_deleted_at=deleted_at,
        text_sealed=text_sealed,
        account_rate=account_rate,
        account_enabled=account_enabled,
        parts=parts,
        most_parts=most_parts,
        column_order=None if column_order is None else tuple(column_order),
        separator=separator,
    )
