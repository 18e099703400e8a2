"""The receipts of one batch, brought together with the parts that they are about.

A receipt is looked for among the messages to the person from whom it came: the subject of
its key. One that comes before its submit result was processed waits in the database, and is
applied with the result; housekeeping gives it up in the end. A receipt from nobody whom we
know is counted and changes nothing.
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
from schemas.events import DeliveryEvent
from schemas.messages import ReceiptReceived, SubmitResult

# A form that a newer gateway knows and this worker does not is read as ANY.
_FORMS: Final = {form.value: form for form in IdForm}

_Place = tuple[UUID, int]


@dataclass(frozen=True, slots=True)
class Settled:
    """The fate of one message of one subject; `message` is any part of it."""

    message: SentPart
    fate: DeliveryEvent


class Settling:
    """One batch. Load first, then settle once, then write what `changes` collected."""

    def __init__(self, transaction: Transaction, changes: Changes) -> None:
        self._transaction = transaction
        self._changes = changes
        self._known: defaultdict[UUID, dict[_Place, SentPart]] = defaultdict(dict)
        self._changed: dict[_Place, SentPart] = {}
        self.of_nobody = 0

    async def settle(
        self,
        submitted: Sequence[SubmitResult],
        receipts: Sequence[ReceiptReceived],
        subject_ids: Mapping[str, UUID],
    ) -> list[Settled]:
        """Return the fates that are known from now on, in the order they came to be.

        `submitted` are the results processed in this batch, `subject_ids` the subjects of
        the receipts' keys as far as there are any. Safe to repeat.
        """
        sent = [part for result in submitted for part in _parts_of(result)]
        self._changes.sent.extend(sent)
        early = await self._early([part.subject_id for part in sent])
        known = [one for one in receipts if one.key in subject_ids]
        self.of_nobody = len(receipts) - len(known)
        if not early and not known:
            return []  # most batches hold results alone
        self._know(sent)
        if known:
            wanted = {subject_ids[one.key] for one in known}
            ids = {id_ for one in known for id_ in one.message_ids}
            self._know(await self._transaction.sent_parts(wanted, ids))
        settled = [*self._apply_early(early)]
        for receipt in known:
            subject_id = subject_ids[receipt.key]
            if find_message(self._known[subject_id].values(), receipt):
                settled += self._apply(subject_id, receipt)
            else:
                self._keep(subject_id, receipt)
        self._changes.receipts.extend(self._changed.values())
        return settled

    def _know(self, parts: Iterable[SentPart]) -> None:
        for part in parts:
            self._known[part.subject_id].setdefault((part.message_id, part.part), part)

    async def _early(self, subject_ids: Sequence[UUID]) -> list[EarlyReceipt]:
        return await self._transaction.early_receipts(subject_ids) if subject_ids else []

    def _apply_early(self, early: Sequence[EarlyReceipt]) -> Iterable[Settled]:
        for row in early:
            subject_id = row.key.subject_id
            receipt = ReceiptReceived.model_validate_json(row.receipt)
            if find_message(self._known[subject_id].values(), receipt):
                self._changes.no_longer_early.append(row.key)
                yield from self._apply(subject_id, receipt)

    def _apply(self, subject_id: UUID, receipt: ReceiptReceived) -> Iterable[Settled]:
        known = self._known[subject_id]
        about = find_message(known.values(), receipt)
        message = [part for part in known.values() if part.message_id == about[0].message_id]
        decision = decide_receipt(message, about, receipt)
        for part in decision.changed:
            place = part.message_id, part.part
            known[place] = self._changed[place] = part
        if decision.outcome is not None:
            yield Settled(about[0], decision.outcome)

    def _keep(self, subject_id: UUID, receipt: ReceiptReceived) -> None:
        key = EarlyKey(subject_id, receipt.centre, receipt.message_ids[0], receipt.state.value)
        self._changes.early.append(EarlyReceipt(key, receipt.to_json(), receipt.arrived_at))


def _parts_of(result: SubmitResult) -> list[SentPart]:
    """Return the parts to which the centre gave an id, under the key of their receipts."""
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
        )
        for number, (part, key) in enumerate(zip(result.parts, keys, strict=True), 1)
        if part.smsc_message_id and not part.status
    ]
