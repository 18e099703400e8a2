"""Deciding one command of one subject: accept it, or say why it is none.

An accepted command yields its acknowledgement only. The fulfilment is owed once the
acknowledgement has met its fate (see `inbound.handlers.results`): so the two never
overtake each other, whichever gateway, bind or lane they take.
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
from inbound.handlers.definitions import SENDS_REGISTRATION, plan
from inbound.handlers.policies import Policies
from inbound.handlers.state import HOUR, SubjectState
from schemas.events import CommandLimitReached, Facts, RequestAccepted
from schemas.messages import Purpose

COPY_WITHIN: Final = timedelta(minutes=10)
"""Longer than a centre waits before it delivers an unanswered text again."""

CLOCK_ERROR: Final = timedelta(seconds=0.2)
"""More than two gateways' readings of the shared clock differ by."""


def decide_command(state: SubjectState, request: CommandRequest, policies: Policies) -> Decision:
    """Return what `request` means for a subject in `state`. Pure: same input, same answer."""
    if (
        _repeats_previous(state, request, policies)
        or _came_through_an_outage(state, request, policies)
        or _was_overtaken(state, request)
    ):
        return Decision(Disposition.DUPLICATE)
    if not request.client_known and policies.unknown_number == "silent":
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
        ),
        plan=planned.plan,
        confirm=planned.confirm,
        arrival=request.arrival,
    )
    return Decision(
        Disposition.ACCEPTED,
        events=(accepted, *planned.events),
        replies=(_acknowledgement(request),),
        secret_for=message_id(request.request_id, Purpose.FULFILMENT)
        if planned.plan in SENDS_REGISTRATION
        else None,
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


def _repeats_previous(state: SubjectState, request: CommandRequest, policies: Policies) -> bool:
    """Whether this is the previous command once more: a redelivery, or an impatient thumb.

    The distance counts both ways, because two gateways' clocks differ.
    """
    previous = state.previous
    return (
        previous is not None
        and previous.command is request.command
        and abs(request.arrived_at - previous.arrived_at)
        <= timedelta(seconds=policies.duplicate_within_s)
        and policies.duplicate_within_s > 0
    )


def _came_through_an_outage(
    state: SubjectState, request: CommandRequest, policies: Policies
) -> bool:
    """Whether this is the previous command, delivered again because that one had no answer.

    While Kafka or the worker is away nobody is answered, and the centre delivers a text again
    and again, for longer than a client would repeat it. So the time within which a command is
    a repetition begins when the one before it was decided, as far as that can be measured
    by one clock: what the wall clocks of two machines say is bounded.
    """
    previous, heard = state.previous, request.heard_at
    if previous is None or previous.command is not request.command or heard is None:
        return False
    first = state.heard.get(previous.command)
    if first is None or policies.duplicate_within_s <= 0:
        return False
    within = timedelta(seconds=previous.waited_s + policies.duplicate_within_s)
    return abs(heard - first) <= min(within, COPY_WITHIN)


def _was_overtaken(state: SubjectState, request: CommandRequest) -> bool:
    """Whether this is a copy that was held up while another one went ahead.

    A gateway had the text, and its link broke or the centre lost patience before it was
    stored; the centre delivered it again through another gateway, and after that the
    client's next texts, before this copy got through. It was heard before something that
    has been accepted, and a centre does not deliver a person's next text before the one
    before it was taken: so its command has been accepted, not long ago.
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
