"""The commands: how each is spelled, how it is planned, and what its plans need.

Everything that depends on the list of commands derives from `DEFINITIONS`: the parser, the
timeline's list of commands, the templates that have to exist. CONTRIBUTING.md walks through
adding a command.

Invariants, each with a test:

* every `Command` has one definition, and every `Plan` is one that some planner returns;
* a planner returns no plan that its definition doesn't list, and no announced plan.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from inbound.handlers.decision import CommandRequest
from inbound.handlers.policies import Policies
from inbound.handlers.state import SubjectState
from schemas.events import (
    Command,
    DomainEvent,
    Plan,
    SubscriptionStarted,
    SubscriptionStopped,
    is_announced,
)
from schemas.messages import Purpose


@dataclass(frozen=True, slots=True)
class Planned:
    """How one accepted command is fulfilled: the plan and the events it causes.

    Without `confirm` the client gets the acknowledgement and no fulfilment.
    """

    plan: Plan
    events: tuple[DomainEvent, ...] = ()
    confirm: bool = True


Planner = Callable[[SubjectState, CommandRequest, Policies], Planned]


@dataclass(frozen=True, slots=True)
class CommandDefinition:
    """One command. `spelling` is its text as the instruction writes it, in ASCII.

    `plans` are all that `planner` may return. `serves_recipients`: it is carried out for people
    outside the directory, too, once an order for them was accepted.
    """

    command: Command
    spelling: str
    planner: Planner
    plans: frozenset[Plan]
    serves_recipients: bool = False

    @property
    def is_accepted(self) -> bool:
        """Whether texts with this spelling are accepted: not while it is only announced."""
        return not is_announced(self.command)

    @property
    def may_send_registration(self) -> bool:
        """Whether deciding this command may need the client's registration data."""
        return not SENDS_REGISTRATION.isdisjoint(self.plans)


class AnnouncedPlanError(RuntimeError):
    """A planner returned a plan that this release only announces: a bug in the planner."""


def plan_info(state: SubjectState, request: CommandRequest, policies: Policies) -> Planned:
    """Send the registration data, unless the text is so old that the client has tried again."""
    del state
    age_s = (request.decided_at - request.arrived_at).total_seconds()
    stale = age_s > policies.info_max_age_s
    return Planned(Plan.INFO_STALE if stale else Plan.REGISTRATION)


def plan_stop(state: SubjectState, request: CommandRequest, policies: Policies) -> Planned:
    """Switch notifications and broadcasts off. If they are off, confirm by policy."""
    if not state.notifications_on:
        return Planned(Plan.STOPPED, confirm=policies.repeat_in_state == "confirm")
    event = SubscriptionStopped(request_id=request.request_id, at=request.decided_at)
    return Planned(Plan.STOPPED, (event,))


def plan_start(state: SubjectState, request: CommandRequest, policies: Policies) -> Planned:
    """Switch notifications and broadcasts on. If they are on, confirm by policy."""
    if state.notifications_on:
        return Planned(Plan.STARTED, confirm=policies.repeat_in_state == "confirm")
    event = SubscriptionStarted(request_id=request.request_id, at=request.decided_at)
    return Planned(Plan.STARTED, (event,))


DEFINITIONS: Final = (
    CommandDefinition(
        Command.CLIENT_INFO,
        "CLIENT info",
        plan_info,
        frozenset({Plan.REGISTRATION, Plan.INFO_STALE}),
    ),
    CommandDefinition(
        Command.SMS_STOP,
        "CLIENT sms stop",
        plan_stop,
        frozenset({Plan.STOPPED}),
        serves_recipients=True,
    ),
    CommandDefinition(
        Command.SMS_START,
        "CLIENT sms start",
        plan_start,
        frozenset({Plan.STARTED}),
        serves_recipients=True,
    ),
)
"""Every command, announced ones too, in the order in which clients read about them."""

COMMON_PLANS: Final = frozenset({Plan.UNKNOWN_NUMBER})
"""Plans that any command may get."""

SENDS_REGISTRATION: Final = frozenset({Plan.REGISTRATION})
"""Plans whose fulfilment carries the client's registration data, a secret."""

REGISTRATION_FIELDS: Final = frozenset({"personal_code", "login", "password"})

REGISTRATION_REFUSED: Final = "registration_refused"
"""The template of the fulfilment if a request was planned as a registration and then refused."""

TEMPLATE_FIELDS: Final[Mapping[str, frozenset[str]]] = {
    Purpose.ACKNOWLEDGEMENT.value: frozenset(),
    **{
        plan.value: REGISTRATION_FIELDS if plan in SENDS_REGISTRATION else frozenset()
        for plan in Plan
    },
    REGISTRATION_REFUSED: frozenset(),
}
"""The templates that replies need, announced plans included, and the fields each may use."""

_BY_COMMAND: Final = {definition.command: definition for definition in DEFINITIONS}


def definition_of(command: Command) -> CommandDefinition:
    """Return the definition of a command."""
    return _BY_COMMAND[command]


def is_carried_out(command: Command, *, client_known: bool, is_recipient: bool | None) -> bool:
    """Return whether `command` is carried out for a person; for others it is refused.

    Clients may use all, recipients outside the directory those that switch notifications.
    """
    return client_known or (bool(is_recipient) and definition_of(command).serves_recipients)


def is_served(request: CommandRequest) -> bool:
    """Return whether a request is carried out for its person, as far as the directory goes."""
    return is_carried_out(
        request.command, client_known=request.client_known, is_recipient=request.is_recipient
    )


def plan(state: SubjectState, request: CommandRequest, policies: Policies) -> Planned:
    """Return how to fulfil `request`. A person who may not use its command is refused.

    Raises `AnnouncedPlanError`, so that processes of the release before never meet a plan
    they can't read.
    """
    if not is_served(request):
        return Planned(Plan.UNKNOWN_NUMBER)
    planned = definition_of(request.command).planner(state, request, policies)
    if is_announced(planned.plan):
        raise AnnouncedPlanError(
            f"{request.command} was planned as {planned.plan}, which this release only announces"
        )
    return planned
