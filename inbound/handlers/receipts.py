"""Decides what a delivery receipt means for the message it is about.

A message has one delivery outcome. No later receipt changes it. If one part fails, the
message is undeliverable at once, because the client can't get the whole text any more.
Otherwise the outcome is known when every part has a final receipt: delivered if all parts
are, undetermined if the SMS centre doesn't know about one.

The delivery outcome doesn't change the request. Replies follow from submit results alone.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from schemas.message_events import (
    DeliveryEvent,
    MessageDelivered,
    MessageUndeliverable,
    MessageUndetermined,
)
from schemas.messages import Purpose, ReceiptReceived, ReceiptState

_FAILED = frozenset(
    {
        ReceiptState.EXPIRED,
        ReceiptState.DELETED,
        ReceiptState.UNDELIVERABLE,
        ReceiptState.REJECTED,
        ReceiptState.SKIPPED,
    }
)


@dataclass(frozen=True, slots=True)
class PartReceipt:
    """The last receipt of one part; the first `final` one is kept."""

    state: ReceiptState
    final: bool
    error: str | None = None
    done_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class SentPart:
    """One part of a message that the SMS centre accepted: number `part` of `parts`.

    `smsc_message_id` is the key by which its receipts are matched, `written_id` the id as the
    SMS centre wrote it, if that is not the key. Parts of one message may share an id, because
    some SMS centres write one receipt for all parts.
    """

    subject_id: UUID
    message_id: UUID
    part: int
    parts: int
    request_id: UUID | None
    purpose: Purpose
    template: str
    centre: str
    smsc_message_id: str
    submitted_at: datetime
    traceparent: str | None = None
    written_id: str | None = None
    receipt: PartReceipt | None = None
    order_id: UUID | None = None

    @property
    def is_final(self) -> bool:
        """Whether its final receipt has arrived."""
        return self.receipt is not None and self.receipt.final


@dataclass(frozen=True, slots=True)
class ReceiptDecision:
    """The parts with a new receipt, and the delivery outcome if it has just become known."""

    changed: tuple[SentPart, ...] = ()
    outcome: DeliveryEvent | None = None


def find_message(known: Iterable[SentPart], receipt: ReceiptReceived) -> tuple[SentPart, ...]:
    """Return the parts that the receipt is about, in order, or none.

    `known` are parts sent to the number that the receipt names. The receipt's ids are tried
    in order of likelihood. Of several messages with the same id the latest counts, because an
    SMS centre may reuse ids after a restart.
    """
    of_centre = [part for part in known if part.centre == receipt.centre]
    for id_ in receipt.message_ids:
        if named := [part for part in of_centre if part.smsc_message_id == id_]:
            latest = max(named, key=lambda part: part.submitted_at)
            same = (part for part in named if part.message_id == latest.message_id)
            return tuple(sorted(same, key=lambda part: part.part))
    return ()


def decide_receipt(
    message: Sequence[SentPart], about: Sequence[SentPart], receipt: ReceiptReceived
) -> ReceiptDecision:
    """Return what follows from `receipt`; `about` are the parts of `message` that it names.

    If the SMS centre writes one receipt for all parts, it is about all of them.
    """
    if receipt.per_message:
        about = message
    reported = PartReceipt(receipt.state, receipt.final, receipt.error, receipt.done_at)
    changed = {
        part.part: replace(part, receipt=reported)
        for part in about
        if not part.is_final and part.receipt != reported
    }
    decided = None
    if _deciding_receipt(message) is None:
        decided = _deciding_receipt([changed.get(part.part, part) for part in message])
    outcome = None if decided is None else _event(message[0], decided, receipt)
    return ReceiptDecision(tuple(changed.values()), outcome)


def _deciding_receipt(message: Sequence[SentPart]) -> PartReceipt | None:
    """Return the receipt that decides the delivery outcome, None while that is open.

    A part without an id gets no receipt, so the outcome of its message stays open.
    """
    if len(message) < message[0].parts:
        return None
    ends = [part.receipt for part in message if part.receipt is not None and part.is_final]
    for end in ends:
        if end.state in _FAILED:
            return end
    if len(ends) < len(message):
        return None
    return next((end for end in ends if end.state is not ReceiptState.DELIVERED), ends[-1])


def _event(part: SentPart, decided: PartReceipt, receipt: ReceiptReceived) -> DeliveryEvent:
    kind: type[DeliveryEvent] = MessageUndetermined
    if decided.state in _FAILED:
        kind = MessageUndeliverable
    elif decided.state is ReceiptState.DELIVERED:
        kind = MessageDelivered
    return kind(
        message_id=part.message_id,
        request_id=part.request_id,
        order_id=part.order_id,
        purpose=part.purpose,
        template=part.template,
        parts=part.parts,
        state=decided.state,
        error=decided.error,
        done_at=decided.done_at,
        centre=part.centre,
        bind=receipt.bind,
        at=receipt.arrived_at,
    )
