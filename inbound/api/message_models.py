"""Models of the answers about messages: whether they were placed, their state and history."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from pydantic import Field, RootModel

from inbound.api.examples import ORDER
from inbound.api.models import AMOUNT, CurrentAnswer, ResponseModel, example
from inbound.api.problems import TEMPORARY_MEANS, ProblemKind, Refusal
from inbound.api.timelines import Timelines
from inbound.handlers.order_progress import change_of, refused_state
from inbound.money import amount_text
from inbound.orders.ports import Placed
from inbound.orders.refusals import TEMPORARY, explain_to_program
from inbound.parsers.numbers import mask
from inbound.store.orders.lookup import FoundOrder
from schemas.base import UtcTime
from schemas.domain_event import DomainEvent
from schemas.events import PersonErased
from schemas.message_events import DeliveryEvent, MessageEvent
from schemas.order_events import OrderAccepted, OrderRefused, OrderRescheduled
from schemas.orders import Order, OrderKind, OrderState, RefusalReason, WithheldReason

REASON_MEANS: Final = "why it was `refused` (a `RefusalReason`) or `withheld`: " + "; ".join(
    f"`{one}`: {one.meaning}" for one in WithheldReason
)
_LIKE_A_NUMBER: Final = 7


class PlacedMessage(ResponseModel):
    """A message that was accepted; in the answer to a list also one that was refused."""

    model_config = example({"id": ORDER, "state": "queued", "parts": 1})

    id: UUID
    state: OrderState = Field(description="`queued`, `scheduled`, or in a list `refused`")
    parts: int = Field(description="SMS parts of the text")
    reason: RefusalReason | None = Field(default=None, description="why it was refused")
    temporary: bool | None = Field(default=None, description=TEMPORARY_MEANS)
    detail: str | None = Field(default=None, description="the reason in words, and the fix")

    @classmethod
    def of(cls, order: Order, placed: Placed) -> "PlacedMessage":
        """Return the answer to one order."""
        return cls(
            id=placed.order_id,
            state=OrderState(placed.state),
            parts=placed.parts,
            reason=placed.reason,
            temporary=None if placed.reason is None else placed.reason in TEMPORARY,
            detail=None if placed.reason is None else _detail(order, placed),
        )


class PlacedMessages(RootModel[PlacedMessage | list[PlacedMessage]]):
    """The answer to one message, or one for each of a list, in the same order."""

    model_config = example(
        [
            {"id": ORDER, "state": "queued", "parts": 1},
            {
                "id": "e2f3b0a4-2a51-4d5b-8f6d-0d2b8f0c7a15",
                "state": "refused",
                "parts": 1,
                "reason": "opted_out",
                "temporary": False,
                "detail": "the recipient has switched notifications off; they come back when the "
                "client texts CLIENT sms start, and service messages are sent all the same",
            },
        ]
    )


class HistoryItem(ResponseModel):
    """One step of a message's history."""

    at: UtcTime
    event: str = Field(description="type of the event on `sms.events.v1`")
    state: OrderState = Field(description="the state from then on")
    reason: str | None = Field(default=None, description=REASON_MEANS)
    attempt: int | None = Field(default=None, description="number of the attempt to send it")
    error: str | None = Field(default=None, description="the SMS centre's error code")
    due_at: UtcTime | None = Field(default=None, description="when it is to be sent")


class MessageReport(ResponseModel):
    """What happened to a message. What does not apply is absent."""

    id: UUID
    state: OrderState = Field(description="its state now")
    parts: int = Field(description="SMS parts of the text")
    kind: OrderKind
    to: str | None = Field(
        default=None,
        description="the number, masked unless revealed; absent if it is unknown or was erased",
    )
    template: str = Field(description="`text` for a message with its own text")
    template_version: int | None = None
    sender: str | None = Field(default=None, description="absent: the service's own")
    reason: str | None = Field(default=None, description=REASON_MEANS)
    price: str | None = Field(default=None, description=f"what the account paid: {AMOUNT}")
    currency: str | None = Field(
        default=None, description="of `price`: that of the account at that time"
    )
    refunded: bool | None = Field(
        default=None,
        description="true: it ended unsent, and its price and its place in the limits were "
        "given back",
    )
    created_at: UtcTime
    changed_at: UtcTime = Field(description="when its state last changed")
    due_at: UtcTime | None = Field(
        default=None,
        description="when it is to be sent, while it is scheduled",
    )
    expires_at: UtcTime | None = Field(default=None, description="when it expires")
    broadcast_id: UUID | None = None
    comment: str | None = Field(
        default=None, description="what its program wrote for itself, over SMPP; it was not sent"
    )

    @classmethod
    def values_of(
        cls, found: FoundOrder, number: str | None, *, is_revealed: bool = False
    ) -> dict[str, Any]:
        """Return the values of these fields for an order. Record a reveal first."""
        return {
            "id": found.order_id,
            "state": OrderState(found.state),
            "parts": found.parts,
            "kind": OrderKind(found.kind),
            "to": number if number is None or is_revealed else mask(number),
            "template": found.template,
            "template_version": found.template_version,
            "sender": found.sender,
            "reason": found.reason,
            "price": None if found.price is None else amount_text(found.price),
            "currency": found.currency,
            "refunded": found.refunded or None,
            "created_at": found.created_at,
            "changed_at": found.changed_at,
            "due_at": found.due_at,
            "expires_at": found.last_at,
            "broadcast_id": found.broadcast_id,
        }


