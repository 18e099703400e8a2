"""The retention sweep: deletes data past its retention time.

Each function is one statement, safe to repeat and to run concurrently, and returns the number
of rows. The caller passes the time.
"""

from datetime import datetime, timedelta
from typing import Final, NamedTuple

import psycopg
from psycopg.rows import args_row

from inbound.store import usage
from inbound.store.connections import raises_store_errors
from inbound.store.quotas import DEFAULT_QUOTAS
from inbound.store.statements import statements

DAYS_AHEAD: Final = 3

_SQL: Final = statements(__package__, "retention_sweep")
_SWEEP_VAULT = _SQL["sweep_vault"]
_SWEEP_ORDER_CONTENTS = _SQL["sweep_order_contents"]
_SWEEP_ORDERS = _SQL["sweep_orders"]
_SWEEP_AUDIENCES = _SQL["sweep_audiences"]
_SWEEP_USAGE = _SQL["sweep_usage"]
_SWEEP_PARTS = _SQL["sweep_parts"]
_SWEEP_REJECTED_MOS = _SQL["sweep_rejected_mos"]
_SWEEP_INBOX = _SQL["sweep_inbox"]
_SWEEP_CLAIMS = _SQL["sweep_claims"]
_SWEEP_BINDS = _SQL["sweep_binds"]
_SWEEP_SENT_PARTS = _SQL["sweep_sent_parts"]
_SWEEP_EARLY_RECEIPTS = _SQL["sweep_early_receipts"]
_MAINTAIN_OUTBOX = _SQL["maintain_outbox"]


class OutboxMaintenance(NamedTuple):
    """How many day partitions of the outbox were created and dropped."""

    created: int
    dropped: int


@raises_store_errors
def maintain_outbox(conn: psycopg.Connection, retention_days: int) -> OutboxMaintenance:
    """Create the outbox partitions of the next days; drop old ones that are fully published.

    Appends wait for a moment when there is something to do. Raises StoreUnavailable when
    the tables are too busy for two seconds: try again later.
    """
    parameters = {"retention_days": retention_days, "days_ahead": DAYS_AHEAD}
    with conn.cursor(row_factory=args_row(OutboxMaintenance)) as cursor:
        done = cursor.execute(_MAINTAIN_OUTBOX, parameters).fetchone()
    return done or OutboxMaintenance(0, 0)


@raises_store_errors
def sweep_vault(conn: psycopg.Connection, now: datetime) -> int:
    """Erase expired secrets, whatever the state of their messages."""
    return conn.execute(_SWEEP_VAULT, {"now": now}).rowcount


@raises_store_errors
def sweep_order_contents(conn: psycopg.Connection, now: datetime) -> int:
    """Delete the texts of orders that have been kept long enough."""
    return conn.execute(_SWEEP_ORDER_CONTENTS, {"now": now}).rowcount


@raises_store_errors
def sweep_orders(conn: psycopg.Connection, now: datetime, days: int) -> int:
    """Delete orders that ended long ago. Their idempotency keys are no longer recognised."""
    return conn.execute(_SWEEP_ORDERS, {"before": now - timedelta(days=days)}).rowcount


@raises_store_errors
def sweep_audiences(conn: psycopg.Connection, now: datetime, days: int) -> int:
    """Delete audiences and texts of broadcasts that ended, or were abandoned, long ago."""
    parameters = {"now": now, "before": now - timedelta(days=days)}
    return conn.execute(_SWEEP_AUDIENCES, parameters).rowcount


@raises_store_errors
def sweep_usage(conn: psycopg.Connection, now: datetime) -> int:
    """Delete counters of days, weeks and months that are over."""
    before = now - timedelta(days=2)
    return conn.execute(
        _SWEEP_USAGE,
        {
            "day": f"{before:%Y-%m-%d}",
            "month": f"{before:%Y-%m}",
            "week": f"{before:%G-%V}",
        },
    ).rowcount


@raises_store_errors
def sweep_parts(
    conn: psycopg.Connection,
    now: datetime,
    minutes: int,
    *,
    record_rejected: bool = True,
    per_hour: int = DEFAULT_QUOTAS.rejected_per_hour,
) -> int:
    """Delete parts whose other parts never arrived; return how many.

    With `record_rejected` each incomplete message counts as a rejected MO of its sender, in at
    most `per_hour` rows.
    """
    parameters = {
        "before": now - timedelta(minutes=minutes),
        "note": record_rejected,
        "per_hour": per_hour,
    }
    with conn.transaction():
        conn.execute(*usage.locking(usage.PARTS))
        row = conn.execute(_SWEEP_PARTS, parameters).fetchone()
    return row[0] if row else 0


@raises_store_errors
def sweep_rejected_mos(conn: psycopg.Connection, now: datetime, days: int) -> int:
    """Delete the counts of rejected MOs; 0 days deletes all."""
    return conn.execute(_SWEEP_REJECTED_MOS, {"before": now - timedelta(days=days)}).rowcount


@raises_store_errors
def sweep_inbox(conn: psycopg.Connection, now: datetime, days: int) -> int:
    """Delete inbox rows of MOs that no topic holds any more."""
    return conn.execute(_SWEEP_INBOX, {"before": now - timedelta(days=days)}).rowcount


@raises_store_errors
def sweep_claims(conn: psycopg.Connection, now: datetime, days: int) -> int:
    """Delete claims of messages that no lane topic holds any more."""
    return conn.execute(_SWEEP_CLAIMS, {"before": now - timedelta(days=days)}).rowcount


@raises_store_errors
def sweep_binds(conn: psycopg.Connection, now: datetime, days: int) -> int:
    """Delete reports of gateways that are gone."""
    return conn.execute(_SWEEP_BINDS, {"before": now - timedelta(days=days)}).rowcount


@raises_store_errors
def sweep_sent_parts(conn: psycopg.Connection, now: datetime, days: int) -> int:
    """Delete sent parts that expect no receipt any more."""
    return conn.execute(_SWEEP_SENT_PARTS, {"before": now - timedelta(days=days)}).rowcount


@raises_store_errors
def sweep_early_receipts(conn: psycopg.Connection, now: datetime, days: int) -> int:
    """Delete unmatched receipts, whose message never became known."""
    with conn.transaction():
        conn.execute(*usage.locking(usage.EARLY_RECEIPTS))
        before = {"before": now - timedelta(days=days)}
        return conn.execute(_SWEEP_EARLY_RECEIPTS, before).rowcount
