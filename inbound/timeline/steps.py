"""The steps of a request as data, without words. Pure."""

from collections.abc import Iterator, Sequence
from datetime import datetime

from pydantic import JsonValue

from inbound.handlers.decision import message_id
from inbound.smpp.status import name_of
from inbound.timeline.cases import goes_again, outcome_of
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
from inbound.timeline.requests import RequestHistory, TimelineEvent
from schemas.events import (
    AcknowledgementLate,
    DomainEvent,
    RequestAccepted,
    RequestCompleted,
    SubscriptionRestored,
    SubscriptionStarted,
    SubscriptionStopped,
)
from schemas.message_events import DeliveryEvent, MessageEvent
from schemas.messages import Outcome, Purpose
from schemas.orders import utc
from schemas.registration_events import (
    RefusalCause,
    RegistrationHeld,
    RegistrationRefused,
    RegistrationReleased,
)


def drafts_of(request: RequestHistory, claims: Sequence[ClaimRow] = ()) -> list[StepDraft]:
    """Return the steps of a request in causal order."""
    first, *later = request.events
    drafts = [*_acceptance(request.accepted)]
    if later and isinstance(switch := later[0].event, SubscriptionStopped | SubscriptionStarted):
        drafts.append(_switched(switch))
        del later[0]
    place: dict[str, JsonValue] = {"position": first.position, "version": first.version}
    if later and _is_kept_back_at_once(later[0].event):
        drafts += _later(later.pop(0), request)
    drafts.append(StepDraft(StepKind.RECORDED, first.recorded_at, place))
    drafts.append(_queued(first.recorded_at, request, Purpose.ACKNOWLEDGEMENT))
    for one in later:
        for draft in _later(one, request):
            drafts.insert(place_of(drafts, draft), draft)
    return [*drafts, *_claimed(request, claims)]


def _later(one: TimelineEvent, request: RequestHistory) -> Iterator[StepDraft]:
    match one.event:
        case MessageEvent() as event:
            yield from submit_drafts(event)
            if _brings_fulfilment(one, event, request):
                yield _queued(one.recorded_at, request, Purpose.FULFILMENT)
        case AcknowledgementLate(after_s=after_s):
            yield StepDraft(StepKind.LATE, one.recorded_at, _late_details(after_s, request))
        case RegistrationHeld() as event:
            about: dict[str, JsonValue] = {
                "reason": event.reason.value,
                "until": utc(event.until),
                "hours": round((event.until - event.at).total_seconds() / 3600, 4),
            }
            yield StepDraft(StepKind.HELD, event.at, about)
        case RegistrationReleased() as event:
            yield StepDraft(StepKind.RELEASED, event.at, {"by": event.by, "reason": event.reason})
            yield from _after_hold(one, request)
        case RegistrationRefused() as event:
            why: dict[str, JsonValue] = {
                "cause": event.cause.value,
                "by": event.by,
                "reason": event.reason,
            }
            yield StepDraft(StepKind.REFUSED, event.at, why)
            yield from _after_hold(one, request)
        case SubscriptionRestored() as event:
            yield StepDraft(StepKind.RESTORED, event.at, {"by": event.by, "reason": event.reason})
        case RequestCompleted() as event:
            yield StepDraft(StepKind.COMPLETED, event.at, {"completion": event.completion.value})
        case DeliveryEvent() as event:
            yield receipt_draft(event)


def _late_details(after_s: float, request: RequestHistory) -> dict[str, JsonValue]:
    """Return how the acknowledgement ended, and the status with which it was refused, if it was."""
    results = request.results(Purpose.ACKNOWLEDGEMENT)
    last = next((event for event in reversed(results) if not goes_again(event)), None)
    outcome = Outcome.SUBMITTED if last is None else outcome_of(last)
    refused_with = None
    if last is not None and outcome is Outcome.REJECTED:
        refused_with = next((name_of(part.status) for part in last.parts if part.status), None)
    return {"after_s": after_s, "outcome": outcome.value, "refused_with": refused_with}


def _acceptance(event: RequestAccepted) -> Iterator[StepDraft]:
    arrival = event.arrival
    fields: dict[str, JsonValue] = {
        "centre": event.centre,
        "bind": event.bind,
        "data_coding": event.data_coding,
    }
    began_at = event.arrived_at
    if arrival is not None:
        fields |= {"gateway": arrival.gateway, "esm_class": arrival.esm_class}
        fields |= {"our_number": arrival.our_number}
        began_at = arrival.first_part_at or began_at
    yield StepDraft(StepKind.ARRIVED, began_at, fields)
    if event.parts > 1:
        order = list(arrival.sequences or ()) if arrival else []
        yield StepDraft(
            StepKind.ASSEMBLED, event.arrived_at, {"parts": event.parts, "sequences": [*order]}
        )
    read: dict[str, JsonValue] = {"command": event.command.value}
    if arrival is not None:
        read |= {"alphabet": arrival.alphabet, "octets": arrival.octets}
    yield StepDraft(StepKind.PARSED, event.facts.decided_at, read)
    yield StepDraft(
        StepKind.DECIDED,
        event.facts.decided_at,
        {
            "plan": event.plan.value,
            "confirm": event.confirm,
            "client_known": event.facts.client_known,
            "is_recipient": event.facts.is_recipient,
            "notifications_on": event.facts.notifications_on,
            "age_s": round((event.facts.decided_at - event.arrived_at).total_seconds(), 3),
        },
    )


def _switched(event: SubscriptionStopped | SubscriptionStarted) -> StepDraft:
    on = isinstance(event, SubscriptionStarted)
    return StepDraft(StepKind.SWITCHED, event.at, {"notifications_on": on})


def _queued(at: datetime, request: RequestHistory, purpose: Purpose) -> StepDraft:
    return queued_draft(at, message_id(request.accepted.request_id, purpose), purpose)


def _brings_fulfilment(one: TimelineEvent, event: MessageEvent, request: RequestHistory) -> bool:
    """Whether the fulfilment follows from this event (`inbound.handlers.results`)."""
    decides = event.purpose is Purpose.ACKNOWLEDGEMENT and not goes_again(event)
    return decides and request.accepted.confirm and not request.is_held_at(one.position)


def _is_kept_back_at_once(event: DomainEvent) -> bool:
    """Whether the decision that accepted the request held or refused its registration data."""
    if isinstance(event, RegistrationRefused):
        return not event.cause.ends_hold
    return isinstance(event, RegistrationHeld)


def _after_hold(one: TimelineEvent, request: RequestHistory) -> Iterator[StepDraft]:
    """Yield the fulfilment's step if it follows from the end of a hold.

    It does if the acknowledgement had its result before, and the person was not erased.
    """
    event = one.event
    refused_at_once = isinstance(event, RegistrationRefused) and not event.cause.ends_hold
    erased = isinstance(event, RegistrationRefused) and event.cause is RefusalCause.ERASED
    acknowledged = any(
        isinstance(before.event, MessageEvent)
        and before.event.purpose is Purpose.ACKNOWLEDGEMENT
        and not goes_again(before.event)
        for before in request.events
        if before.position < one.position
    )
    if acknowledged and not refused_at_once and not erased:
        yield _queued(one.recorded_at, request, Purpose.FULFILMENT)


def _claimed(request: RequestHistory, claims: Sequence[ClaimRow]) -> Iterator[StepDraft]:
    """Yield the claims of messages without a result."""
    for purpose in (Purpose.ACKNOWLEDGEMENT, Purpose.FULFILMENT):
        id_ = message_id(request.accepted.request_id, purpose)
        yield from claim_drafts(id_, purpose, request.results(purpose), claims)
