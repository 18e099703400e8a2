"""The steps of an order as data, without words. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final
from uuid import UUID

from pydantic import JsonValue

from inbound.handlers.order_progress import refused_state
from inbound.handlers.orders import FIRST_DISPATCH, dispatched_message_id
from inbound.money import amount_text
from inbound.timeline.message_steps import (
    ClaimRow,
    StepDraft,
    claim_drafts,
    place_of,
    queued_draft,
    receipt_draft,
    submit_drafts,
)
from inbound.timeline.model import StepKind
from inbound.timeline.orders import OrderHistory, WaitingOrder
from inbound.timeline.requests import TimelineEvent
from schemas.events import PersonErased
from schemas.lanes import LANE_OF, Lane
from schemas.message_events import DeliveryEvent, MessageEvent, MessageWithheld
from schemas.messages import Purpose
from schemas.order_events import (
    OrderAccepted,
    OrderCancelled,
    OrderDecided,
    OrderExpired,
    OrderRefused,
    OrderRescheduled,
)
from schemas.order_facts import LimitFacts
from schemas.orders import OrderState, WithheldReason, utc
from schemas.sending_hours import SendingHours

Details = dict[str, JsonValue]

_APART: Final = frozenset({StepKind.CANCELLED, StepKind.ERASED})
"""Steps that happen to an order whatever its message does meanwhile."""

_OF_MESSAGE: Final = frozenset({StepKind.CLAIMED, StepKind.SENT, StepKind.ATTEMPT, StepKind.RESULT})


def drafts_of_order(
    order: OrderHistory, claims: Sequence[ClaimRow] = (), row: WaitingOrder | None = None
) -> list[StepDraft]:
    """Return the steps of an order in causal order; `row` as in `order_case_of`."""
    first, *later = order.events
    decided = order.decided
    place: Details = {"position": first.position, "version": first.version}
    drafts = [
        StepDraft(StepKind.ORDERED, order.at, _ordered(decided)),
        *_decision(decided, row.currency if row else None),
        StepDraft(StepKind.RECORDED, first.recorded_at, place),
    ]
    if isinstance(decided, OrderAccepted) and decided.due_at <= order.at:
        id_ = dispatched_message_id(decided.order_id, FIRST_DISPATCH)
        drafts.append(_queued_draft(order, first.recorded_at, id_))
    for one in later:
        for draft in _later(one, row.currency if row else None):
            drafts.insert(_place_of(drafts, draft), draft)
    results = order.results(order.message_id)
    if row is not None and row.state is OrderState.QUEUED and not results:
        _queue(drafts, order, row.changed_at)
    # Of a message that was withheld at its claim, the claim would say that it is being sent.
    if not order.is_withheld(order.message_id):
        for draft in claim_drafts(order.message_id, order.purpose, results, claims):
            drafts.insert(_place_of(drafts, draft), draft)
    return [_of_kind(draft, decided) for draft in drafts]


def _place_of(drafts: Sequence[StepDraft], draft: StepDraft) -> int:
    """Return the index of a step: as `place_of`, but before a cancel that came later.

    A gateway reports an attempt after a cancel that came in between, and no event records a claim.
    """
    place = place_of(drafts, draft)
    if draft.kind not in _OF_MESSAGE:
        return place
    while drafts[place - 1].kind in _APART and drafts[place - 1].at > draft.at:
        place -= 1
    return place


def _of_kind(draft: StepDraft, decided: OrderDecided) -> StepDraft:
    """Add the kind of the order to a step of a message: its purpose can't say “service”."""
    if "purpose" not in draft.details:
        return draft
    return replace(draft, details={**draft.details, "kind": decided.kind.value})


def _queued_draft(order: OrderHistory, at: datetime, message_id: UUID) -> StepDraft:
    lane = LANE_OF[order.purpose] if order.decided.channel is None else Lane.CHANNELS
    return queued_draft(at, message_id, order.purpose, lane)


def _queue(drafts: list[StepDraft], order: OrderHistory, at: datetime) -> None:
    """Add that a scheduled order was queued, which no event records."""
    queued = _queued_draft(order, at, order.message_id)
    if all(draft.details != queued.details for draft in drafts):
        drafts.append(queued)


