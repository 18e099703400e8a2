"""The state of one subject: folded from its events alone."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final
from uuid import UUID

from pydantic import ConfigDict, TypeAdapter, ValidationError, with_config

from schemas.base import UtcTime
from schemas.events import (
    Command,
    CommandLimitReached,
    DomainEvent,
    Plan,
    RequestAccepted,
    RequestCompleted,
    SubscriptionRestored,
    SubscriptionStarted,
    SubscriptionStopped,
)
from schemas.message_events import MessageEvent, MessageExpired, MessageUnknown, MessageWithheld
from schemas.messages import Purpose
from schemas.order_events import (
    OrderAccepted,
    OrderCancelled,
    OrderExpired,
    OrderRefused,
    OrderRescheduled,
)
from schemas.reading import CACHED
from schemas.registration_events import RegistrationHeld, RegistrationRefused, RegistrationReleased
from schemas.sending_hours import SendingHours

STATE_VERSION = 10
"""Raised when the fold changes. A stored state of another version is folded again."""

HOUR = timedelta(hours=1)


class Stage(StrEnum):
    """Which of its two messages an open request waits for."""

    ACKNOWLEDGING = "acknowledging"
    FULFILLING = "fulfilling"


class Gate(StrEnum):
    """Whether the registration data of an open request may be sent."""

    OPEN = "open"
    HELD = "held"
    REFUSED = "refused"


_GATES: Final[Mapping[type[DomainEvent], Gate]] = {
    RegistrationHeld: Gate.HELD,
    RegistrationReleased: Gate.OPEN,
    RegistrationRefused: Gate.REFUSED,
}


@dataclass(frozen=True, slots=True)
class OpenRequest:
    """A request between its acceptance and its final state.

    `unknown_attempts` is the number of the last attempt with an unknown outcome, of the message
    it waits for. The log has an event of every attempt up to it.
    """

    plan: Plan
    centre: str
    arrived_at: UtcTime
    confirm: bool = True
    stage: Stage = Stage.ACKNOWLEDGING
    unknown_attempts: int = 0
    gate: Gate = Gate.OPEN


@dataclass(frozen=True, slots=True)
class OpenOrder:
    """An accepted order between its acceptance and the final result of its message.

    `dispatch` is the number of its message, `unknown_attempts` as in `OpenRequest`. The message is
    not sent after `not_after`; the order expires at `last_at`.
    """

    last_at: UtcTime
    not_after: UtcTime
    hours: SendingHours | None = None
    dispatch: int = 1
    unknown_attempts: int = 0
    account: str = ""


@dataclass(frozen=True, slots=True)
class UnsentOrder:
    """The order whose message came back unsent last, with its account: it may get another one."""

    order_id: UUID
    account: str


@dataclass(frozen=True, slots=True)
class Previous:
    """The latest accepted command. `waited_s` is how long it waited for its decision.

    `refused`: its number was neither a client's nor a recipient's.
    """

    command: Command
    arrived_at: UtcTime
    waited_s: float = 0.0
    refused: bool = False


@with_config(ConfigDict(cache_strings=CACHED))
@dataclass(frozen=True, slots=True)
class SubjectState:
    """What the next decision needs. Its size doesn't grow with the history.

    `heard` is when each command last arrived, by the clock that all gateways share.
    `is_recipient`: an order for this person was accepted, or notifications were switched off; from
    then on the person may switch them, in the directory or not.
    """

    notifications_on: bool = True
    previous: Previous | None = None
    accepted_at: tuple[UtcTime, ...] = ()
    limit_reported_at: UtcTime | None = None
    open: Mapping[UUID, OpenRequest] = field(default_factory=dict)
    heard: Mapping[Command, UtcTime] = field(default_factory=dict)
    orders: Mapping[UUID, OpenOrder] = field(default_factory=dict)
    unsent: UnsentOrder | None = None
    is_recipient: bool = False

    def waiting_of(self, account: str) -> int:
        """Return how many of the open orders are this account's."""
        return sum(order.account == account for order in self.orders.values())

    def accepted_in_hour_before(self, moment: datetime) -> int:
        """Return how many commands were accepted in the hour before `moment`."""
        return sum(accepted > moment - HOUR for accepted in self.accepted_at)


_JSON = TypeAdapter(SubjectState)


def read_state(data: bytes) -> SubjectState:
    """Return a stored state of this `STATE_VERSION`."""
    return _JSON.validate_json(data)


def stored_state(state_version: int, data: bytes) -> SubjectState | None:
    """Return a stored state, None if it has to be folded again: another version, or damaged."""
    if state_version != STATE_VERSION:
        return None
    try:
        return read_state(data)
    except ValidationError:
        return None


def write_state(state: SubjectState) -> bytes:
    """Return a state as JSON to be stored."""
    return _JSON.dump_json(state, exclude_defaults=True)


