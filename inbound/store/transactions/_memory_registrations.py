"""Counts and holds of the in-memory store: registrations, commands of unknown numbers."""

from collections import Counter
from datetime import datetime, timedelta

from inbound.handlers.unknown_numbers import UnknownNumbersUsed
from inbound.store.registrations.rows import HoldSelection, RegistrationsUsed, TakenHold
from inbound.store.transactions.memory_tables import Tables


def registrations_used(tables: Tables, now: datetime) -> RegistrationsUsed:
    """Return the switch and the counts of registrations."""
    recent = [(at, one) for at, one in tables.registrations if at > now - timedelta(hours=1)]
    hours: Counter[str] = Counter()
    minutes: Counter[str] = Counter()
    for at, one in recent:
        hours[one.centre] += one.sent
        minutes[one.centre] += one.sent if at > now - timedelta(minutes=1) else 0
    return RegistrationsUsed(
        tables.registrations_off[0],
        minutes.total(),
        hours.total(),
        hours,
        minutes,
        frozenset(hours),
    )


def unknown_numbers_used(tables: Tables, now: datetime) -> UnknownNumbersUsed:
    """Return the counts of accepted commands of unknown numbers."""
    minutes: Counter[str] = Counter()
    hours: Counter[str] = Counter()
    for at, accepted in tables.unknown_numbers:
        if at > now - timedelta(hours=1):
            hours.update(accepted)
        if at > now - timedelta(minutes=1):
            minutes.update(accepted)
    return UnknownNumbersUsed(minutes, hours, frozenset(hours))


def take_holds(tables: Tables, selection: HoldSelection) -> list[TakenHold]:
    """Remove holds and return them."""
    hashes = {subject_id: number_hash for number_hash, subject_id in tables.subjects.items()}
    named = selection.request_ids
    made_by, expired_by = selection.made_by, selection.expired_by
    taken = [
        row
        for row in sorted(tables.held.values(), key=lambda row: (row.held_at, row.request_id))
        if (named is None or row.request_id in named)
        and (made_by is None or row.held_at <= made_by)
        and (expired_by is None or row.until <= expired_by)
    ][: selection.limit if named is None else None]
    for row in taken:
        del tables.held[row.request_id]
    return [TakenHold(row, hashes.get(row.subject_id)) for row in taken]
