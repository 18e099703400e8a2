"""Decides a command of one subject: accepts it, or returns why not.

An accepted command causes its acknowledgement only. The fulfilment follows once the outcome
of the acknowledgement is known (`inbound.handlers.results`), so the fulfilment never arrives
first, whichever gateway, bind or lane the two take. Registration data may be held or refused
(`inbound.handlers.registrations`); the acknowledgement is the same.
"""

from datetime import timedelta
from typing import Final

from inbound.handlers.decision import (
    CommandRequest,
    Decision,
    Disposition,
    Reply,
    message_id,
)
from inbound.handlers.definitions import SENDS_REGISTRATION, is_served, plan
from inbound.handlers.policies import Policies
from inbound.handlers.registrations import gate
from inbound.handlers.state import HOUR, SubjectState
from schemas.events import Command, CommandLimitReached, DomainEvent, Facts, RequestAccepted
from schemas.messages import Purpose
from schemas.registration_events import RegistrationHeld, RegistrationRefused

COPY_WITHIN: Final = timedelta(minutes=10)
"""Longer than any SMS centre waits before it redelivers an unanswered MO."""

CLOCK_ERROR: Final = timedelta(seconds=0.2)
"""More than the difference between two gateways' readings of the shared clock."""


def decide_command(state: SubjectState, request: CommandRequest, policies: Policies) -> Decision:
    """Return what follows from `request` for a subject in `state`."""
    if _is_late_copy(state, request) or (
        not _has_another_effect(state, request)
        and (
            _repeats_previous(state, request, policies)
            or _was_redelivered(state, request, policies)
        )
    ):
        return Decision(Disposition.DUPLICATE)
    if policies.unknown_number == "silent" and not is_served(request):
        return Decision(Disposition.UNKNOWN_NUMBER)
    limit = policies.commands_per_hour
    if limit and state.accepted_in_hour_before(request.arrived_at) >= limit:
        return _limited(state, request, limit)
    planned = plan(state, request, policies)
    accepted = RequestAccepted(
        request_id=request.request_id,
        command=request.command,
        arrived_at=request.arrived_at,
        centre=request.centre,
        bind=request.bind,
        data_coding=request.data_coding,
        parts=request.parts,
        facts=Facts(
            client_known=request.client_known,
            notifications_on=state.notifications_on,
            decided_at=request.decided_at,
            registrations=request.registrations,
            case_open=request.case_open,
            is_recipient=request.is_recipient,
        ),
        plan=planned.plan,
        confirm=planned.confirm,
        arrival=request.arrival,
    )
    events: tuple[DomainEvent, ...] = (accepted, *planned.events)
    if planned.plan not in SENDS_REGISTRATION:
        return Decision(Disposition.ACCEPTED, events, (_acknowledgement(request),))
    kept_back = gate(request, policies)
    if isinstance(kept_back, RegistrationRefused):
        secret_for = None
    else:
        secret_for = message_id(request.request_id, Purpose.FULFILMENT)
    return Decision(
        Disposition.ACCEPTED,
        events if kept_back is None else (*events, kept_back),
        (_acknowledgement(request),),
        secret_for=secret_for,
        hold=kept_back if isinstance(kept_back, RegistrationHeld) else None,
    )


def _acknowledgement(request: CommandRequest) -> Reply:
    return Reply(
        message_id=message_id(request.request_id, Purpose.ACKNOWLEDGEMENT),
        request_id=request.request_id,
        purpose=Purpose.ACKNOWLEDGEMENT,
        template=Purpose.ACKNOWLEDGEMENT.value,
        centre=request.centre,
        arrived_at=request.arrived_at,
    )


def _has_another_effect(state: SubjectState, request: CommandRequest) -> bool:
    """Whether the command is carried out now, although the same one before left things otherwise.

    That one was refused, and the number has become a client's or a recipient's since. Or it was a
    stop, and an operator has switched notifications on since: no stop is taken for an old one.
    """
    previous = state.previous
    if previous is None or not is_served(request):
        return False
    return previous.refused or (request.command is Command.SMS_STOP and state.notifications_on)


def _repeats_previous(state: SubjectState, request: CommandRequest, policies: Policies) -> bool:
    """Whether this repeats the previous command: redelivered, or sent again by the client.

    The time between them may be negative, because the clocks of two gateways differ.
    """
    previous = state.previous
    return (
        previous is not None
        and previous.command is request.command
        and abs(request.arrived_at - previous.arrived_at)
        <= timedelta(seconds=policies.duplicate_within_s)
        and policies.duplicate_within_s > 0
    )


def _was_redelivered(state: SubjectState, request: CommandRequest, policies: Policies) -> bool:
    """Whether this is the previous command, redelivered because it got no answer.

    During an outage of Kafka or the worker, the SMS centre redelivers an MO for longer than
    a client would repeat it. So the time within which a command counts as a repetition starts
    when the previous one was decided. Both times are by the shared clock, and the difference
    is limited to `COPY_WITHIN`.
    """
    previous, heard = state.previous, request.heard_at
    if previous is None or previous.command is not request.command or heard is None:
        return False
    first = state.heard.get(previous.command)
    if first is None or policies.duplicate_within_s <= 0:
        return False
    within = timedelta(seconds=previous.waited_s + policies.duplicate_within_s)
    return abs(heard - first) <= min(within, COPY_WITHIN)


def _is_late_copy(state: SubjectState, request: CommandRequest) -> bool:
    """Whether this is a delayed copy of a command that was accepted from another copy.

    A gateway received the MO, but its connection broke or the SMS centre timed out before the
    MO was stored. The SMS centre redelivered it through another gateway, then delivered the
    client's next texts, and only then this first copy was stored. It was received before an
    accepted command. An SMS centre does not deliver a person's next text until it has an
    answer to the one before, so the command of this copy was accepted a short time ago.
    """
    heard, accepted = request.heard_at, state.heard.get(request.command)
    if heard is None or accepted is None or abs(heard - accepted) > COPY_WITHIN:
        return False
    return heard <= accepted or heard < max(state.heard.values()) - CLOCK_ERROR


def _limited(state: SubjectState, request: CommandRequest, limit: int) -> Decision:
    reported = state.limit_reported_at
    if reported is not None and reported > request.arrived_at - HOUR:
        return Decision(Disposition.LIMITED)
    event = CommandLimitReached(command=request.command, arrived_at=request.arrived_at, limit=limit)
    return Decision(Disposition.LIMITED, events=(event,))
