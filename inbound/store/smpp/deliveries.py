"""Receipts and texts of phones that wait for programs.

One process at a time delivers those of an account, in order.
"""

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import Final, NamedTuple
from uuid import UUID

import psycopg

from inbound.store.connections import raises_store_errors
from inbound.store.fetching import fetch_rows
from inbound.store.smpp.rows import Topic, WaitingDelivery, delivery
from inbound.store.statements import statements

_SQL: Final = statements(__package__, "deliveries")
_ACCOUNTS: Final = _SQL["accounts_with_deliveries"]
_HOLD: Final = _SQL["hold_account"]
_RELEASE: Final = _SQL["release_account"]
_FIND: Final = _SQL["find_deliveries"]
_FINISH: Final = _SQL["finish_deliveries"]
_COUNT: Final = _SQL["count_deliveries"]


class Holder(NamedTuple):
    """A process that delivers, and how long its lease of an account lasts."""

    id: UUID
    lease: timedelta


class WaitingDeliveries(NamedTuple):
    """How many receipts and texts wait, and since when the first one."""

    rows: int
    since: datetime | None


@raises_store_errors
def accounts_with_deliveries(conn: psycopg.Connection, after: Mapping[str, int]) -> list[str]:
    """Return which of these accounts have deliveries with a higher id than this."""
    given = {"accounts": list(after), "after": list(after.values())}
    return [account for (account,) in conn.execute(_ACCOUNTS, given)]


@raises_store_errors
def take(
    conn: psycopg.Connection,
    account: str,
    holder: Holder,
    now: datetime,
    *,
    limit: int,
    acknowledged: Collection[int] = (),
    outstanding: Collection[Topic] = (),
) -> list[WaitingDelivery]:
    """Delete what was acknowledged, take or renew the lease, return an account's first deliveries.

    Returns none about what is `outstanding`, and none at all while another process has the lease;
    deletes in any case.
    """
    with conn.transaction():
        if acknowledged:
            conn.execute(_FINISH, {"ids": list(acknowledged)})
        hold = {"account": account, "holder": holder.id, "now": now, "until": now + holder.lease}
        if conn.execute(_HOLD, hold).fetchone() is None or not limit:
            return []
        first = {
            "account": account,
            "limit": limit,
            "messages": [topic for topic in outstanding if isinstance(topic, int)],
            "phones": [topic for topic in outstanding if isinstance(topic, bytes)],
        }
        return fetch_rows(conn, delivery, _FIND, first)


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
