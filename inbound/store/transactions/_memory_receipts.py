"""Sent parts and early receipts of the in-memory store."""

from collections.abc import Sequence
from dataclasses import replace
from uuid import UUID

from inbound.handlers.receipts import SentPart
from inbound.store.quotas import Quota, Usage
from inbound.store.receipts.rows import EarlyReceipt
from inbound.store.transactions.changes import Changes
from inbound.store.transactions.memory_tables import Tables, add_new


def write_receipts(tables: Tables, changes: Changes) -> None:
    """Apply what a batch changes about sent parts and early receipts."""
    add_new(tables.sent, ((_part_key(part), replace(part, receipt=None)) for part in changes.sent))
    for part in changes.receipts:
        stored = tables.sent.get(_part_key(part))
        if stored is not None:
            tables.sent[_part_key(part)] = replace(stored, receipt=part.receipt)
    for key in changes.no_longer_early:
        tables.early.pop(key, None)


def add_early(tables: Tables, receipts: Sequence[EarlyReceipt], quota: Quota) -> int:
    """Store early receipts; drop the oldest beyond the quota, and return how many."""
    for row in receipts:
        tables.early.setdefault(row.key, row)
    before = len(tables.early)
    for subject_id in {row.key.subject_id for row in receipts}:
        of = [row for row in tables.early.values() if row.key.subject_id == subject_id]
        _keep_newest(tables, of, quota.sender_rows, quota.sender_bytes)
    every = list(tables.early.values())
    if Usage(len(every), sum(len(row.receipt) for row in every)).exceeds(quota):
        _keep_newest(tables, every, quota.kept_rows, quota.kept_bytes)
    return before - len(tables.early)


def _keep_newest(tables: Tables, receipts: Sequence[EarlyReceipt], rows: int, size: int) -> None:
    for row in sorted(receipts, key=lambda row: row.arrived_at, reverse=True):
        rows -= 1
        size -= len(row.receipt)
        if rows < 0 or size < 0:
            del tables.early[row.key]


def _part_key(part: SentPart) -> tuple[UUID, UUID, int]:
    return part.subject_id, part.message_id, part.part
