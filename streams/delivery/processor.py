"""Turns submit results and delivery receipts into events, and into the replies that follow.

The outcome of an acknowledgement brings the fulfilment; the outcome of a fulfilment completes
the request and erases its secret. A receipt tells whether the message reached the phone. One
batch of records, one transaction.
"""

import logging
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Final

from pydantic_core import to_json

from inbound.deadletter.isolation import read_all
from inbound.handlers.decision import Disposition
from inbound.handlers.order_results import decide_order_result
from inbound.handlers.policies import Policies
from inbound.handlers.results import (
    decide_result,
    event_of,
    is_often_attempted,
    unreported_attempts,
)
from inbound.kafka.decoding import TopicRecord, decode
from inbound.ops import metrics
from inbound.outbox.replies import to_row
from inbound.store.people.rows import KnownRecipients
from inbound.store.transactions.changes import Changes
from inbound.store.transactions.port import Store, Transaction
from inbound.subjects import StateCache, Subjects
from schemas.events import EVENTS, AcknowledgementLate
from schemas.message_events import MessageEvent, MessageSubmitted
from schemas.messages import ReceiptReceived, ReceiptsReceived, SubmitResult, SubmitResults
from schemas.reading import read_json
from schemas.topics import TopicNames
from streams.delivery.receipt_matcher import MatchedOutcome, ReceiptMatcher

log = logging.getLogger(__name__)

_RESULT_EVENTS: Final = {event.TYPE for event in EVENTS if issubclass(event, MessageEvent)}


@dataclass(slots=True)
class _Batch:
    """The content of a batch of records, and what it led to: counted after the commit."""

    results: list[SubmitResult] = field(default_factory=list)
    receipts: list[ReceiptReceived] = field(default_factory=list)
    late: int = 0
    often_attempted: list[SubmitResult] = field(default_factory=list)
    superseded: list[SubmitResult] = field(default_factory=list)
    outcomes: list[MatchedOutcome] = field(default_factory=list)
    unmatched: int = 0
    dropped: int = 0

    def report(self) -> None:
        """Update the metrics. Call it once the batch is committed."""
        if self.late:
            metrics.ACKS_LATE.add(self.late)
        for result in self.often_attempted:
            metrics.OFTEN_ATTEMPTED.add(1, {"purpose": result.purpose.value})
            log.warning(
                "message %s, %s, was attempted %d times, and its client may have as many copies: "
                "`scserv timeline --message-id %s` shows each attempt",
                *(result.message_id, result.purpose.value, result.attempt, result.message_id),
            )
        if self.unmatched:
            metrics.RECEIPTS_UNMATCHED.add(self.unmatched, {"reason": "unknown_number"})
        if self.dropped:
            metrics.RECEIPTS_UNMATCHED.add(self.dropped, {"reason": "quota"})
            log.warning(
                "early receipts are dropped: more arrived for unknown messages than the quota"
            )
        for one in self.outcomes:
            labels = {"purpose": one.event.purpose.value, "outcome": one.event.TYPE.split(".")[1]}
            metrics.DELIVERY_OUTCOMES.add(1, labels)


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

    async def __call__(self, records: Sequence[TopicRecord]) -> None:
        """Process one batch. Blocks on the database; safe to repeat.

        Raises `RetryableError` when it can't answer, `PoisonError` for a record that
        holds neither results nor receipts.
        """
        batch = _Batch()
        for content in read_all(records, _decode):
            if isinstance(content, ReceiptsReceived):
                batch.receipts += content.receipts
            else:
                batch.results += content.results
        if not batch.results and not batch.receipts:
            return
        async with self._store.transaction() as transaction:
            # Locked, because after a rebalance two workers may have the same partition for a
            # moment; a receipt and the result of its message must not pass each other unseen.
            known = await transaction.known_recipients(
                {f"{one.topic}[{one.partition}]" for one in records},
                {result.subject_id for result in batch.results},
                {bytes.fromhex(receipt.key) for receipt in batch.receipts},
            )
            subjects = await self._process(transaction, batch, known)
        subjects.remember()
        batch.report()

    async def _process(
        self, transaction: Transaction, batch: _Batch, known: KnownRecipients
    ) -> Subjects:
        changes = Changes()
        subjects = Subjects(transaction, self._cache)
        # An erased person has no subject.
        people = {number_hash.hex(): id_ for number_hash, id_ in known.subjects.items()}
        named = [*(result.subject_id for result in batch.results), *people.values()]
        await subjects.load(named, known.states)
        ended = [
            result for result in batch.results if self._apply(result, subjects, changes, batch)
        ]
        await _append_late(transaction, subjects, changes, batch.superseded)
        matcher = ReceiptMatcher(transaction, changes, known.early)
        batch.outcomes = await matcher.match(ended, batch.receipts, people)
        batch.unmatched = matcher.unmatched
        for one in batch.outcomes:
            # In the request's trace, but without a span: a phone may be off for days.
            subjects.append(one.message.subject_id, [one.event], one.message.traceparent)
            changes.orders.note([one.event])
        changes.events = subjects.events
        changes.states = subjects.states()
        batch.dropped = await matcher.store_early()
        await transaction.write(changes)
        return subjects

    def _apply(
        self, result: SubmitResult, subjects: Subjects, changes: Changes, batch: _Batch
    ) -> bool:
        """Apply a result; return whether it is the last of its message."""
        state = subjects[result.subject_id]
        if is_often_attempted(state, result):
            batch.often_attempted.append(result)
        is_order = result.order_id is not None
        decision = decide_order_result(state, result) if is_order else decide_result(state, result)
        if decision.disposition is Disposition.DUPLICATE:
            batch.superseded.append(result)
        subjects.append(result.subject_id, decision.events, result.traceparent)
        changes.orders.note(decision.events)
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
        batch.late += sum(isinstance(event, AcknowledgementLate) for event in decision.events)
        return result.final and decision.disposition is Disposition.ACCEPTED