_REPORT: Final[dict[str, Any]] = {
    "id": ORDER,
    "state": "delivered",
    "parts": 1,
    "kind": "notification",
    "to": "+7916*****67",
    "template": "text",
    "created_at": "2024-05-17T12:00:00.100000Z",
    "changed_at": "2024-05-17T12:00:02.500000Z",
    "expires_at": "2024-05-18T12:00:00.100000Z",
}
_HISTORY: Final = [
    {"at": "2024-05-17T12:00:00.100000Z", "event": "order.accepted", "state": "queued"},
    {
        "at": "2024-05-17T12:00:00.160000Z",
        "event": "message.submitted",
        "state": "sent",
        "attempt": 1,
    },
    {"at": "2024-05-17T12:00:02.500000Z", "event": "message.delivered", "state": "delivered"},
]
_AS_OF: Final[dict[str, Any]] = {"as_of": "2024-05-17T12:01:00Z", "pending": []}


class ListedMessage(MessageReport):
    """One message of a page."""

    model_config = example(_REPORT)


class FullMessageReport(MessageReport, CurrentAnswer):
    """What happened to a message, and every step of its history."""

    model_config = example({**_REPORT, "history": _HISTORY, **_AS_OF})

    history: list[HistoryItem]


class MessageLookUp(RootModel[FullMessageReport | Timelines]):
    """By the id of a message that was sent for the account; or by any other id, timelines."""

    model_config = example({**_REPORT, "history": _HISTORY, **_AS_OF})


def refusal_of_order(order: Order, placed: Placed) -> Refusal:
    """Return the problem that answers a refused order."""
    return Refusal(
        ProblemKind.REFUSED,
        _detail(order, placed),
        reason=placed.reason,
        message_id=placed.order_id,
        is_temporary=placed.reason in TEMPORARY,
    )


def _detail(order: Order, placed: Placed) -> str:
    # A number in the place of the sender must not end up in the caller's log.
    if order.sender is not None and sum(map(str.isdigit, order.sender)) >= _LIKE_A_NUMBER:
        order = order.model_copy(update={"sender": mask(order.sender)})
    return explain_to_program(order, placed)


def history_of(order: FoundOrder, events: Sequence[DomainEvent]) -> list[HistoryItem]:
    """Return the steps of an order's events.

    The event of an erasure names no order, so the end of a scheduled one comes from its row.
    """
    items: list[HistoryItem] = []
    state = OrderState.QUEUED
    for event in events:
        change = change_of(event)
        state = _first_state(event) or (change.state if change else state)
        due_at = None
        if state is OrderState.SCHEDULED and isinstance(event, OrderAccepted | OrderRescheduled):
            due_at = event.due_at
        items.append(
            HistoryItem(
                at=_moment(event),
                event=event.TYPE,
                state=state,
                reason=getattr(event, "reason", None),
                attempt=event.attempt if isinstance(event, MessageEvent) else None,
                error=event.error if isinstance(event, DeliveryEvent) else None,
                due_at=due_at,
            )
        )
    if order.state == OrderState.ERASED and state is not OrderState.ERASED:
        items.append(
            HistoryItem(at=order.changed_at, event=PersonErased.TYPE, state=OrderState.ERASED)
        )
    return items


def _first_state(event: DomainEvent) -> OrderState | None:
    match event:
        case OrderRefused():
            return refused_state(event)
        case OrderAccepted():
            is_due = event.due_at <= event.facts.decided_at
            return OrderState.QUEUED if is_due else OrderState.SCHEDULED
    return None


def _moment(event: DomainEvent) -> datetime:
    if isinstance(event, OrderAccepted | OrderRefused):
        return event.facts.decided_at
    at: datetime = event.at  # type: ignore[attr-defined]  # all others have it
    return at
