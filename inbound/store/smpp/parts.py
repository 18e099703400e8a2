"""Parts of long messages over SMPP, until all of them are there."""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Final, NamedTuple
from uuid import UUID

import psycopg

from inbound.store.connections import raises_store_errors
from inbound.store.fetching import fetch_rows
from inbound.store.smpp.rows import NewPart, SubmittedPart
from inbound.store.statements import statements

_SQL: Final = statements(__package__, "smpp")
_LOCK_PARTS: Final = _SQL["lock_parts"]
_FIND_PARTS: Final = _SQL["find_parts"]
_COUNT_PARTS: Final = _SQL["count_parts"]
_ADD_PART: Final = _SQL["add_part"]
_DELETE_PARTS: Final = _SQL["delete_parts"]
_FIND_COMPLETE: Final = _SQL["find_complete_parts"]
_REJECT: Final = _SQL["reject_parts"]
_EXPIRE: Final = _SQL["expire_parts"]
_SWEEP_JOINED: Final = _SQL["sweep_joined_parts"]

MOST_PARTS: Final = 2000
"""The most parts of one account that may wait for others."""
KEPT_FOR: Final = timedelta(minutes=10)


class SubmittedPartsKey(NamedTuple):
    """The parts of one message."""

    account: str
    parts_key: bytes


class TooManyPartsError(Exception):
    """Too many parts of the account wait for the rest of their message."""


class RepeatedPartError(Exception):
    """The same part of the same message came a short time ago over a link that is still open."""


class AddedPart(NamedTuple):
    """The id of a part, and the whole message if this part completed it.

    `is_repeated`: it was sent again after its message had become an order, and nothing is left
    to do.
    """

    message_id: int
    whole: list[SubmittedPart]
    is_repeated: bool = False


@raises_store_errors
def add_part(
    conn: psycopg.Connection,
    part: NewPart,
    *,
    own_id: bool,
    repeats_since: datetime,
    open_links: Collection[UUID],
) -> AddedPart:
    """Store a part; it is stored when this returns.

    Without `own_id` all parts of a message have the id of the one that came first. A part that
    replaces an equal one keeps its id. Raises TooManyPartsError and RepeatedPartError; then nothing
    was stored.
    """
    key = {"account": part.account, "parts_key": part.parts_key}
    with conn.transaction():
        conn.execute(_LOCK_PARTS, key)
        stored = fetch_rows(conn, SubmittedPart, _FIND_PARTS, key)
        if any(one.order_id is not None for one in stored):
            same = next((one for one in stored if one.digest == part.digest), None)
            if same is not None and same.arrived_at > repeats_since:
                if same.link in open_links:
                    raise RepeatedPartError
                return AddedPart(same.message_id, [], is_repeated=True)
            # The reference is used again.
            conn.execute(_DELETE_PARTS, key)
            stored = []
        same = next((one for one in stored if one.sequence == part.sequence), None)
        if same is None and _count(conn, part.account) >= MOST_PARTS:
            raise TooManyPartsError
        message_id = part.message_id
        if same is not None:
            message_id = same.message_id
        elif stored and not own_id:
            message_id = stored[0].message_id
        conn.execute(
            _ADD_PART,
            {
                **key,
                "sequence": part.sequence,
                "total": part.total,
                "message_id": message_id,
                "number_hash": part.number_hash,
                "addresses": part.addresses,
                "pdu": part.pdu,
                "digest": part.digest,
                "link": part.link,
                "registered": part.registered,
                "arrived_at": part.arrived_at,
            },
        )
        whole = fetch_rows(conn, SubmittedPart, _FIND_PARTS, key)
    return AddedPart(message_id, whole if len(whole) == part.total else [])


@raises_store_errors
def find_parts(conn: psycopg.Connection, key: SubmittedPartsKey) -> list[SubmittedPart]:
    """Return the parts of a message, in their order."""
    return fetch_rows(conn, SubmittedPart, _FIND_PARTS, key._asdict())


@raises_store_errors
def find_complete(
    conn: psycopg.Connection, before: datetime, limit: int
) -> list[SubmittedPartsKey]:
    """Return messages that have been complete since a time and are no order."""
    return fetch_rows(conn, SubmittedPartsKey, _FIND_COMPLETE, {"before": before, "limit": limit})


@raises_store_errors
def reject_parts(conn: psycopg.Connection, key: SubmittedPartsKey, now: datetime) -> None:
    """End a message that can't become an order."""
    conn.execute(_REJECT, {**key._asdict(), "now": now})


@raises_store_errors
def expire_parts(conn: psycopg.Connection, before: datetime, now: datetime) -> int:
    """End messages of which no part has arrived since a time; return how many."""
    conn.execute(_SWEEP_JOINED, {"before": now - KEPT_FOR})
    row = conn.execute(_EXPIRE, {"before": before, "now": now}).fetchone()
    return row[0] if row else 0


def _count(conn: psycopg.Connection, account: str) -> int:
    row = conn.execute(_COUNT_PARTS, {"account": account}).fetchone()
    return row[0] if row else 0
