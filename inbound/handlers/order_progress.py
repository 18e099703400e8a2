"""What an event means for the row of its order. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final
from uuid import UUID

from schemas.events import DomainEvent
from schemas.message_events import (
    DeliveryEvent,
    MessageDelivered,
    MessageErased,
    MessageEvent,
    MessageExpired,
    MessageRejected,
    MessageSubmitted,
    MessageUndeliverable,
    MessageUndetermined,
    MessageUnknown,
    MessageWithheld,
)
from schemas.messages import ReceiptState
from schemas.order_events import OrderCancelled, OrderExpired, OrderRefused, OrderRescheduled
from schemas.orders import OrderState, RefusalReason

_STATES: Final[Mapping[type[DomainEvent], OrderState]] = {
    MessageSubmitted: OrderState.SENT,
    MessageRejected: OrderState.REJECTED,
    MessageUnknown: OrderState.UNKNOWN,
    MessageExpired: OrderState.EXPIRED,
    MessageErased: OrderState.ERASED,
    MessageWithheld: OrderState.WITHHELD,
    MessageDelivered: OrderState.DELIVERED,
    MessageUndeliverable: OrderState.UNDELIVERED,
    MessageUndetermined: OrderState.UNKNOWN,
    OrderCancelled: OrderState.CANCELLED,
    OrderExpired: OrderState.EXPIRED,
}
_Progress = MessageEvent | DeliveryEvent | OrderCancelled | OrderExpired


@dataclass(frozen=True, slots=True)
class OrderChange:
    """What happened to an order. Without `dispatch` that and its times stay as they are.

    `unsent` True: it ended without having been submitted, so its price and its place in the limits
    are given back. False: it was submitted all the same, after that. None: neither. `receipt` is
    the state in the receipt that decided the outcome, `error` the SMS centre's own code in it.
    """

    order_id: UUID
    state: OrderState
    at: datetime
    reason: str | None = None
    dispatch: int | None = None
    due_at: datetime | None = None
    not_after: datetime | None = None
    unsent: bool | None = None
    error: str | None = None
    receipt: ReceiptState | None = None


def refused_state(event: OrderRefused) -> OrderState:
    """Return the state of an order that was refused, when it was placed or when it was due.

    The message to a recipient of a broadcast who opted out after its audience was loaded is
    withheld, whenever that was: its author couldn't know.
    """
    is_withheld = event.broadcast_id is not None and event.reason is RefusalReason.OPTED_OUT
    return OrderState.WITHHELD if is_withheld else OrderState.REFUSED


def change_of(event: DomainEvent) -> OrderChange | None:
    """Return what an event changes about its order; None if it has none or changes nothing."""
    if isinstance(event, OrderRescheduled):
        return OrderChange(
            event.order_id,
            OrderState.SCHEDULED,
            event.at,
            dispatch=event.dispatch,
            due_at=event.due_at,
            not_after=event.not_after,
        )
    if isinstance(event, OrderRefused):  # an order that had been accepted
        state, at = refused_state(event), event.facts.decided_at
        return OrderChange(event.order_id, state, at, event.reason.value, unsent=True)
    is_open = isinstance(event, MessageUnknown) and not event.final
    if not isinstance(event, _Progress) or event.order_id is None or is_open:
        return None
    reason = event.reason.value if isinstance(event, MessageWithheld) else None
    state, unsent = _STATES[type(event)], _ended_unsent(event)
    change = OrderChange(event.order_id, state, event.at, reason, unsent=unsent)
    if isinstance(event, DeliveryEvent):
        return replace(change, error=event.error, receipt=event.state)
    return change


def _ended_unsent(event: DomainEvent) -> bool | None:
    """Whether an order ended without an attempt that may have reached an SMS centre."""
    match event:
        case OrderCancelled() | OrderExpired():
            return True
        case MessageExpired() | MessageWithheld() | MessageErased():
            was_taken = any(part.smsc_message_id is not None for part in event.parts)
            unanswered = any(one.status is None for one in event.attempts or ())
            is_first = event.attempt == 1 and not event.attempts_left_out
            return (is_first and not was_taken and not unanswered) or None
    return None
