"""What has had its time goes: rounds that every worker makes, safe in parallel."""

import logging
from datetime import datetime
from math import ceil

import psycopg

from inbound.errors import RetryableError
from inbound.ops import metrics
from inbound.settings import Settings
from inbound.store import dead_letters, retention_sweep
from inbound.store.connections import connect
from inbound.store.dead_letters import DeadLetterLimits

log = logging.getLogger(__name__)

# Longer than any internal topic keeps a message, so that nothing comes again unrecognised.
REMEMBER_DAYS = 7
OUTBOX_DAYS = 7
# A centre tries for days before it gives up and says so.
RECEIPT_DAYS = 7
EARLY_RECEIPT_DAYS = 3


def sweep(settings: Settings, now: datetime, *, thorough: bool) -> None:
    """Make one round; a thorough one reads whole tables and is for once an hour.

    Blocks on the database; when it is away the next round makes up for it.
    """
    try:
        with connect(settings.database_url.get_secret_value(), "scserv sweep", long=True) as conn:
            retention_sweep.sweep_vault(conn, now)
            minutes = ceil(settings.part_wait_s / 60)
            parts = retention_sweep.sweep_parts(
                conn, now, minutes, record_rejected=settings.rejected_mo_days > 0
            )
            retention_sweep.sweep_rejected_mos(conn, now, settings.rejected_mo_days)
            _measure_dead_letters(conn, settings.dead_letter_limits())
            lost = _sweep_thoroughly(conn, now) if thorough else 0
    except RetryableError as error:
        log.warning("housekeeping waits: %s", error)
        return
    if lost:
        metrics.RECEIPTS_UNMATCHED.add(lost, {"reason": "no_message"})
        log.info("%d receipts waited in vain for the result of their message", lost)
    if parts:
        metrics.PARTS_EXPIRED.add(parts)
        log.info("%d parts of long texts waited in vain for the others", parts)


def _measure_dead_letters(conn: psycopg.Connection, limits: DeadLetterLimits) -> None:
    usage = dead_letters.usage(conn)
    metrics.DEAD_LETTERS_WAITING.set(usage.rows)
    metrics.DEAD_LETTERS_USED.set(limits.used(usage))


def _sweep_thoroughly(conn: psycopg.Connection, now: datetime) -> int:
    """Return how many receipts waited in vain for the result of their message."""
    retention_sweep.maintain_outbox(conn, OUTBOX_DAYS)
    retention_sweep.sweep_inbox(conn, now, REMEMBER_DAYS)
    retention_sweep.sweep_claims(conn, now, REMEMBER_DAYS)
    retention_sweep.sweep_binds(conn, now, REMEMBER_DAYS)
    retention_sweep.sweep_sent_parts(conn, now, RECEIPT_DAYS)
    return retention_sweep.sweep_early_receipts(conn, now, EARLY_RECEIPT_DAYS)
