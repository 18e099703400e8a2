"""Receipts and texts of phones that wait for programs.

One process at a time delivers those of an account, in order.
"""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Final, NamedTuple
from uuid import UUID

import psycopg

from inbound.store.connections import raises_store_errors
from inbound.store.fetching import fetch_rows
from inbound.store.smpp.rows import WaitingDelivery, delivery
from inbound.store.statements import statements

_SQL: Final = statements(__package__, "deliveries")
_ACCOUNTS: Final = _SQL["accounts_with_deliveries"]
_HOLD: Final = _SQL["hold_account"]
_RELEASE: Final = _SQL["release_account"]
_FIND: Final = _SQL["find_deliveries"]
_FINISH: Final = _SQL["finish_deliveries"]
_COUNT: Final = _SQL["count_deliveries"]


class Holder(NamedTuple):
    """A process that delivers, and for how long no other may after it has taken a delivery."""

    id: UUID
    lease: timedelta


class WaitingDeliveries(NamedTuple):
    """How many receipts and texts wait, and since when the first one."""

    rows: int
    since: datetime | None


@raises_store_errors
def accounts_with_deliveries(conn: psycopg.Connection, accounts: Collection[str]) -> list[str]:
    """Return which of these accounts have waiting deliveries."""
    return [account for (account,) in conn.execute(_ACCOUNTS, {"accounts": list(accounts)})]


@raises_store_errors
def take(
    conn: psycopg.Connection, account: str, holder: Holder, now: datetime, limit: int
) -> list[WaitingDelivery]:
    """Return the first deliveries of an account; nothing while another process delivers to it."""
    held = conn.execute(
        _HOLD, {"account": account, "holder": holder.id, "now": now, "until": now + holder.lease}
    ).fetchone()
    if held is None:
        return []
    return fetch_rows(conn, delivery, _FIND, {"account": account, "limit": limit})


@raises_store_errors
def finish(conn: psycopg.Connection, ids: Collection[int]) -> None:
    """Delete deliveries that were acknowledged."""
    conn.execute(_FINISH, {"ids": list(ids)})


@raises_store_errors
def release(conn: psycopg.Connection, account: str, holder: Holder) -> None:
    """Let other processes deliver to the account."""
    conn.execute(_RELEASE, {"account": account, "holder": holder.id})


@raises_store_errors
def count_waiting(conn: psycopg.Connection) -> WaitingDeliveries:
    """Return how many receipts and texts wait for all programs."""
    row = conn.execute(_COUNT).fetchone()
    return WaitingDeliveries(*row) if row else WaitingDeliveries(0, None)
