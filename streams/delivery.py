"""From submit results to events: what became of each message, and what follows from it.

An acknowledgement that met its fate brings the fulfilment; a fulfilment that met its
fate completes the request and erases its secret. One batch of records, one transaction.
"""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from pydantic import ValidationError

from inbound.errors import PoisonError
from inbound.handlers.policies import Policies
from inbound.handlers.results import decide_result
from inbound.ops import metrics
from inbound.outbox.replies import to_row
from inbound.store.port import Store
from inbound.store.rows import Changes
from schemas.events import AcknowledgementLate
from schemas.messages import SubmitResult, SubmitResults
from schemas.topics import TopicNames
from streams.records import Record
from streams.subjects import StateCache, Subjects


class DeliveryProcessor:
    """Turns batches of `sms.receipts.v1` into events and further replies."""

    def __init__(
        self,
        store: Store,
        policies: Policies,
        names: TopicNames,
        cache: StateCache,
        *,
        clock: Callable[[], datetime],
    ) -> None:
        self._store = store
        self._valid_for = timedelta(seconds=policies.reply_valid_for_s)
        self._clock = clock
        self._names = names
        self._cache = cache

    async def __call__(self, records: Sequence[Record]) -> None:
        """Process one batch. Blocks on the database; safe to repeat.

        Raises `RetryableError` when it can't answer, `PoisonError` for a record that
        holds no results.
        """
        results = [result for record in records for result in _decode(record).results]
        if not results:
            return
        changes = Changes()
        async with self._store.transaction() as transaction:
            subjects = Subjects(transaction, self._cache)
            await subjects.load(result.subject_id for result in results)
            late = sum(self._apply(result, subjects, changes) for result in results)
            changes.events = subjects.events
            changes.states = subjects.states()
            await transaction.write(changes)
        subjects.remember()
        if late:
            metrics.LATE.add(late)

    def _apply(self, result: SubmitResult, subjects: Subjects, changes: Changes) -> int:
        decision = decide_result(subjects[result.subject_id], result)
        subjects.append(result.subject_id, decision.events, result.traceparent)
        changes.erase_vault.extend(decision.erase)
        changes.outbox.extend(
            to_row(
                reply,
                subject_id=result.subject_id,
                key=result.key,
                now=self._clock(),
                valid_for=self._valid_for,
                traceparent=result.traceparent,
                names=self._names,
            )
            for reply in decision.replies
        )
        return sum(isinstance(event, AcknowledgementLate) for event in decision.events)


def _decode(record: Record) -> SubmitResults:
    try:
        return SubmitResults.model_validate_json(record.value)
    except ValidationError as error:
        raise PoisonError(f"{record.topic} holds no submit results here") from error
