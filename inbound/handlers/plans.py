"""How each command is fulfilled: one small function per command.

A plan says which reply follows the acknowledgement and which events the command causes.
A new command is one entry here, one in the parser and one in the templates.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from inbound.handlers.decision import CommandRequest
from inbound.handlers.policies import Policies
from inbound.handlers.state import SubjectState
from schemas.events import Command, DomainEvent, Plan, SubscriptionStarted, SubscriptionStopped


@dataclass(frozen=True, slots=True)
class Planned:
    """The fulfilment of one accepted command."""

    plan: Plan
    events: tuple[DomainEvent, ...] = ()
    confirm: bool = True


Planner = Callable[[SubjectState, CommandRequest, Policies], Planned]


def plan_info(state: SubjectState, request: CommandRequest, policies: Policies) -> Planned:
    """Registration data, unless the text is so old that the client has long tried again."""
    del state
    age_s = (request.decided_at - request.arrived_at).total_seconds()
    stale = age_s > policies.info_max_age_s
    return Planned(Plan.INFO_STALE if stale else Plan.REGISTRATION)


def plan_stop(state: SubjectState, request: CommandRequest, policies: Policies) -> Planned:
    """Notifications and broadcasts off; confirmed again when they are off already."""
    if not state.notifications_on:
        return Planned(Plan.STOPPED, confirm=policies.repeat_in_state == "confirm")
    event = SubscriptionStopped(request_id=request.request_id, at=request.decided_at)
    return Planned(Plan.STOPPED, (event,))


def plan_start(state: SubjectState, request: CommandRequest, policies: Policies) -> Planned:
    """Notifications and broadcasts on; confirmed again when they are on already."""
    if state.notifications_on:
        return Planned(Plan.STARTED, confirm=policies.repeat_in_state == "confirm")
    event = SubscriptionStarted(request_id=request.request_id, at=request.decided_at)
    return Planned(Plan.STARTED, (event,))


PLANNERS: Mapping[Command, Planner] = {
    Command.CLIENT_INFO: plan_info,
    Command.SMS_STOP: plan_stop,
    Command.SMS_START: plan_start,
}


def plan(state: SubjectState, request: CommandRequest, policies: Policies) -> Planned:
    """Return how to fulfil `request`. A number that is not in the directory is refused."""
    if not request.client_known:
        return Planned(Plan.UNKNOWN_NUMBER)
    return PLANNERS[request.command](state, request, policies)
