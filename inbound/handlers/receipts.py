"""Deciding what a delivery receipt means for the message it is about.

A message has one fate, and once it is known no receipt changes it: not one that comes
twice, nor one that comes too late. A part that will never arrive decides at once, because
the client can't have the whole text any more. Otherwise all parts must have met their end:
delivered when every one is, undetermined when the centre lost sight of one.

A fate tells what became of a message, and moves no request: what is owed follows from the
submit results alone.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from schemas.events import (
    MessageDelivered,
    MessageFate,
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
    """What the centre last said of one part; the first that is `final` stays."""

    state: ReceiptState
    final: bool
    error: str | None = None
    done_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class SentPart:
    """One part of a message as the centre took it: number `part` of `parts`.

    `smsc_message_id` is the key under which its receipts are looked for, `written_id` the id
    as the centre wrote it, where that is not the key. Parts of one message may share an id:
    some centres see the whole and write one receipt for all.
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

    @property
    def ended(self) -> bool:
        """Whether its final receipt is here."""
        return self.receipt is not None and self.receipt.final


@dataclass(frozen=True, slots=True)
class ReceiptDecision:
    """The parts that know more than before, and the fate if it is known from now on."""

    changed: tuple[SentPart, ...] = ()
    fate: MessageFate | None = None


def find_message(known: Iterable[SentPart], receipt: ReceiptReceived) -> tuple[SentPart, ...]:
    """Return those parts among `known` that the receipt is about, in order; none if none is.

    `known` are parts sent to the person from whom the receipt came. The likeliest id that
    any of them has counts, and of several messages with it the latest: a centre that
    starts anew may give an id twice.
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
    """Return what `receipt` means; `about` are the parts of `message` that it names.

    Of a centre that writes one receipt for all parts it is about all of them.
    """
    if receipt.per_message:
        about = message
    said = PartReceipt(receipt.state, receipt.final, receipt.error, receipt.done_at)
    changed = {
        part.part: replace(part, receipt=said)
        for part in about
        if not part.ended and part.receipt != said
    }
    decided = None
    if _decided(message) is None:
        decided = _decided([changed.get(part.part, part) for part in message])
    fate = None if decided is None else _event(message[0], decided, receipt)
    return ReceiptDecision(tuple(changed.values()), fate)


def _decided(message: Sequence[SentPart]) -> PartReceipt | None:
    """Return the receipt that decides the fate of a message, None while it is open.

    A part that never got an id gets no receipt either, so its message stays open for ever.
    """
    if len(message) < message[0].parts:
        return None
    ends = [part.receipt for part in message if part.receipt is not None and part.ended]
    for end in ends:
        if end.state in _FAILED:
            return end
    if len(ends) < len(message):
        return None
    return next((end for end in ends if end.state is not ReceiptState.DELIVERED), ends[-1])


def _event(part: SentPart, decided: PartReceipt, receipt: ReceiptReceived) -> MessageFate:
    kind: type[MessageFate] = MessageUndetermined
    if decided.state in _FAILED:
        kind = MessageUndeliverable
    elif decided.state is ReceiptState.DELIVERED:
        kind = MessageDelivered
    return kind(
        message_id=part.message_id,
        request_id=part.request_id,
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
