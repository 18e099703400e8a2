"""Recognises repeated broadcasts and actions by their idempotency keys.

An action that was refused leaves its key unused: it changed nothing, and may be possible later.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import psycopg

from inbound.store.connections import raises_store_errors
from inbound.store.statements import statements

_SQL: Final = statements(__package__, "repeats")
_LOCK_BROADCAST_ID: Final = _SQL["lock_broadcast_id"]
_FIND_CONTENT_DIGEST: Final = _SQL["find_content_digest"]
_FIND_ACTION: Final = _SQL["find_action"]
_INSERT_ACTION: Final = _SQL["insert_action"]
_SWEEP_ACTIONS: Final = _SQL["sweep_actions"]


@dataclass(frozen=True, slots=True)
class Identity:
    """The id of a broadcast that is safe to create again, and the digest of what was asked."""

    broadcast_id: UUID
    content_digest: bytes


class KeyReusedError(Exception):
    """The idempotency key belongs to another broadcast or action."""


@raises_store_errors
def is_repeated(conn: psycopg.Connection, identity: Identity) -> bool:
    """Whether this broadcast exists already; if not, only this transaction can create it.

    Blocks while another transaction creates it. Raises KeyReusedError if it is another one.
    """
    parameters = {"broadcast_id": identity.broadcast_id}
    conn.execute(_LOCK_BROADCAST_ID, parameters)
    row = conn.execute(_FIND_CONTENT_DIGEST, parameters).fetchone()
    if row is not None and row[0] != identity.content_digest:
        raise KeyReusedError
    return row is not None


@raises_store_errors
def is_action_repeated(
    conn: psycopg.Connection,
    broadcast_id: UUID,
    key_digest: bytes,
    action: str,
    starts_at: datetime | None,
) -> bool:
    """Whether this action was done with this key. Lock the broadcast first.

    Raises KeyReusedError if another action was.
    """
    parameters = {"broadcast_id": broadcast_id, "key_digest": key_digest}
    row = conn.execute(_FIND_ACTION, parameters).fetchone()
    if row is not None and row != (action, starts_at):
        raise KeyReusedError
    return row is not None


@raises_store_errors
def remember_action(
    conn: psycopg.Connection,
    broadcast_id: UUID,
    key_digest: bytes,
    action: str,
    starts_at: datetime | None,
) -> None:
    """Store that this action was done with this key, in the action's transaction."""
    conn.execute(
        _INSERT_ACTION,
        {
            "broadcast_id": broadcast_id,
            "key_digest": key_digest,
            "action": action,
            "starts_at": starts_at,
        },
    )


@raises_store_errors
def sweep_actions(conn: psycopg.Connection, now: datetime, days: int) -> int:
    """Delete the keys of actions that were done long ago: they are no longer recognised."""
    return conn.execute(_SWEEP_ACTIONS, {"before": now - timedelta(days=days)}).rowcount
