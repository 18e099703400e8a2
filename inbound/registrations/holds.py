"""Ends holds of requests for registration data: released or refused by a person, or expired.

Each batch is one transaction that takes its holds out of the table, so a hold ends once, however
many commands and workers try, and a process that is killed leaves whole batches behind. A
conflict with a worker that decides for the same person repeats the batch.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from inbound.handlers.decision import Decision, Disposition
from inbound.handlers.registrations import Operator, decide_refusal, decide_release
from inbound.handlers.state import SubjectState
from inbound.outbox.replies import to_row
from inbound.registrations.retrying import repeated
from inbound.store.access.audit import NewAuditEntry
from inbound.store.registrations.rows import HoldSelection, TakenHold
from inbound.store.transactions.changes import Changes
from inbound.store.transactions.port import Store, Transaction
from inbound.subjects import StateCache, Subjects
from schemas.registration_events import RefusalCause
from schemas.topics import TopicNames

RELEASE: Final = "release registration"
REFUSE: Final = "refuse registration"


@dataclass(frozen=True, slots=True)
class HoldSettings:
    """`valid_for` is how long a reply may take until it is sent."""

    names: TopicNames
    valid_for: timedelta


class Holds:
    """Ends holds, batch by batch. `clock` is passed in for tests.

    All methods block on the database, are safe to repeat, and return the number of holds that the
    batch took: 0 when there is nothing left. They raise RetryableError when the database stays
    unavailable.
    """

    def __init__(
        self, store: Store, settings: HoldSettings, *, clock: Callable[[], datetime]
    ) -> None:
        self._store = store
        self._settings = settings
        self._clock = clock

    async def release(self, selection: HoldSelection, operator: Operator) -> int:
        """Send the registration data of these requests."""
        return await self._end(
            selection,
            RELEASE,
            operator,
            lambda state, hold, at: decide_release(state, hold.held.request_id, operator, at),
        )

    async def refuse(self, selection: HoldSelection, operator: Operator) -> int:
        """Refuse these requests: their clients get a text that says so."""
        return await self._end(
            selection,
            REFUSE,
            operator,
            lambda state, hold, at: decide_refusal(
                state, hold.held.request_id, RefusalCause.PERSON, at, operator
            ),
        )

    async def expire(self) -> int:
        """Refuse requests that were held for too long."""
        return await self._end(
            HoldSelection(expired_by=self._clock()),
            None,
            None,
            lambda state, hold, at: decide_refusal(
                state, hold.held.request_id, RefusalCause.EXPIRED, at
            ),
        )

    async def _end(
        self,
        selection: HoldSelection,
        action: str | None,
        operator: Operator | None,
        decide: Callable[[SubjectState, TakenHold, datetime], Decision],
    ) -> int:
        async for attempt in repeated():
            with attempt:
                async with self._store.transaction() as transaction:
                    holds = await transaction.take_holds(selection)
                    if holds:
                        changes = await self._decide(transaction, holds, decide)
                        if action is not None and operator is not None:
                            changes.audit = [_entry(hold, action, operator) for hold in holds]
                        await transaction.write(changes)
                return len(holds)
        raise AssertionError("tenacity returns or raises")

    async def _decide(
        self,
        transaction: Transaction,
        holds: Sequence[TakenHold],
        decide: Callable[[SubjectState, TakenHold, datetime], Decision],
    ) -> Changes:
        subjects, changes = Subjects(transaction, StateCache()), Changes()
        await subjects.load(hold.held.subject_id for hold in holds)
        now = self._clock()
        for hold in holds:
            subject_id = hold.held.subject_id
            if hold.number_hash is None:
                decision = decide_refusal(
                    subjects[subject_id], hold.held.request_id, RefusalCause.ERASED, now
                )
            else:
                decision = decide(subjects[subject_id], hold, now)
            if decision.disposition is Disposition.ACCEPTED:
                subjects.append(subject_id, decision.events, None)
                changes.erase_vault.extend(decision.erase)
                self._reply(decision, hold, now, changes)
        changes.events, changes.states = subjects.events, subjects.states()
        return changes

    def _reply(self, decision: Decision, hold: TakenHold, now: datetime, changes: Changes) -> None:
        if hold.number_hash is None:
            return
        for reply in decision.replies:
            changes.outbox.append(
                to_row(
                    reply,
                    subject_id=hold.held.subject_id,
                    key=hold.number_hash.hex(),
                    now=now,
                    valid_for=self._settings.valid_for,
                    traceparent=None,
                    names=self._settings.names,
                )
            )


def _entry(hold: TakenHold, action: str, operator: Operator) -> NewAuditEntry:
    held = hold.held
    return NewAuditEntry(operator.name, action, operator.reason, held.subject_id, held.request_id)
