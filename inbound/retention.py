"""Retention sweeps. Every worker runs them, and reports itself; concurrent runs are safe."""

import logging
from datetime import datetime, timedelta
from math import ceil
from typing import Final

import psycopg

from inbound.errors import RetryableError
from inbound.ops import metrics
from inbound.settings import Settings
from inbound.store import retention_sweep, usage
from inbound.store.broadcasts import repeats
from inbound.store.callbacks import callbacks
from inbound.store.connections import connect
from inbound.store.dead_letters import dead_letters
from inbound.store.dead_letters.limits import DeadLetterLimits
from inbound.store.mo import account_texts, unknown_numbers
from inbound.store.quotas import Quotas
from inbound.store.registrations import status as registrations
from inbound.store.smpp import messages as smpp_messages
from inbound.store.worker_policies import report_policies

log = logging.getLogger(__name__)

DEDUPLICATION_DAYS: Final = 7
"""Longer than internal topics keep records, so that every redelivery is recognised."""

OUTBOX_DAYS: Final = 7
CALLBACK_DAYS: Final = 30

RECEIPT_DAYS: Final = 7
"""SMS centres retry for days before they report a failure."""

EARLY_RECEIPT_DAYS: Final = 3

SMPP_RECEIPT_DAYS: Final = 7
"""How long a receipt waits for the program that asked for it."""


ACCOUNT_TEXT_DAYS: Final = 7
"""How long a text of a phone waits for the program of its account."""


def sweep(settings: Settings, now: datetime, *, thorough: bool) -> bool:
    """Delete rows past their retention time. A thorough sweep reads whole tables: once an hour.

    Blocks on the database. Returns False if it is unavailable; the next sweep catches up.
    """
    try:
        with connect(settings.database_url.get_secret_value(), "scserv sweep", long=True) as conn:
            retention_sweep.sweep_vault(conn, now)
            retention_sweep.sweep_order_contents(conn, now)
            minutes = ceil(settings.part_wait_s / 60)
            quotas = settings.quotas.limits()
            parts = retention_sweep.sweep_parts(
                conn,
                now,
                minutes,
                record_rejected=settings.rejected_mo_days > 0,
                per_hour=quotas.rejected_per_hour,
            )
            retention_sweep.sweep_rejected_mos(conn, now, settings.rejected_mo_days)
            registrations.sweep_counts(conn)
            unknown_numbers.sweep_counts(conn)
            report_policies(conn, settings.policies)
            _measure_registrations(conn)
            _measure_dead_letters(conn, settings.dead_letter_limits())
            _measure_quotas(conn, quotas)
            unmatched = _sweep_thoroughly(conn, now) if thorough else 0
            if thorough:
                retention_sweep.sweep_orders(conn, now, settings.order_days)
                retention_sweep.sweep_audiences(conn, now, settings.order_days)
                repeats.sweep_actions(conn, now, settings.order_days)
                retention_sweep.sweep_usage(conn, now)
                callbacks.sweep_callbacks(conn, now, CALLBACK_DAYS)
                account_texts.sweep_texts(conn, now - timedelta(days=ACCOUNT_TEXT_DAYS))
                smpp_messages.sweep(
                    conn,
                    now - timedelta(days=settings.order_days),
                    now - timedelta(days=SMPP_RECEIPT_DAYS),
                )
    except RetryableError as error:
        log.warning("the retention sweep waits: %s", error)
        return False
    if unmatched:
        metrics.RECEIPTS_UNMATCHED.add(unmatched, {"reason": "no_message"})
        log.info(
            "%d unmatched %s: no result for the message arrived",
            *(unmatched, "receipt" if unmatched == 1 else "receipts"),
        )
    if parts:
        metrics.PARTS_EXPIRED.add(parts)
        log.info(
            "%d %s of long texts expired: the other parts never arrived",
            *(parts, "part" if parts == 1 else "parts"),
        )
    return True


def _measure_registrations(conn: psycopg.Connection) -> None:
    found = registrations.find_status(conn)
    metrics.REGISTRATIONS_HELD.set(found.held)
    metrics.REGISTRATIONS_OFF.set(int(found.off))
    metrics.DIRECTORY_SIZE.set(found.clients)


def _measure_dead_letters(conn: psycopg.Connection, limits: DeadLetterLimits) -> None:
    usage = dead_letters.usage(conn)
    metrics.DEAD_LETTERS_WAITING.set(usage.rows)
    metrics.DEAD_LETTERS_USED.set(limits.used(usage))


def _measure_quotas(conn: psycopg.Connection, quotas: Quotas) -> None:
    for kind, name, quota in (
        ("parts", usage.PARTS, quotas.parts),
        ("early_receipts", usage.EARLY_RECEIPTS, quotas.early_receipts),
    ):
        metrics.QUOTA_USED.set(usage.usage(conn, name).share(quota), {"kind": kind})


def _sweep_thoroughly(conn: psycopg.Connection, now: datetime) -> int:
    """Return how many early receipts expired without the result of their message."""
    retention_sweep.maintain_outbox(conn, OUTBOX_DAYS)
    retention_sweep.sweep_inbox(conn, now, DEDUPLICATION_DAYS)
    retention_sweep.sweep_claims(conn, now, DEDUPLICATION_DAYS)
    retention_sweep.sweep_binds(conn, now, DEDUPLICATION_DAYS)
    retention_sweep.sweep_sent_parts(conn, now, RECEIPT_DAYS)
    return retention_sweep.sweep_early_receipts(conn, now, EARLY_RECEIPT_DAYS)