def evolve(  # noqa: PLR0911 — a case for each kind of event
    state: SubjectState, event: DomainEvent
) -> SubjectState:
    """Return the state after `event`."""
    match event:
        case RequestAccepted():
            return _accepted(state, event)
        case SubscriptionStopped() | SubscriptionStarted() | SubscriptionRestored():
            off = isinstance(event, SubscriptionStopped)
            return replace(state, notifications_on=not off, is_recipient=state.is_recipient or off)
        case RegistrationHeld() | RegistrationReleased() | RegistrationRefused():
            state = _gated(state, event)
        case CommandLimitReached():
            return replace(state, limit_reported_at=event.arrived_at)
        case MessageEvent() if event.order_id is not None:
            return _message_of_order(state, event, event.order_id)
        case MessageEvent():
            return _message(state, event)
        case OrderAccepted() | OrderRescheduled() | OrderCancelled() | OrderExpired():
            return _order(state, event)
        case OrderRefused() if event.order_id in state.orders:  # it had been accepted
            return _without_order(state, event.order_id)
        case RequestCompleted():
            still_open = {id_: r for id_, r in state.open.items() if id_ != event.request_id}
            return replace(state, open=still_open)
    return state


def _accepted(state: SubjectState, event: RequestAccepted) -> SubjectState:
    recent = tuple(at for at in state.accepted_at if at > event.arrived_at - HOUR)
    request = OpenRequest(
        plan=event.plan, centre=event.centre, arrived_at=event.arrived_at, confirm=event.confirm
    )
    heard_at = event.arrival.heard_at if event.arrival else None
    return replace(
        state,
        heard={**state.heard, event.command: heard_at} if heard_at else state.heard,
        previous=Previous(
            command=event.command,
            arrived_at=event.arrived_at,
            waited_s=round((event.facts.decided_at - event.arrived_at).total_seconds(), 3),
            refused=event.plan is Plan.UNKNOWN_NUMBER,
        ),
        accepted_at=(*recent, event.arrived_at),
        open={**state.open, event.request_id: request},
    )


def _gated(
    state: SubjectState, event: RegistrationHeld | RegistrationReleased | RegistrationRefused
) -> SubjectState:
    request = state.open.get(event.request_id)
    if request is None:
        return state
    changed = replace(request, gate=_GATES[type(event)])
    return replace(state, open={**state.open, event.request_id: changed})


def _message(state: SubjectState, event: MessageEvent) -> SubjectState:
    request = state.open.get(event.request_id) if event.request_id else None
    if request is None or event.request_id is None:
        return state
    if (event.purpose is Purpose.ACKNOWLEDGEMENT) != (request.stage is Stage.ACKNOWLEDGING):
        return state  # a late result: the request has moved on
    if isinstance(event, MessageUnknown) and not event.final:
        # Results of two gateways may come in any order.
        known = max(event.attempt, request.unknown_attempts)
        request = replace(request, unknown_attempts=known)
    elif event.purpose is Purpose.ACKNOWLEDGEMENT:
        request = replace(request, stage=Stage.FULFILLING, unknown_attempts=0)
    return replace(state, open={**state.open, event.request_id: request})


def _order(
    state: SubjectState, event: OrderAccepted | OrderRescheduled | OrderCancelled | OrderExpired
) -> SubjectState:
    match event:
        case OrderAccepted():
            state = replace(state, is_recipient=True)
            order = OpenOrder(event.last_at, event.not_after, event.hours, account=event.account)
        case OrderRescheduled():
            order = OpenOrder(
                *(event.last_at, event.not_after, event.hours, event.dispatch),
                account=_account_of(state, event.order_id),
            )
            state = replace(state, unsent=None)
        case OrderCancelled() | OrderExpired():
            return _without_order(state, event.order_id)
    return _with_order(state, event.order_id, order)


def _message_of_order(state: SubjectState, event: MessageEvent, order_id: UUID) -> SubjectState:
    order = state.orders.get(order_id)
    if order is None:
        return state
    if isinstance(event, MessageUnknown) and not event.final:
        known = max(event.attempt, order.unknown_attempts)
        return _with_order(state, order_id, replace(order, unknown_attempts=known))
    if isinstance(event, MessageExpired | MessageWithheld):
        state = replace(state, unsent=UnsentOrder(order_id, order.account))
    return _without_order(state, order_id)


def _account_of(state: SubjectState, order_id: UUID) -> str:
    """Return the account of the order that gets another message."""
    if (order := state.orders.get(order_id)) is not None:
        return order.account
    unsent = state.unsent
    return unsent.account if unsent is not None and unsent.order_id == order_id else ""


def _with_order(state: SubjectState, order_id: UUID, order: OpenOrder) -> SubjectState:
    return replace(state, orders={**state.orders, order_id: order})


def _without_order(state: SubjectState, order_id: UUID) -> SubjectState:
    still_open = {id_: order for id_, order in state.orders.items() if id_ != order_id}
    return replace(state, orders=still_open)
