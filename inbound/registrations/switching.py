"""Switches notifications and broadcasts on or off for one person who asked an operator.

The event, the folded state that every claim checks, and the audit are one transaction, which every
later claim of a message obeys.
"""

from collections.abc import Callable
from datetime import datetime
from uuid import UUID

from inbound.handlers.registrations import Operator
from inbound.handlers.state import SubjectState
from inbound.handlers.subscriptions import decide_confirmation, decide_switch
from inbound.keys import SubjectHasher
from inbound.registrations.retrying import repeated
from inbound.store.access.audit import NewAuditEntry
from inbound.store.transactions.changes import Changes
from inbound.store.transactions.port import Store, Transaction
from inbound.subjects import StateCache, Subjects
from schemas.domain_event import DomainEvent
from schemas.upcasters import read_event


class Switching:
    """Switches one person after the other. `clock` and `new_id` are passed in for tests."""

    def __init__(
        self,
        store: Store,
        hasher: SubjectHasher,
        *,
        clock: Callable[[], datetime],
        new_id: Callable[[], UUID],
    ) -> None:
        self._store = store
        self._hasher = hasher
        self._clock = clock
        self._new_id = new_id

    async def switch(self, number: str, operator: Operator, *, on: bool) -> bool:
        """Switch an E.164 number; False if it is like that already.

        A stop is recorded also if a text has set one before, so that nobody undoes it. Durable when
        it returns. Blocks on the database; safe to repeat. Raises RetryableError when it stays
        unavailable.
        """
        async for attempt in repeated():
            with attempt:
                async with self._store.transaction() as transaction:
                    return await self._switch(transaction, number, operator, on)
        raise AssertionError("tenacity returns or raises")

    async def _switch(
        self,
        transaction: Transaction,
        number: str,
        operator: Operator,
        on: bool,  # noqa: FBT001 — as `switch` got it
    ) -> bool:
        number_hash = self._hasher.hash(number)
        found = await transaction.find_subjects([number_hash])
        if not found and on is SubjectState().notifications_on:
            return False  # nobody has to be remembered for that
        subject_id = (await transaction.subjects({number_hash: number}))[number_hash]
        subjects = Subjects(transaction, StateCache())
        await subjects.load([subject_id])
        switch_id, at = self._new_id(), self._clock()
        event = decide_switch(subjects[subject_id], operator, on=on, switch_id=switch_id, at=at)
        is_changed = event is not None
        if event is None and not on:
            history = await self._history(transaction, subject_id)
            event = decide_confirmation(history, operator, switch_id=switch_id, at=at)
        if event is None:
            return False
        subjects.append(subject_id, [event], None)
        action = f"subscription.{'start' if on else 'stop'}"
        entry = NewAuditEntry(operator.name, action, operator.reason, subject_id)
        changes = Changes(events=subjects.events, states=subjects.states(), audit=[entry])
        await transaction.write(changes)
        return is_changed

    @staticmethod
    async def _history(transaction: Transaction, subject_id: UUID) -> list[DomainEvent]:
        streams = await transaction.load_streams([subject_id])
        return [
            read_event(one.type, one.schema_version, one.data)
            for one in streams.get(subject_id, ())
        ]
