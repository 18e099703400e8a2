"""The events of orders. What happens to their messages is told by the events of messages.

They stand in the stream of the person. An order that leads to nobody has a stream of its own,
with the order's id.
"""

from typing import Annotated
from uuid import UUID

from pydantic import Field

from schemas.base import UtcTime
from schemas.channels import Channel
from schemas.domain_event import DomainEvent
from schemas.order_facts import Money, OrderFacts
from schemas.orders import AccountName, OrderKind, RefusalReason
from schemas.sending_hours import SendingHours

OrderId = Annotated[UUID, Field(description="the order")]


class OrderDecided(DomainEvent):
    """Root of the two decisions about an order: what was ordered, and what was known."""

    order_id: OrderId
    account: AccountName = Field(description="the account that ordered it")
    kind: OrderKind = Field(description="what it is for; a service message ignores the opt-out")
    template: str = Field(description="the name of its template; `text` if it had its own text")
    template_version: int | None = Field(default=None, description="which version of it")
    language: str | None = Field(default=None, description="the language of its text")
    sender: str | None = Field(default=None, description="absent: the service's own")
    parts: int = Field(description="how many SMS parts the text needs")
    not_before: UtcTime | None = Field(default=None, description="as ordered")
    expires_at: UtcTime | None = Field(default=None, description="as ordered")
    hours: SendingHours | None = Field(default=None, description="when it may be sent")
    broadcast_id: UUID | None = Field(default=None, description="the broadcast it belongs to")
    channel: Channel | None = Field(default=None, description="absent: it is a text message")
    facts: OrderFacts = Field(description="what was known when it was decided")


class OrderAccepted(OrderDecided):
    """An order was accepted. Its message is sent from `due_at` on and not after `not_after`."""

    TYPE = "order.accepted"

    due_at: UtcTime = Field(description="when its message may be sent: now, or later")
    not_after: UtcTime = Field(description="the end of the sending hours, or `last_at` if earlier")
    last_at: UtcTime = Field(description="when the order expires")
    price: Money | None = Field(default=None, description="what the account paid")


class OrderRefused(OrderDecided):
    """An order was refused; nothing is sent."""

    TYPE = "order.refused"

    reason: RefusalReason = Field(description="the first reason that applies")


class OrderRescheduled(DomainEvent):
    """The message of an order was not sent in time or was held back; the order stays open.

    It gets another message. Without `due_at` it waits until its broadcast is resumed.
    """

    TYPE = "order.rescheduled"

    order_id: OrderId
    dispatch: int = Field(description="the number of the message that is to be sent; from 1")
    due_at: UtcTime | None = Field(default=None, description="when that may be sent")
    not_after: UtcTime = Field(description="as in `order.accepted`")
    last_at: UtcTime = Field(description="when the order expires")
    hours: SendingHours | None = Field(default=None, description="when it may be sent")
    at: UtcTime = Field(description="when that was decided")


class OrderCancelled(DomainEvent):
    """An order was cancelled before its message was sent; nothing is sent.

    A message that a gateway has just claimed may still be sent; then its result follows.
    """

    TYPE = "order.cancelled"

    order_id: OrderId
    at: UtcTime = Field(description="when it was cancelled")


class OrderExpired(DomainEvent):
    """An order expired while it waited to be sent, for example during an outage."""

    TYPE = "order.expired"

    order_id: OrderId
    at: UtcTime = Field(description="when that was noticed")


ORDER_EVENTS: tuple[type[DomainEvent], ...] = (
    OrderAccepted,
    OrderRefused,
    OrderRescheduled,
    OrderCancelled,
    OrderExpired,
)
