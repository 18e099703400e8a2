"""The events of messages: the result of submitting one, and its delivery outcome."""

from typing import Annotated
from uuid import UUID

from pydantic import Field

from schemas.base import CentreTime, UtcTime
from schemas.domain_event import DomainEvent, RequestId
from schemas.messages import PartResult, Purpose, ReceiptState, SubmitAttempt
from schemas.orders import WithheldReason

CentreName = Annotated[str, Field(description="the SMS centre, by its name in the settings")]
Bind = Annotated[str, Field(description="the connection to it, by its name in the settings")]


class MessageEvent(DomainEvent):
    """The result of submitting one message.

    Of many `attempts` the first and the last ones are listed.
    """

    message_id: UUID = Field(description="the message, the same in all its attempts")
    request_id: RequestId | None = None
    order_id: UUID | None = Field(default=None, description="the order that it fulfils")
    purpose: Purpose
    template: str = Field(description="the name of the text in the templates")
    attempt: int = Field(description="counts up from 1")
    parts: tuple[PartResult, ...] = Field(
        default=(), description="the SMS centre's answer to each part, in their order"
    )
    attempts: tuple[SubmitAttempt, ...] | None = Field(
        default=None,
        description="submits since the message's previous event that had no final answer, in order",
    )
    attempts_left_out: int | None = Field(
        default=None,
        description="how many more there were, between those listed",
    )
    centre: CentreName
    bind: Bind
    gateway: str | None = Field(default=None, description="the gateway that sent it or gave up")
    sent_at: UtcTime | None = Field(
        default=None,
        description="when the first part of this attempt was sent; absent when nothing was sent",
    )
    at: UtcTime = Field(description="when the gateway knew the result")


class MessageSubmitted(MessageEvent):
    """The SMS centre accepted every part and returned an id for each."""

    TYPE = "message.submitted"


class MessageRejected(MessageEvent):
    """The SMS centre refused a part permanently; `parts` has the status of each."""

    TYPE = "message.rejected"


class MessageUnknown(MessageEvent):
    """A part was sent and not answered: the client may or may not have received it.

    An attempt that no gateway reported counts as one, because it may have been sent.
    """

    TYPE = "message.unknown"

    final: bool = Field(description="false when the template's policy sends it again")
    inferred_from: int | None = Field(
        default=None,
        description="the later attempt whose result revealed this one: its gateway claimed it and "
        "ended without reporting it, so it may have been sent; centre, bind and time are those of "
        "the later attempt",
    )


class MessageExpired(MessageEvent):
    """The message could not be sent before it expired."""

    TYPE = "message.expired"


class MessageErased(MessageEvent):
    """The number or the secret was erased before the message was sent; nothing was sent."""

    TYPE = "message.erased"


class MessageWithheld(MessageEvent):
    """The message of an order was not submitted although it could have been.

    The person had opted out, or the order was cancelled, or its broadcast paused.
    """

    TYPE = "message.withheld"

    reason: WithheldReason = Field(description="why it was not submitted")


class DeliveryEvent(DomainEvent):
    """The delivery outcome of a submitted message, by its receipts. One at most.

    It doesn't change the request. `state`, `error` and `done_at` are those of the part that
    decided the outcome; its receipt arrived on `bind`.
    """

    message_id: UUID = Field(description="the message, as in `message.submitted`")
    request_id: RequestId | None = None
    order_id: UUID | None = Field(default=None, description="the order that it fulfils")
    purpose: Purpose
    template: str = Field(description="the name of the text in the templates")
    parts: int = Field(description="how many parts the message had")
    state: ReceiptState
    error: str | None = Field(default=None, description="the SMS centre's own error code")
    done_at: CentreTime | None = Field(
        default=None, description="by the SMS centre's clock, in an unknown time zone"
    )
    centre: CentreName
    bind: Bind
    at: UtcTime = Field(description="when the receipt arrived")


class MessageDelivered(DeliveryEvent):
    """Every part was delivered to the phone."""

    TYPE = "message.delivered"


class MessageUndeliverable(DeliveryEvent):
    """A part could not be delivered; `state` says why."""

    TYPE = "message.undeliverable"


class MessageUndetermined(DeliveryEvent):
    """The SMS centre doesn't know what happened to a part, and no part is known to have failed."""

    TYPE = "message.undetermined"
