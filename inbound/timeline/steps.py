"""The steps of a request as data, without words. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from pydantic import JsonValue

from inbound.handlers.decision import message_id
from inbound.smpp.status import name_of
from inbound.timeline.cases import delivery_of, goes_again, outcome_of
from inbound.timeline.model import StepKind
from inbound.timeline.requests import RequestHistory, TimelineEvent
from schemas.events import (
    AcknowledgementLate,
    DeliveryEvent,
    DomainEvent,
    MessageEvent,
    MessageUnknown,
    RefusalCause,
    RegistrationHeld,
    RegistrationRefused,
    RegistrationReleased,
    RequestAccepted,
    RequestCompleted,
    SubscriptionRestored,
    SubscriptionStarted,
    SubscriptionStopped,
)
from schemas.lanes import LANE_OF
from schemas.messages import Outcome, PartResult, Purpose, SubmitAttempt


class ClaimRow(Protocol):
    """A gateway's claim of a message that it is about to send."""

    @property
    def message_id(self) -> UUID: ...  # noqa: D102
    @property
    def attempt(self) -> int: ...  # noqa: D102
    @property
    def gateway(self) -> str: ...  # noqa: D102
    @property
    def claimed_at(self) -> datetime: ...  # noqa: D102


@dataclass(frozen=True, slots=True)
class Draft:
    """A step without its words and local time."""

    kind: StepKind
    at: datetime
    details: Mapping[str, JsonValue]


def drafts_of(request: RequestHistory, claims: Sequence[ClaimRow] = ()) -> list[Draft]:
    """Return the steps of a request in causal order."""
    first, *later = request.events
    drafts = [*_acceptance(request.accepted)]
    if later and isinstance(switch := later[0].event, SubscriptionStopped | SubscriptionStarted):
        drafts.append(_switched(switch))
        del later[0]
    place: dict[str, JsonValue] = {"position": first.position, "version": first.version}
    if later and _is_kept_back_at_once(later[0].event):
        drafts += _later(later.pop(0), request)
    drafts.append(Draft(StepKind.RECORDED, first.recorded_at, place))
    drafts.append(_queued(first.recorded_at, request, Purpose.ACKNOWLEDGEMENT))
    for one in later:
        for draft in _later(one, request):
            drafts.insert(_place(drafts, draft), draft)
    return [*drafts, *_claimed(request, claims)]


def _place(drafts: Sequence[Draft], draft: Draft) -> int:
    """Return the index of a step: last, but a receipt goes by its time, after its message.

    Receipts are often recorded after later submit results.
    """
    place = len(drafts)
    if draft.kind is StepKind.RECEIPT:
        message = draft.details["message_id"]
        while drafts[place - 1].at > draft.at and (
            drafts[place - 1].details.get("message_id") != message
        ):
            place -= 1
    return place


def _later(one: TimelineEvent, request: RequestHistory) -> Iterator[Draft]:
    match one.event:
        case MessageEvent() as event:
            yield from _submit(event)
            if _brings_fulfilment(one, event, request):
                yield _queued(one.recorded_at, request, Purpose.FULFILMENT)
        case AcknowledgementLate(after_s=after_s):
            details = {"after_s": after_s, "refused_with": _acknowledgement_refusal(request)}
            yield Draft(StepKind.LATE, one.recorded_at, details)
        case RegistrationHeld() as event:
            about: dict[str, JsonValue] = {
                "reason": event.reason.value,
                "until": event.until.isoformat(),
                "hours": round((event.until - event.at).total_seconds() / 3600, 4),
            }
            yield Draft(StepKind.HELD, event.at, about)
        case RegistrationReleased() as event:
            yield Draft(StepKind.RELEASED, event.at, {"by": event.by, "reason": event.reason})
            yield from _after_hold(one, request)
        case RegistrationRefused() as event:
            why: dict[str, JsonValue] = {
                "cause": event.cause.value,
                "by": event.by,
                "reason": event.reason,
            }
            yield Draft(StepKind.REFUSED, event.at, why)
            yield from _after_hold(one, request)
        case SubscriptionRestored() as event:
            yield Draft(StepKind.RESTORED, event.at, {"by": event.by, "reason": event.reason})
        case RequestCompleted() as event:
            yield Draft(StepKind.COMPLETED, event.at, {"completion": event.completion.value})
        case DeliveryEvent() as event:
            yield _receipt(event)


def _acknowledgement_refusal(request: RequestHistory) -> str | None:
    """Return the status with which the SMS centre refused the acknowledgement, if it did."""
    results = request.results(Purpose.ACKNOWLEDGEMENT)
    last = next((event for event in reversed(results) if not goes_again(event)), None)
    if last is None or outcome_of(last) is not Outcome.REJECTED:
        return None
    return next((name_of(part.status) for part in last.parts if part.status), None)


