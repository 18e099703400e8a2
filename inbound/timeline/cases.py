"""Collects what the sentence about a request has to say. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Final, assert_never

from inbound.freshness.model import Pending
from inbound.handlers.results import ACKNOWLEDGE_WITHIN_S
from inbound.timeline.incidents import Switch
from inbound.timeline.model import Clock, ClockState, ReplyStatus
from inbound.timeline.requests import RequestHistory
from inbound.timeline.waiting import MessageWait
from schemas.events import Command, Plan, RequestCompleted
from schemas.message_events import DeliveryEvent, MessageEvent, MessageUnknown
from schemas.messages import Outcome, Purpose, ReceiptState
from schemas.registration_events import RefusalCause, RegistrationHeld, RegistrationRefused

REPORTED_WITHIN: Final = timedelta(seconds=10)
"""How long a gateway may take between claiming a message and reporting what happened to it."""


class DeliveryResult(StrEnum):
    """What the SMS centre's delivery receipts said about a whole message."""

    DELIVERED = "delivered"
    UNDELIVERABLE = "undeliverable"
    UNDETERMINED = "undetermined"

    @property
    def status(self) -> ReplyStatus:
        """What happened to the reply."""
        match self:
            case DeliveryResult.DELIVERED:
                return ReplyStatus.DELIVERED
            case DeliveryResult.UNDELIVERABLE:
                return ReplyStatus.UNDELIVERABLE
            case DeliveryResult.UNDETERMINED:
                return ReplyStatus.UNDETERMINED
            case _:
                assert_never(self)


@dataclass(frozen=True, slots=True)
class ReplyProgress:
    """The progress of one message.

    `at` is when the status was known, `sent_at` when the SMS centre accepted the message.
    `command_status` is the first that is not ESME_ROK; `partly` is true if the SMS centre accepted
    other parts. `tried` counts attempts without an answer; `was_sent` is false if no gateway
    reported that it submitted one of them. `parts_delivered` is None if that is no longer known.
    """

    status: ReplyStatus
    at: datetime | None = None
    sent_at: datetime | None = None
    command_status: int | None = None
    partly: bool = False
    state: ReceiptState | None = None
    error: str | None = None
    parts: int = 1
    parts_delivered: int | None = None
    tried: int = 0
    was_sent: bool = True


@dataclass(frozen=True, slots=True)
class Case:
    """The facts for the sentence about a request.

    `reply` is the message that the client waits for: the fulfilment, or the acknowledgement if it
    is the only reply. `were_on` is whether notifications were on before the decision. `waited` is
    how long the text waited for its decision, `open_for` how long ago the SMS centre accepted the
    reply. `held_until` is set while registration data waits for a person, `refused` once it was
    refused, `restored_at` if the stop was undone. `unread` are results of sending and receipts that
    were received and not processed: the reply may have got further. `stop` is the switch that had
    turned notifications off before, if that is known. `waits` is set while the awaited message is
    not being sent, but waits. `taken_at` is set when a gateway claimed the awaited message and has
    not reported for `REPORTED_WITHIN`: it may have been sent.
    """

    command: Command
    plan: Plan
    confirm: bool
    were_on: bool
    arrived_at: datetime
    waited: timedelta
    open_for: timedelta
    clock: Clock
    acknowledgement: ReplyProgress
    reply: ReplyProgress
    held_until: datetime | None = None
    refused: RefusalCause | None = None
    restored_at: datetime | None = None
    unread: Pending | None = None
    taken_at: datetime | None = None
    stop: Switch | None = None
    waits: MessageWait | None = None


def case_of(
    request: RequestHistory,
    now: datetime,
    delivered: dict[Purpose, int | None],
    *,
    unread: Pending | None = None,
    taken: Mapping[Purpose, datetime] = MappingProxyType({}),
    waits: Mapping[Purpose, MessageWait] = MappingProxyType({}),
) -> Case:
    """Return the case of a request.

    `delivered` counts the delivered parts of its messages, `taken` is when gateways claimed them,
    `waits` is where they wait.
    """
    accepted = request.accepted
    acknowledgement = _reply(request, Purpose.ACKNOWLEDGEMENT, delivered)
    reply = _reply(request, Purpose.FULFILMENT, delivered) if accepted.confirm else acknowledgement
    hold, restored = request.hold(), request.restored()
    if isinstance(hold, RegistrationHeld) and reply.status is ReplyStatus.WAITING:
        reply = replace(reply, status=ReplyStatus.HELD)
    if _is_erased_in_hold(request):
        reply = replace(reply, status=ReplyStatus.ERASED)
    return Case(
        command=accepted.command,
        plan=accepted.plan,
        confirm=accepted.confirm,
        were_on=accepted.facts.notifications_on,
        arrived_at=accepted.arrived_at,
        waited=accepted.facts.decided_at - accepted.arrived_at,
        open_for=now - (reply.sent_at or now),
        clock=clock_of(accepted.arrived_at, acknowledgement, now),
        acknowledgement=acknowledgement,
        reply=reply,
        held_until=hold.until if isinstance(hold, RegistrationHeld) else None,
        refused=hold.cause if isinstance(hold, RegistrationRefused) else None,
        restored_at=restored.at if restored else None,
        unread=unread,
        stop=request.stop,
        waits=waits.get(_waited_for(acknowledgement)),
        taken_at=taken_at(taken.get(_waited_for(acknowledgement)), now),
    )


