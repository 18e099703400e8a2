"""Undoes a burst of stops: notifications of these people are switched on again.

Each person gets an event that names the operator and the reason, and an entry in the audit. A
person who stopped again after the span, or was off before it, is left alone. A batch is one
transaction; a second run finds those of the first switched on and leaves them alone, so the
command may be killed and repeated.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from inbound.handlers.registrations import Operator, stop_to_undo
from inbound.registrations.retrying import repeated
from inbound.store.access.audit import NewAuditEntry
from inbound.store.transactions.changes import Changes
from inbound.store.transactions.port import Store, Transaction
from inbound.subjects import StateCache, Subjects
from schemas.events import SubscriptionRestored
from schemas.upcasters import read_event

ACTION: Final = "subscription.restore"
"""The audit's name for undoing one person's stop."""


@dataclass(frozen=True, slots=True)
class StopSpan:
    """Stops recorded at `since` or later and before `until`."""

    since: datetime
    until: datetime


class Stops:
    """Undoes stops, batch by batch. `clock` is passed in for tests."""

    def __init__(self, store: Store, *, clock: Callable[[], datetime]) -> None:
        self._store = store
        self._clock = clock

    async def undo(
        self, subject_ids: Sequence[UUID], span: StopSpan, operator: Operator, *, dry_run: bool
    ) -> int:
        """Switch on those of these people whose stop is to be undone; return how many.

        With `dry_run` nothing is changed. Blocks on the database; safe to repeat. Raises
        RetryableError when it stays unavailable.
        """
        async for attempt in repeated():
            with attempt:
                async with self._store.transaction() as transaction:
                    return await self._undo(transaction, subject_ids, span, operator, dry_run)
        raise AssertionError("tenacity returns or raises")

    async def _undo(
        self,
        transaction: Transaction,
        subject_ids: Sequence[UUID],
        span: StopSpan,
        operator: Operator,
        dry_run: bool,  # noqa: FBT001 — as `undo` got it
    ) -> int:
        subjects = Subjects(transaction, StateCache())
        # Before the streams: a state that is older than its stream conflicts at the write.
        await subjects.load(subject_ids)
        streams = await transaction.load_streams(subject_ids)
        undone: list[UUID] = []
        for subject_id, stream in streams.items():
            history = (
                (read_event(one.type, one.schema_version, one.data), one.recorded_at)
                for one in stream
            )
            stopped_by = stop_to_undo(history, span.since, span.until)
            if stopped_by is not None:
                undone.append(subject_id)
                event = SubscriptionRestored(
                    request_id=stopped_by,
                    by=operator.name,
                    reason=operator.reason,
                    at=self._clock(),
                )
                subjects.append(subject_id, [event], None)
        if undone and not dry_run:
            audit = [NewAuditEntry(operator.name, ACTION, operator.reason, one) for one in undone]
            await transaction.write(
                Changes(events=subjects.events, states=subjects.states(), audit=audit)
            )
        return len(undone)