def _acceptance(event: RequestAccepted) -> Iterator[Draft]:
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
    yield Draft(StepKind.ARRIVED, began_at, fields)
    if event.parts > 1:
        order = list(arrival.sequences or ()) if arrival else []
        yield Draft(
            StepKind.ASSEMBLED, event.arrived_at, {"parts": event.parts, "sequences": [*order]}
        )
    read: dict[str, JsonValue] = {"command": event.command.value}
    if arrival is not None:
        read |= {"alphabet": arrival.alphabet, "octets": arrival.octets}
    yield Draft(StepKind.PARSED, event.facts.decided_at, read)
    yield Draft(
        StepKind.DECIDED,
        event.facts.decided_at,
        {
            "plan": event.plan.value,
            "confirm": event.confirm,
            "client_known": event.facts.client_known,
            "notifications_on": event.facts.notifications_on,
            "age_s": round((event.facts.decided_at - event.arrived_at).total_seconds(), 3),
        },
    )


def _switched(event: SubscriptionStopped | SubscriptionStarted) -> Draft:
    on = isinstance(event, SubscriptionStarted)
    return Draft(StepKind.SWITCHED, event.at, {"notifications_on": on})


def _queued(at: datetime, request: RequestHistory, purpose: Purpose) -> Draft:
    return Draft(
        StepKind.QUEUED,
        at,
        {
            "purpose": purpose.value,
            "message_id": str(message_id(request.accepted.request_id, purpose)),
            "lane": LANE_OF[purpose].label,
        },
    )


def _brings_fulfilment(one: TimelineEvent, event: MessageEvent, request: RequestHistory) -> bool:
    """Whether the fulfilment follows from this event (`inbound.handlers.results`)."""
    decides = event.purpose is Purpose.ACKNOWLEDGEMENT and not goes_again(event)
    return decides and request.accepted.confirm and not request.is_held_at(one.position)


def _is_kept_back_at_once(event: DomainEvent) -> bool:
    """Whether the decision that accepted the request held or refused its registration data."""
    if isinstance(event, RegistrationRefused):
        return not event.cause.ends_hold
    return isinstance(event, RegistrationHeld)


def _after_hold(one: TimelineEvent, request: RequestHistory) -> Iterator[Draft]:
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


def _submit(event: MessageEvent) -> Iterator[Draft]:
    """Yield the steps of one attempt to submit a message: sent, its submits, its result."""
    about: dict[str, JsonValue] = {
        "purpose": event.purpose.value,
        "message_id": str(event.message_id),
        "attempt": event.attempt,
        "bind": event.bind,
        "gateway": event.gateway,
    }
    if event.sent_at is not None:
        yield Draft(StepKind.SENT, event.sent_at, about)
    for attempt in event.attempts or ():
        yield _attempt(event, attempt)
    yield Draft(
        StepKind.RESULT,
        event.at,
        about
        | {
            "centre": event.centre,
            "template": event.template,
            "outcome": outcome_of(event).value,
            "goes_again": goes_again(event),
            "inferred_from": event.inferred_from if isinstance(event, MessageUnknown) else None,
            "attempts_left_out": event.attempts_left_out or 0,
            "parts": [_part(part) for part in event.parts],
        },
    )


def _attempt(event: MessageEvent, attempt: SubmitAttempt) -> Draft:
    details: dict[str, JsonValue] = {
        "purpose": event.purpose.value,
        "part": attempt.part,
        "status": attempt.status,
        "status_name": None if attempt.status is None else name_of(attempt.status),
        "bind": attempt.bind,
    }
    return Draft(StepKind.ATTEMPT, attempt.at, details)


def _part(part: PartResult) -> dict[str, JsonValue]:
    return {
        "status": part.status,
        "status_name": None if part.status is None else name_of(part.status),
        "smsc_message_id": part.smsc_message_id,
    }


def _receipt(event: DeliveryEvent) -> Draft:
    details: dict[str, JsonValue] = {
        "purpose": event.purpose.value,
        "message_id": str(event.message_id),
        "fate": delivery_of(event).value,
        "state": event.state.value,
        "error": event.error,
        "parts": event.parts,
        "centre_time": event.done_at.isoformat() if event.done_at else None,
        "bind": event.bind,
    }
    return Draft(StepKind.RECEIPT, event.at, details)


def _claimed(request: RequestHistory, claims: Sequence[ClaimRow]) -> Iterator[Draft]:
    """Yield the claims of messages without a result."""
    for purpose in (Purpose.ACKNOWLEDGEMENT, Purpose.FULFILMENT):
        id_ = message_id(request.accepted.request_id, purpose)
        known = max((event.attempt for event in request.results(purpose)), default=0)
        for claim in claims:
            if claim.message_id == id_ and claim.attempt > known:
                about: dict[str, JsonValue] = {
                    "purpose": purpose.value,
                    "message_id": str(id_),
                    "gateway": claim.gateway,
                    "attempt": claim.attempt,
                }
                yield Draft(StepKind.CLAIMED, claim.claimed_at, about)
