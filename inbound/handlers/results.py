"""Decides what a submit result means for its request.

Once the acknowledgement has a final result, the fulfilment is sent, unless it is held
(`inbound.handlers.registrations`). Once the fulfilment has one, the request is complete and its
secret is erased.

A message may be sent twice: if a gateway stalls, another one takes over its messages and
can't see that they were sent. The first final result decides. A later one changes nothing
but is recorded, so the log has every message that was sent to the client.

The log accounts for every attempt. A gateway that is killed reports nothing, but attempts are
numbered by their claims: a result reveals the attempts before it that no gateway reported. They
may have been sent, so each becomes a `message.unknown` of its own.
"""

from collections.abc import Collection
from typing import Any
from uuid import UUID

from inbound.handlers.decision import Decision, Disposition, Reply, message_id
from inbound.handlers.definitions import REGISTRATION_REFUSED, SENDS_REGISTRATION
from inbound.handlers.state import Gate, OpenRequest, Stage, SubjectState
from schemas.events import AcknowledgementLate, Completion, DomainEvent, RequestCompleted
from schemas.message_events import (
    MessageErased,
    MessageEvent,
    MessageExpired,
    MessageRejected,
    MessageSubmitted,
    MessageUnknown,
    MessageWithheld,
)
from schemas.messages import Outcome, Purpose, SubmitResult

ACKNOWLEDGE_WITHIN_S = 120
"""The time limit that the instruction sets for the acknowledgement."""

OFTEN_ATTEMPTED = 3
"""A message with more attempts is counted: the client may have that many copies."""

_EVENTS: dict[Outcome, type[MessageEvent]] = {
    Outcome.SUBMITTED: MessageSubmitted,
    Outcome.REJECTED: MessageRejected,
    Outcome.EXPIRED: MessageExpired,
    Outcome.ERASED: MessageErased,
}


def is_awaited(state: SubjectState, request_id: UUID | None, purpose: Purpose) -> bool:
    """Whether the final result of this message is still to come."""
    request = state.open.get(request_id) if request_id else None
    if request is None:
        return False
    return (purpose is Purpose.ACKNOWLEDGEMENT) == (request.stage is Stage.ACKNOWLEDGING)


def is_often_attempted(state: SubjectState, result: SubmitResult) -> bool:
    """Whether `result` is the first to show more than `OFTEN_ATTEMPTED` attempts of its message."""
    request = state.open.get(result.request_id) if result.request_id else None
    if request is None or not is_awaited(state, result.request_id, result.purpose):
        return False
    return request.unknown_attempts <= OFTEN_ATTEMPTED < result.attempt


def decide_result(state: SubjectState, result: SubmitResult) -> Decision:
    """Return what follows from `result`; nothing if it was processed before."""
    if result.request_id is None or not is_awaited(state, result.request_id, result.purpose):
        return Decision(Disposition.DUPLICATE)
    request = state.open[result.request_id]
    if not result.final and result.attempt <= request.unknown_attempts:
        return Decision(Disposition.DUPLICATE)
    reported = range(1, request.unknown_attempts + 1)
    events: list[DomainEvent] = [*unreported_attempts(result, reported), event_of(result)]
    if not result.final:
        return Decision(Disposition.ACCEPTED, tuple(events))
    if result.purpose is Purpose.ACKNOWLEDGEMENT:
        late_s = (result.at - request.arrived_at).total_seconds()
        if result.outcome is not Outcome.SUBMITTED or late_s > ACKNOWLEDGE_WITHIN_S:
            events.append(AcknowledgementLate(request_id=result.request_id, after_s=late_s))
        if request.gate is Gate.HELD:
            return Decision(Disposition.ACCEPTED, tuple(events))
        if request.confirm:
            reply = fulfilment_of(result.request_id, request)
            return Decision(Disposition.ACCEPTED, tuple(events), (reply,))
    completed = RequestCompleted(
        request_id=result.request_id, completion=_completion(request, result), at=result.at
    )
    erase: tuple[UUID, ...] = ()
    if request.plan in SENDS_REGISTRATION:
        erase = (message_id(result.request_id, Purpose.FULFILMENT),)
    return Decision(Disposition.ACCEPTED, (*events, completed), erase=erase)


def fulfilment_of(request_id: UUID, request: OpenRequest) -> Reply:
    """Return the fulfilment of a request that is not held."""
    refused = request.gate is Gate.REFUSED
    return Reply(
        message_id=message_id(request_id, Purpose.FULFILMENT),
        request_id=request_id,
        purpose=Purpose.FULFILMENT,
        template=REGISTRATION_REFUSED if refused else request.plan.value,
        centre=request.centre,
        arrived_at=request.arrived_at,
        secret=request.plan in SENDS_REGISTRATION and not refused,
    )


def _completion(request: OpenRequest, result: SubmitResult) -> Completion:
    if result.outcome is not Outcome.SUBMITTED:
        return Completion.UNDELIVERED
    refused = request.plan.refuses or request.gate is Gate.REFUSED
    return Completion.REFUSED if refused else Completion.FULFILLED


def unreported_attempts(result: SubmitResult, reported: Collection[int]) -> list[MessageUnknown]:
    """Return an event for each attempt before `result` that is not among those `reported`."""
    return [
        MessageUnknown(
            message_id=result.message_id,
            request_id=result.request_id,
            order_id=result.order_id,
            purpose=result.purpose,
            template=result.template,
            attempt=attempt,
            centre=result.centre,
            bind=result.bind,
            at=result.at,
            final=False,
            inferred_from=result.attempt,
        )
        for attempt in range(1, result.attempt)
        if attempt not in reported
    ]


def event_of(result: SubmitResult) -> MessageEvent:
    """Return the event that records a result, whether or not it decides anything."""
    common: dict[str, Any] = {
        "message_id": result.message_id,
        "request_id": result.request_id,
        "order_id": result.order_id,
        "purpose": result.purpose,
        "template": result.template,
        "attempt": result.attempt,
        "parts": result.parts,
        "attempts": result.attempts,
        "attempts_left_out": result.attempts_left_out,
        "centre": result.centre,
        "bind": result.bind,
        "gateway": result.gateway,
        "sent_at": result.sent_at,
        "at": result.at,
    }
    if result.withheld is not None:
        return MessageWithheld(**common, reason=result.withheld)
    if result.outcome is Outcome.UNKNOWN:
        return MessageUnknown(**common, final=result.final)
    return _EVENTS[result.outcome](**common)
