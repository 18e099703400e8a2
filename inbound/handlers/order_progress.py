"""What an event means for the row of its order. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from schemas.events import (
    DeliveryEvent,
    DomainEvent,
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
from schemas.order_events import OrderCancelled, OrderExpired, OrderRescheduled
from schemas.orders import OrderState

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
    """What became of an order. Without `dispatch` that and its times stay as they are."""

    order_id: UUID
    state: OrderState
    at: datetime
    reason: str | None = None
    dispatch: int | None = None
    due_at: datetime | None = None
    not_after: datetime | None = None


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
    is_open = isinstance(event, MessageUnknown) and not event.final
    if not isinstance(event, _Progress) or event.order_id is None or is_open:
        return None
    reason = event.reason.value if isinstance(event, MessageWithheld) else None
    return OrderChange(event.order_id, _STATES[type(event)], event.at, reason)