def taken_at(claimed_at: datetime | None, now: datetime) -> datetime | None:
    """Return when a message was claimed, if its gateway should have reported it by now."""
    if claimed_at is None or now - claimed_at < REPORTED_WITHIN:
        return None
    return claimed_at


def _waited_for(acknowledgement: ReplyProgress) -> Purpose:
    """Return the message that is sent now, or next."""
    is_sent = acknowledgement.status is not ReplyStatus.WAITING
    return Purpose.FULFILMENT if is_sent else Purpose.ACKNOWLEDGEMENT


def _is_erased_in_hold(request: RequestHistory) -> bool:
    """Whether the person was erased during the hold: the request is complete without a reply."""
    hold = request.hold()
    if not isinstance(hold, RegistrationRefused) or hold.cause is not RefusalCause.ERASED:
        return False
    is_complete = any(isinstance(one.event, RequestCompleted) for one in request.events)
    return is_complete and not request.results(Purpose.FULFILMENT)


def clock_of(arrived_at: datetime, acknowledgement: ReplyProgress, now: datetime) -> Clock:
    """Return whether a request was acknowledged, or still can be, within two minutes."""
    if acknowledgement.sent_at is not None:
        after_s = (acknowledgement.sent_at - arrived_at).total_seconds()
        state = ClockState.KEPT if after_s <= ACKNOWLEDGE_WITHIN_S else ClockState.LATE
        return Clock(state=state, within_s=ACKNOWLEDGE_WITHIN_S, after_s=round(after_s, 3))
    if acknowledgement.status is not ReplyStatus.WAITING:
        return Clock(state=ClockState.MISSED, within_s=ACKNOWLEDGE_WITHIN_S)
    left_s = ACKNOWLEDGE_WITHIN_S - (now - arrived_at).total_seconds()
    state = ClockState.RUNNING if left_s >= 0 else ClockState.OVERDUE
    return Clock(state=state, within_s=ACKNOWLEDGE_WITHIN_S, left_s=round(left_s, 3))


def outcome_of(event: MessageEvent) -> Outcome:
    """Return what happened to one attempt to submit a message."""
    return Outcome(event.TYPE.partition(".")[2])


def goes_again(event: MessageEvent) -> bool:
    """Whether another attempt follows this one."""
    return isinstance(event, MessageUnknown) and not event.final


def was_submitted(event: MessageUnknown) -> bool:
    """Whether a part of the message is known to have been written to a bind.

    An attempt that another gateway claimed and didn't report has no parts. If the message was not
    sent again, the attempt has the parts of those before it, and no time of its own.
    """
    return event.sent_at is not None or bool(event.parts)


def delivery_of(event: DeliveryEvent) -> DeliveryResult:
    """Return what receipts said about a message."""
    return DeliveryResult(event.TYPE.partition(".")[2])


def _submit_status(outcome: Outcome) -> ReplyStatus:
    match outcome:
        case Outcome.SUBMITTED:
            return ReplyStatus.ON_ITS_WAY
        case Outcome.REJECTED:
            return ReplyStatus.REJECTED
        case Outcome.UNKNOWN:
            return ReplyStatus.UNKNOWN
        case Outcome.EXPIRED:
            return ReplyStatus.EXPIRED
        case Outcome.ERASED:
            return ReplyStatus.ERASED
        case _:
            assert_never(outcome)


def _reply(
    request: RequestHistory, purpose: Purpose, delivered: dict[Purpose, int | None]
) -> ReplyProgress:
    results, delivery = request.results(purpose), request.delivery(purpose)
    return progress_of(results, delivery, delivered.get(purpose))


def progress_of(
    results: Sequence[MessageEvent], delivery: DeliveryEvent | None, parts_delivered: int | None
) -> ReplyProgress:
    """Return the progress of one message, by its submit results and its delivery outcome.

    A result that withheld it is ignored: only messages of orders are withheld.
    """
    unknown = [event for event in results if isinstance(event, MessageUnknown)]
    tried = len({event.attempt for event in unknown})
    was_sent = not unknown or any(map(was_submitted, unknown))
    # The result of an earlier attempt may come after the one that ended the message.
    last = next((event for event in reversed(results) if not goes_again(event)), None)
    if last is None:
        return ReplyProgress(ReplyStatus.WAITING, tried=tried, was_sent=was_sent)
    sent_at = last.at if outcome_of(last) is Outcome.SUBMITTED else None
    if delivery is not None:
        return ReplyProgress(
            delivery_of(delivery).status,
            at=delivery.at,
            sent_at=sent_at,
            state=delivery.state,
            error=delivery.error,
            parts=delivery.parts,
            parts_delivered=parts_delivered,
        )
    statuses = (part.status for part in last.parts if part.status)
    return ReplyProgress(
        _submit_status(outcome_of(last)),
        at=last.at,
        sent_at=sent_at,
        command_status=next(statuses, None),
        partly=any(part.status == 0 for part in last.parts),
        parts=max(1, len(last.parts)),
        parts_delivered=parts_delivered,
        tried=tried,
        was_sent=was_sent,
    )
