"""Decides whether registration data may be sent: at once, after a person released it, or not.

A sender number can be spoofed, so anyone who can inject MOs can make the service send
registration data to as many clients as it knows. Ceilings limit that: beyond them a request is
acknowledged as usual and held, until a person releases or refuses it or its hold expires.

The state of the hold is part of the subject's stream: the acknowledgement's result brings the
fulfilment unless the request is held, and ending the hold brings it if the acknowledgement had
its result before. So there is one fulfilment in either order.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from math import ceil
from typing import Final
from uuid import UUID

from inbound.handlers.decision import CommandRequest, Decision, Disposition, message_id
from inbound.handlers.policies import Policies
from inbound.handlers.results import fulfilment_of
from inbound.handlers.state import Gate, Stage, SubjectState
from schemas.events import (
    Command,
    Completion,
    DomainEvent,
    PersonErased,
    RequestAccepted,
    RequestCompleted,
    SubscriptionRestored,
    SubscriptionStarted,
    SubscriptionStopped,
)
from schemas.messages import Purpose
from schemas.registration_events import (
    HoldReason,
    RefusalCause,
    RegistrationHeld,
    RegistrationRefused,
    RegistrationReleased,
    RegistrationUsage,
)

MINUTE_PER_MILLE: Final = 2
MINUTE_FLOOR: Final = 20
HOUR_PER_MILLE: Final = 20
HOUR_FLOOR: Final = 120
CENTRE_PER_MILLE: Final = 10
CENTRE_FLOOR: Final = 120


@dataclass(frozen=True, slots=True)
class Ceilings:
    """How many registrations may be sent, in all and for each SMS centre; None for no limit."""

    minute: int | None
    hour: int | None
    centre_hour: int | None
    centre_minute: int | None = None

    @property
    def limit(self) -> bool:
        """Whether there is a ceiling."""
        every = (self.minute, self.hour, self.centre_minute, self.centre_hour)
        return any(one is not None for one in every)


@dataclass(frozen=True, slots=True)
class Operator:
    """Who decided about a hold or a stop, and why; both are recorded for ever."""

    name: str
    reason: str


def ceilings(policies: Policies, clients: int, centres: int = 1) -> Ceilings:
    """Return the ceilings in force for a directory with so many numbers, and so many SMS centres.

    Unless they are set, one of several SMS centres gets half of what all may get: a hostile one
    leaves the others the rest.
    """
    minute = _ceiling(policies.registrations_per_minute, MINUTE_PER_MILLE, MINUTE_FLOOR, clients)
    hour = _ceiling(policies.registrations_per_hour, HOUR_PER_MILLE, HOUR_FLOOR, clients)
    centre_minute = policies.registrations_per_centre_minute or None
    centre_hour = _ceiling(
        policies.registrations_per_centre_hour, CENTRE_PER_MILLE, CENTRE_FLOOR, clients
    )
    if centres > 1:
        if policies.registrations_per_centre_minute is None and minute is not None:
            centre_minute = half(minute)
        if policies.registrations_per_centre_hour is None and hour and centre_hour:
            centre_hour = min(centre_hour, half(hour))
    return Ceilings(minute, hour, centre_hour, centre_minute)


def half(ceiling: int) -> int:
    """Return the share of one SMS centre in a ceiling of all; 1 at least."""
    return ceil(ceiling / 2)


def _ceiling(setting: int | None, per_mille: int, floor: int, clients: int) -> int | None:
    if setting is None:
        return max(floor, ceil(clients * per_mille / 1000))
    return setting or None


def gate(
    request: CommandRequest, policies: Policies
) -> RegistrationHeld | RegistrationRefused | None:
    """Return the event that keeps registration data back, None if it may be sent."""
    usage = request.registrations
    if usage is not None and usage.off:
        if policies.registrations_off == "refuse":
            return _refused(request, RefusalCause.SWITCHED_OFF)
        return _held(request, HoldReason.SWITCHED_OFF, policies)
    if policies.registrations_need == "open_case" and not request.case_open:
        if policies.registrations_unmet == "refuse":
            return _refused(request, RefusalCause.NO_OPEN_CASE)
        return _held(request, HoldReason.NO_OPEN_CASE, policies)
    reached = usage and _reached(usage, ceilings(policies, usage.clients, usage.centres))
    return _held(request, reached, policies) if reached else None


def _reached(usage: RegistrationUsage, limits: Ceilings) -> HoldReason | None:
    """Return the first ceiling that leaves no room for one more registration."""
    for used, limit, reason in (
        (usage.minute, limits.minute, HoldReason.MINUTE_CEILING),
        (usage.hour, limits.hour, HoldReason.HOUR_CEILING),
        (usage.centre_minute, limits.centre_minute, HoldReason.CENTRE_CEILING),
        (usage.centre_hour, limits.centre_hour, HoldReason.CENTRE_CEILING),
    ):
        if limit is not None and used >= limit:
            return reason
    return None


def _held(request: CommandRequest, reason: HoldReason, policies: Policies) -> RegistrationHeld:
    until = request.decided_at + timedelta(seconds=policies.hold_for_s)
    return RegistrationHeld(
        request_id=request.request_id, reason=reason, at=request.decided_at, until=until
    )


def _refused(request: CommandRequest, cause: RefusalCause) -> RegistrationRefused:
    return RegistrationRefused(request_id=request.request_id, cause=cause, at=request.decided_at)


def decide_release(
    state: SubjectState, request_id: UUID, operator: Operator, at: datetime
) -> Decision:
    """Return what follows when a person releases a request; nothing if it is not held."""
    event = RegistrationReleased(
        request_id=request_id, by=operator.name, reason=operator.reason, at=at
    )
    return _end_hold(state, request_id, event, Gate.OPEN)


def decide_refusal(
    state: SubjectState,
    request_id: UUID,
    cause: RefusalCause,
    at: datetime,
    operator: Operator | None = None,
) -> Decision:
    """Return what follows when a held request is refused; nothing if it is not held.

    An erased person gets no text: the request is complete, or will be with the result of its
    acknowledgement.
    """
    event = RegistrationRefused(
        request_id=request_id,
        cause=cause,
        by=None if operator is None else operator.name,
        reason=None if operator is None else operator.reason,
        at=at,
    )
    decision = _end_hold(state, request_id, event, Gate.REFUSED)
    if cause is RefusalCause.ERASED and decision.replies:
        completed = RequestCompleted(
            request_id=request_id, completion=Completion.UNDELIVERED, at=at
        )
        decision = replace(decision, events=(*decision.events, completed), replies=())
    erase = (message_id(request_id, Purpose.FULFILMENT),) if decision.events else ()
    return replace(decision, erase=erase)


def _end_hold(state: SubjectState, request_id: UUID, event: DomainEvent, gate: Gate) -> Decision:
    request = state.open.get(request_id)
    if request is None or request.gate is not Gate.HELD:
        return Decision(Disposition.DUPLICATE)
    if request.stage is not Stage.FULFILLING:
        return Decision(Disposition.ACCEPTED, (event,))
    reply = fulfilment_of(request_id, replace(request, gate=gate))
    return Decision(Disposition.ACCEPTED, (event,), (reply,))


def stop_to_undo(
    history: Iterable[tuple[DomainEvent, datetime]], since: datetime, until: datetime
) -> UUID | None:
    """Return the request of the stop that an operator undoes for one subject, if there is one.

    `history` are the subject's events with the times of their recording. The last change has to be
    a stop that was recorded at `since` or later and before `until`. A person who stopped again
    later meant it; one who started or was restored since is on already; an erased one is not
    texted.
    """
    stopped: UUID | None = None
    for event, recorded_at in history:
        match event:
            case SubscriptionStopped():
                # An operator's stop is one that the person asked for.
                is_theirs = event.by is None and since <= recorded_at < until
                stopped = event.request_id if is_theirs else None
            case SubscriptionStarted() | SubscriptionRestored() | PersonErased():
                stopped = None
            case RequestAccepted(command=Command.SMS_STOP) if recorded_at >= until:
                stopped = None
    return stopped
