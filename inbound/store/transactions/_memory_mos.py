"""MOs in the in-memory store: parts of long texts, and counts of rejected MOs."""

from collections import Counter
from collections.abc import Collection, Mapping

from inbound.store.mo.account_texts import WaitingTexts
from inbound.store.mo.rows import DroppedParts, MessagePart, PartChanges, PartsKey, RejectedMo
from inbound.store.quotas import Quota, Usage
from inbound.store.transactions.memory_tables import Tables


def store_parts(tables: Tables, changes: PartChanges, quota: Quota) -> list[DroppedParts]:
    """Apply what a batch changes, then drop the oldest texts beyond the quota."""
    _change_parts(tables, changes)
    limits = quota.sender_rows, quota.sender_bytes
    dropped = [
        one
        for sender in changes.senders()
        for one in _drop_parts(tables, "sender", *limits, of={sender})
    ]
    if _part_usage(tables).exceeds(quota):
        dropped += _drop_parts(tables, "overall", quota.kept_rows, quota.kept_bytes)
    return dropped


def _change_parts(tables: Tables, changes: PartChanges) -> None:
    """Change the parts; a text that gets one becomes the newest."""
    touched = {gone.key for gone in changes.removed} | {part.key for part in changes.waiting}
    waiting = {key: dict(tables.parts.pop(key, {})) for key in touched}
    for gone in changes.removed:
        waiting[gone.key].pop(gone.sequence, None)
    for part in changes.waiting:
        waiting[part.key][part.sequence] = part
    tables.parts |= {key: parts for key, parts in waiting.items() if parts}
    whole: dict[PartsKey, dict[int, MessagePart]] = {}
    for part in changes.whole:
        whole.setdefault(part.key, {})[part.sequence] = part
    for key, parts in whole.items():
        tables.whole_parts.pop(key, None)
        tables.whole_parts[key] = parts


def _part_usage(tables: Tables) -> Usage:
    """Return how many parts there are, and the size of their payloads."""
    kinds = (*tables.parts.values(), *tables.whole_parts.values())
    sizes = [len(part.payload) for kind in kinds for part in kind.values()]
    return Usage(len(sizes), sum(sizes))


def _drop_parts(
    tables: Tables, quota: str, rows: int, size: int, *, of: Collection[bytes] | None = None
) -> list[DroppedParts]:
    """Keep the newest texts, as far as the limits go; `of` names the senders, None all."""
    dropped = []
    kinds = ((tables.whole_parts, 0), (tables.parts, 1))
    texts = [
        (max(part.received_at for part in kind[key].values()), kind, key, incomplete)
        for kind, incomplete in kinds
        for key in kind
        if of is None or key.number_hash in of
    ]
    for _, kind, key, incomplete in sorted(texts, key=lambda text: text[0], reverse=True):
        parts = kind[key].values()
        rows -= len(parts)
        size -= sum(len(part.payload) for part in parts)
        if rows < 0 or size < 0:
            arrived = [part.received_at for part in parts]
            times = min(arrived), max(arrived)
            dropped.append(DroppedParts(key.number_hash, quota, len(parts), incomplete, *times))
            del kind[key]
    return dropped


def add_rejected(tables: Tables, rejected: RejectedMo) -> None:
    """Add a count of rejected MOs to the stored one."""
    before = tables.rejected_mos.get(rejected.key, rejected)
    tables.rejected_mos[rejected.key] = RejectedMo(
        rejected.key,
        min(before.first_at, rejected.first_at),
        max(before.last_at, rejected.last_at),
        rejected.count + (before.count if before is not rejected else 0),
        rejected.reading or before.reading,
    )


def count_texts(
    tables: Tables, accounts: Collection[str], hashes: Collection[bytes]
) -> WaitingTexts:
    """Count the texts that wait for these accounts, and of these senders."""
    texts = list(tables.account_texts.values())
    of_accounts = Counter(one.account for one in texts if one.account in accounts)
    senders = ((one.account, one.number_hash) for one in texts if one.number_hash in hashes)
    return WaitingTexts(dict(of_accounts), dict(Counter(senders)))


def in_sequence(parts: Mapping[int, MessagePart]) -> tuple[MessagePart, ...]:
    """Return the parts in order of sequence."""
    return tuple(parts[sequence] for sequence in sorted(parts))
