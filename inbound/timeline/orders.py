"""Groups the events of one subject by order. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol
from uuid import UUID

from inbound.handlers.order_progress import change_of
from inbound.handlers.orders import FIRST_DISPATCH, dispatched_message_id
from inbound.timeline.incidents import Switch
from inbound.timeline.requests import TimelineEvent
from schemas.events import PersonErased
from schemas.message_events import DeliveryEvent, MessageEvent, MessageWithheld
from schemas.messages import Purpose
from schemas.order_events import (
    OrderAccepted,
    OrderCancelled,
    OrderDecided,
    OrderExpired,
    OrderRefused,
    OrderRescheduled,
)
from schemas.orders import WAITING, OrderKind, OrderState, RefusalReason, WithheldReason

OrderEvent = (
    OrderDecided | OrderRescheduled | OrderCancelled | OrderExpired | MessageEvent | DeliveryEvent
)


class WaitingOrder(Protocol):
    """The stored row of an order: whether it waits for its time, and until when.

    With the name of its broadcast, whether that is paused, the currency of its account, and the
    keyed digest of its text, which is the same for every order with this text.
    """

    @property
    def order_id(self) -> UUID: ...  # noqa: D102
    @property
    def state(self) -> OrderState: ...  # noqa: D102
    @property
    def changed_at(self) -> datetime: ...  # noqa: D102
    @property
    def due_at(self) -> datetime | None: ...  # noqa: D102
    @property
    def broadcast(self) -> str | None: ...  # noqa: D102
    @property
    def currency(self) -> str | None: ...  # noqa: D102
    @property
    def is_paused(self) -> bool: ...  # noqa: D102
    @property
    def text_digest(self) -> bytes: ...  # noqa: D102


@dataclass(slots=True, eq=False)
class OrderHistory:
    """One order and its events in order; the first is the decision about it.

    `stop` is the switch by which notifications were off when it was refused or withheld for that;
    the reader finds it, None if it is not known.
    """

    stream_id: UUID
    decided: OrderDecided
    trace_id: str | None
    events: list[TimelineEvent] = field(default_factory=list)
    stop: Switch | None = None

    @property
    def id(self) -> UUID:
        """Its id."""
        return self.decided.order_id

    @property
    def at(self) -> datetime:
        """When it was decided."""
        return self.decided.facts.decided_at

    @property
    def subject_id(self) -> UUID | None:
        """The subject, None for an order to nobody: its events have a stream of its own."""
        return None if self.stream_id == self.decided.order_id else self.stream_id

    @property
    def opted_out_before(self) -> int | None:
        """The version of the event by which it was not sent because of the opt-out."""
        for one in self.events:
            event = one.event
            refused = isinstance(event, OrderRefused) and event.reason is RefusalReason.OPTED_OUT
            withheld = (
                isinstance(event, MessageWithheld) and event.reason is WithheldReason.OPTED_OUT
            )
            if refused or withheld:
                return one.version
        return None

    @property
    def is_open(self) -> bool:
        """Whether its events say that it waits for its time or for the result of its message."""
        changes = [change for one in self.events if (change := change_of(one.event))]
        return isinstance(self.decided, OrderAccepted) and all(
            change.state in WAITING for change in changes
        )

    @property
    def purpose(self) -> Purpose:
        """The purpose of its messages."""
        is_broadcast = self.decided.kind is OrderKind.BROADCAST
        return Purpose.BROADCAST if is_broadcast else Purpose.NOTIFICATION

    @property
    def message_id(self) -> UUID:
        """The id of its last message."""
        moved = (e for one in reversed(self.events) if isinstance(e := one.event, OrderRescheduled))
        last = next(moved, None)
        dispatch = last.dispatch if last else FIRST_DISPATCH
        return dispatched_message_id(self.decided.order_id, dispatch)

    @property
    def last_at(self) -> datetime | None:
        """When it expires, None if it was refused."""
        events = (one.event for one in reversed(self.events))
        return next(
            (e.last_at for e in events if isinstance(e, OrderAccepted | OrderRescheduled)), None
        )

    def results(self, message_id: UUID) -> list[MessageEvent]:
        """Return the submit results of one of its messages; one that withheld it doesn't count."""
        events = (one.event for one in self.events)
        return [
            event
            for event in events
            if isinstance(event, MessageEvent)
            and not isinstance(event, MessageWithheld)
            and event.message_id == message_id
        ]

    def is_withheld(self, message_id: UUID) -> bool:
        """Whether one of its messages was held back when it was to be submitted."""
        events = (one.event for one in self.events)
        return any(isinstance(e, MessageWithheld) and e.message_id == message_id for e in events)

    @property
    def refused(self) -> OrderRefused | None:
        """The event that refused it, perhaps after it had been accepted."""
        events = (one.event for one in self.events)
        return next((event for event in events if isinstance(event, OrderRefused)), None)

    def delivery(self) -> DeliveryEvent | None:
        """Return its delivery outcome, None while it is unknown."""
        events = (one.event for one in self.events)
        return next((event for event in events if isinstance(event, DeliveryEvent)), None)


def group_orders(events: Iterable[TimelineEvent]) -> list[OrderHistory]:
    """Return the orders in the order of their decisions.

    `events` are those of one stream in order. Events of an order whose decision is not among
    them are ignored.
    """
    orders: dict[UUID, OrderHistory] = {}
    for recorded in events:
        event = recorded.event
        if isinstance(event, OrderDecided) and event.order_id not in orders:
            order = OrderHistory(recorded.stream_id, event, recorded.trace_id, [recorded])
            orders[event.order_id] = order
        elif isinstance(event, PersonErased):
            for order in orders.values():
                if order.is_open:
                    order.events.append(recorded)
        elif isinstance(event, OrderEvent) and event.order_id in orders:
            orders[event.order_id].events.append(recorded)
    return list(orders.values())