def _later(one: TimelineEvent, currency: str | None) -> Iterator[StepDraft]:
    match one.event:
        case OrderRefused() as event:
            yield from _decision(event, currency)
        case MessageWithheld() as event:
            yield StepDraft(StepKind.WITHHELD, event.at, _withheld(event))
        case MessageEvent() as event:
            yield from submit_drafts(event)
        case DeliveryEvent() as event:
            yield receipt_draft(event)
        case OrderRescheduled() as event:
            yield StepDraft(StepKind.RESCHEDULED, event.at, _rescheduled(event))
        case OrderCancelled() as event:
            yield StepDraft(StepKind.CANCELLED, event.at, {})
        case OrderExpired() as event:
            yield StepDraft(StepKind.EXPIRED, event.at, {})
        case PersonErased() as event:
            yield StepDraft(StepKind.ERASED, event.at, {})


def _ordered(decided: OrderDecided) -> Details:
    return {
        "account": decided.account,
        "kind": decided.kind.value,
        "template": decided.template,
        "template_version": decided.template_version,
        "language": decided.language,
        "sender": decided.sender,
        "parts": decided.parts,
        "not_before": utc(decided.not_before),
        "expires_at": utc(decided.expires_at),
        "hours": _hours(decided.hours),
        "broadcast_id": str(decided.broadcast_id) if decided.broadcast_id else None,
        "channel": decided.channel.value if decided.channel else None,
    }


def _decision(decided: OrderDecided, currency: str | None) -> Iterator[StepDraft]:
    """Yield what was decided, with the facts that it was based on."""
    facts = decided.facts
    known: Details = {
        "client_known": facts.client_known,
        "notifications_on": facts.notifications_on,
        "waiting": facts.waiting,
        "waiting_of_account": facts.waiting_of_account,
        "limits": dict(_limits({"day": facts.day, "week": facts.week, "month": facts.month})),
        "max_parts": facts.max_parts,
        "balance": None if facts.balance is None else amount_text(facts.balance),
        "price": None if facts.price is None else amount_text(facts.price),
        "currency": currency if facts.price is not None or facts.balance is not None else None,
    }
    match decided:
        case OrderAccepted():
            times: Details = {
                "due_at": utc(decided.due_at),
                "not_after": utc(decided.not_after),
                "last_at": utc(decided.last_at),
                "at_once": decided.due_at <= facts.decided_at,
            }
            yield StepDraft(StepKind.ORDER_ACCEPTED, facts.decided_at, times | known)
        case OrderRefused() if refused_state(decided) is OrderState.WITHHELD:
            withheld: Details = {
                "reason": WithheldReason.OPTED_OUT.value,
                "purpose": Purpose.BROADCAST.value,
            }
            yield StepDraft(StepKind.WITHHELD, facts.decided_at, withheld | known)
        case OrderRefused():
            why: Details = {
                "reason": decided.reason.value,
                "missing_field": facts.missing_field,
                "unfit_field": facts.unfit_field,
            }
            yield StepDraft(StepKind.ORDER_REFUSED, facts.decided_at, why | known)


def _limits(limits: Mapping[str, LimitFacts | None]) -> Iterator[tuple[str, JsonValue]]:
    for period, limit in limits.items():
        if limit is not None:
            yield period, {"limit": limit.limit, "used": limit.used}


def _hours(hours: SendingHours | None) -> JsonValue:
    if hours is None:
        return None
    return {"start": f"{hours.start:%H:%M}", "end": f"{hours.end:%H:%M}", "zone": hours.zone}


def _rescheduled(event: OrderRescheduled) -> Details:
    return {
        "dispatch": event.dispatch,
        "message_id": str(dispatched_message_id(event.order_id, event.dispatch)),
        "due_at": utc(event.due_at),
        "not_after": utc(event.not_after),
    }


def _withheld(event: MessageWithheld) -> Details:
    return {
        "reason": event.reason.value,
        "purpose": event.purpose.value,
        "message_id": str(event.message_id),
        "attempt": event.attempt,
        "bind": event.bind,
        "gateway": event.gateway,
    }
