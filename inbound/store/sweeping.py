"""What has had its time goes. Each call is one statement and safe to repeat at any hour.

Returned are counts of rows. The clock is the caller's.
"""

from datetime import datetime, timedelta
from typing import Final, NamedTuple

import psycopg
from psycopg.rows import args_row

from inbound.store._writing import MISSES_PER_HOUR
from inbound.store.connecting import called
from inbound.store.statements import statements

DAYS_AHEAD: Final = 3

_SQL: Final = statements(__package__, "sweeping")
_SWEEP_VAULT = _SQL["sweep_vault"]
_SWEEP_PARTS = _SQL["sweep_parts"]
_SWEEP_MISSES = _SQL["sweep_misses"]
_SWEEP_INBOX = _SQL["sweep_inbox"]
_SWEEP_CLAIMS = _SQL["sweep_claims"]
_SWEEP_BINDS = _SQL["sweep_binds"]
_SWEEP_SENT_PARTS = _SQL["sweep_sent_parts"]
_SWEEP_EARLY_RECEIPTS = _SQL["sweep_early_receipts"]
_MAINTAIN_OUTBOX = _SQL["maintain_outbox"]


class Maintained(NamedTuple):
    """Day partitions of the outbox that were made and dropped."""

    created: int
    dropped: int


@called
def maintain(conn: psycopg.Connection, retention_days: int) -> Maintained:
    """Make the outbox partitions of the next days; drop old ones that were relayed in full.

    Appending waits for a moment when there is something to do. Raises StoreUnavailable when
    the tables are too busy for two seconds: try again later.
    """
    parameters = {"retention_days": retention_days, "days_ahead": DAYS_AHEAD}
    with conn.cursor(row_factory=args_row(Maintained)) as cursor:
        done = cursor.execute(_MAINTAIN_OUTBOX, parameters).fetchone()
    return done or Maintained(0, 0)


@called
def sweep_vault(conn: psycopg.Connection, now: datetime) -> int:
    """Erase the secrets whose time limit has passed, whatever became of their messages."""
    return conn.execute(_SWEEP_VAULT, {"now": now}).rowcount


@called
def sweep_parts(
    conn: psycopg.Connection, now: datetime, minutes: int, *, note_misses: bool = True
) -> int:
    """Give up parts of messages whose other parts never came; their count is a metric.

    With `note_misses` each message that they were to be is a miss of its sender.
    """
    parameters = {
        "before": now - timedelta(minutes=minutes),
        "note": note_misses,
        "per_hour": MISSES_PER_HOUR,
    }
    row = conn.execute(_SWEEP_PARTS, parameters).fetchone()
    return row[0] if row else 0


@called
def sweep_misses(conn: psycopg.Connection, now: datetime, days: int) -> int:
    """Forget which texts made no request; 0 days forgets all."""
    return conn.execute(_SWEEP_MISSES, {"before": now - timedelta(days=days)}).rowcount


@called
def sweep_inbox(conn: psycopg.Connection, now: datetime, days: int) -> int:
    """Forget messages that nobody will deliver again: longer ago than any topic keeps them."""
    return conn.execute(_SWEEP_INBOX, {"before": now - timedelta(days=days)}).rowcount


@called
def sweep_claims(conn: psycopg.Connection, now: datetime, days: int) -> int:
    """Forget claims of messages that no lane topic holds any more."""
    return conn.execute(_SWEEP_CLAIMS, {"before": now - timedelta(days=days)}).rowcount


@called
def sweep_binds(conn: psycopg.Connection, now: datetime, days: int) -> int:
    """Forget binds of gateways that are long gone."""
    return conn.execute(_SWEEP_BINDS, {"before": now - timedelta(days=days)}).rowcount


@called
def sweep_sent_parts(conn: psycopg.Connection, now: datetime, days: int) -> int:
    """Forget sent parts for which no receipt is expected any more."""
    return conn.execute(_SWEEP_SENT_PARTS, {"before": now - timedelta(days=days)}).rowcount


@called
def sweep_early_receipts(conn: psycopg.Connection, now: datetime, days: int) -> int:
    """Give up receipts that were never of any message of ours."""
    return conn.execute(_SWEEP_EARLY_RECEIPTS, {"before": now - timedelta(days=days)}).rowcount
