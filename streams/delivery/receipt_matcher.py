"""Matches the delivery receipts of one batch with the message parts they are about.

A receipt is looked up among the messages to the person it came from: the subject of its key. A
receipt that arrives before its submit result was processed waits in the database and is applied
with the result; if no result comes, the retention sweep deletes it. A receipt from an unknown
number is counted as unmatched and changes nothing.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from inbound.handlers.receipts import SentPart, decide_receipt, find_message
from inbound.smpp.message_ids import IdForm, normalise
from inbound.store.receipts.rows import EarlyKey, EarlyReceipt
from inbound.store.transactions.changes import Changes
from inbound.store.transactions.port import Transaction
from schemas.message_events import DeliveryEvent
from schemas.messages import ReceiptReceived, SubmitResult

# A form that only a newer gateway knows is read as ANY.
_FORMS: Final = {form.value: form for form in IdForm}

_PartId = tuple[UUID, int]


@dataclass(frozen=True, slots=True)
class MatchedOutcome:
    """The final outcome of one message; `message` is any part of it."""

    message: SentPart
    event: DeliveryEvent


class ReceiptMatcher:
    """Matches one batch: call `match` once, then `store_early`, then write the changes."""

    def __init__(
        self, transaction: Transaction, changes: Changes, early: Sequence[EarlyReceipt]
    ) -> None:
        """`early` are the receipts that wait for messages of this batch's results, oldest first."""
        self._transaction = transaction
        self._early = early
        self._changes = changes
        self._known: defaultdict[UUID, dict[_PartId, SentPart]] = defaultdict(dict)
        self._changed: dict[_PartId, SentPart] = {}
        self._early_receipts: list[EarlyReceipt] = []
        self.unmatched = 0

    async def store_early(self) -> int:
        """Store the receipts that wait for their messages; return how many a quota dropped.

        Call it right before the changes are written.
        """
        if not self._early_receipts:
            return 0
        return await self._transaction.store_early_receipts(self._early_receipts)

    async def match(
        self,
        submitted: Sequence[SubmitResult],
        receipts: Sequence[ReceiptReceived],
        subject_ids: Mapping[str, UUID],
    ) -> list[MatchedOutcome]:
        """Return the outcomes that this batch makes known, in order. Safe to repeat.

        `submitted` are the results processed in this batch, `subject_ids` the subjects of the
        receipts' keys, without those of unknown numbers. Blocks on the database.
        """
        sent = [part for result in submitted for part in _parts_of(result)]
        self._changes.sent.extend(sent)
        people = {part.subject_id for part in sent}
        early = [row for row in self._early if row.key.subject_id in people]
        matchable = [one for one in receipts if one.key in subject_ids]
        self.unmatched = len(receipts) - len(matchable)
        if not early and not matchable:
            return []  # most batches hold only results
        self._know(sent)
        if matchable:
            wanted = {subject_ids[one.key] for one in matchable}
            ids = {id_ for one in matchable for id_ in one.message_ids}
            self._know(await self._transaction.sent_parts(wanted, ids))
        outcomes = [*self._apply_early(early)]
        for receipt in matchable:
            subject_id = subject_ids[receipt.key]
            if find_message(self._known[subject_id].values(), receipt):
                outcomes += self._apply(subject_id, receipt)
            else:
                self._store_early(subject_id, receipt)
        self._changes.receipts.extend(self._changed.values())
        return outcomes

    def _know(self, parts: Iterable[SentPart]) -> None:
        for part in parts:
            self._known[part.subject_id].setdefault((part.message_id, part.part), part)

    def _apply_early(self, early: Sequence[EarlyReceipt]) -> Iterable[MatchedOutcome]:
        for row in early:
            subject_id = row.key.subject_id
            receipt = ReceiptReceived.model_validate_json(row.receipt)
            if find_message(self._known[subject_id].values(), receipt):
                self._changes.no_longer_early.append(row.key)
                yield from self._apply(subject_id, receipt)

    def _apply(self, subject_id: UUID, receipt: ReceiptReceived) -> Iterable[MatchedOutcome]:
        known = self._known[subject_id]
        about = find_message(known.values(), receipt)
        message = [part for part in known.values() if part.message_id == about[0].message_id]
        decision = decide_receipt(message, about, receipt)
        for part in decision.changed:
            part_id = part.message_id, part.part
            known[part_id] = self._changed[part_id] = part
        if receipt.answer is not None and about[0].order_id is not None:
            self._changes.orders.smpp.answers[about[0].order_id] = receipt.answer
        if decision.outcome is not None:
            yield MatchedOutcome(about[0], decision.outcome)

    def _store_early(self, subject_id: UUID, receipt: ReceiptReceived) -> None:
        key = EarlyKey(subject_id, receipt.centre, receipt.message_ids[0], receipt.state.value)
        self._early_receipts.append(EarlyReceipt(key, receipt.to_json(), receipt.arrived_at))


def _parts_of(result: SubmitResult) -> list[SentPart]:
    """Return the parts that the SMS centre accepted, by the id that their receipts carry."""
    form = _FORMS.get(result.id_form or "", IdForm.ANY)
    keys = [normalise(part.smsc_message_id or "", form) for part in result.parts]
    return [
        SentPart(
            subject_id=result.subject_id,
            message_id=result.message_id,
            part=number,
            parts=len(result.parts),
            request_id=result.request_id,
            purpose=result.purpose,
            template=result.template,
            centre=result.centre,
            smsc_message_id=key,
            submitted_at=result.at,
            traceparent=result.traceparent,
            written_id=part.smsc_message_id if part.smsc_message_id != key else None,
            order_id=result.order_id,
        )
        for number, (part, key) in enumerate(zip(result.parts, keys, strict=True), 1)
        if part.smsc_message_id and not part.status
    ]