async def _append_late(
    transaction: Transaction,
    subjects: Subjects,
    changes: Changes,
    results: Sequence[SubmitResult],
) -> None:
    """Append the events of results whose message already had its final result.

    Nearly always such a result is a redelivery by Kafka, and the log has its event. Attempts before
    it that the log lacks are recorded with it. An order whose message was submitted after all, for
    example when it was cancelled at that moment, is sent.
    """
    if not results:
        return
    streams = await transaction.load_streams({result.subject_id for result in results})
    logged = {
        _identity(event_type, read_json(data))
        for event_type, data in (
            *((one.type, one.data) for stream in streams.values() for one in stream),
            *((one.type, one.data) for one in subjects.events),
        )
        if event_type in _RESULT_EVENTS
    }
    attempts: defaultdict[str, set[int]] = defaultdict(set)
    for _, message_id, attempt, _ in logged:
        attempts[message_id].add(attempt)
    for result in results:
        event, known = event_of(result), attempts[str(result.message_id)]
        identity = _identity(event.TYPE, read_json(event.to_json()))
        names = result.request_id or result.order_id
        if names is not None and identity not in logged:
            logged.add(identity)
            events = [*unreported_attempts(result, known), event]
            known.update(one.attempt for one in events)
            subjects.append(result.subject_id, events, result.traceparent)
            if isinstance(event, MessageSubmitted):
                changes.orders.note_late(event)


def _identity(event_type: str, data: Mapping[str, Any]) -> tuple[str, str, int, str | None]:
    return event_type, data["message_id"], data["attempt"], data.get("gateway")


def _decode(record: TopicRecord) -> SubmitResults | ReceiptsReceived:
    return decode(record, SubmitResults, ReceiptsReceived)


def split(record: TopicRecord) -> list[TopicRecord]:
    """Return one record for each result or receipt in this one, or itself if that fails.

    The JSON is split as it is, so that nothing is lost that this release can't decode.
    """
    try:
        content = read_json(record.value)
    except ValueError:
        return [record]
    for name in ("results", "receipts"):
        many = content.get(name) if isinstance(content, dict) else None
        if isinstance(many, list) and len(many) > 1 and not record.part:
            return [
                replace(record, value=to_json(content | {name: [one]}), part=part)
                for part, one in enumerate(many, 1)
            ]
    return [record]
