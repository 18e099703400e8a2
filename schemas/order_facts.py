"""What an order is decided from and recorded with: the request, and the facts known then."""

from decimal import Decimal
from typing import Annotated, Final
from uuid import UUID

from pydantic import Field, WithJsonSchema

from schemas.base import Model, UtcTime
from schemas.channels import Channel
from schemas.orders import AccountName, OrderKind, RefusalReason
from schemas.sending_hours import SendingHours

# Zeros at the end don't matter, but a replay compares what was written.
Money = Annotated[Decimal, WithJsonSchema({"type": "string"})]
"""An amount in the account's currency, as decimal text."""


class OrderRequest(Model):
    """An order as it is decided and recorded: without recipient and text.

    `template` is `text` for an order with a text of its own.
    """

    order_id: UUID
    account: AccountName
    kind: OrderKind
    template: str
    template_version: int | None = None
    language: str | None = None
    sender: str | None = None
    parts: int = 1
    not_before: UtcTime | None = None
    expires_at: UtcTime | None = None
    hours: SendingHours | None = None
    broadcast_id: UUID | None = None
    channel: Channel | None = None


class LimitFacts(Model):
    """A limit of the account, and how many orders of its period were accepted before."""

    limit: int = Field(description="accepted orders in the period at most")
    used: int = Field(description="orders accepted in the period before")


_NO_ACCOUNT: Final = "true, and without a meaning, if there is no such account"


class OrderFacts(Model):
    """What was known when an order was decided. A replay needs it; absent: it did not matter."""

    decided_at: UtcTime = Field(description="when the order was decided")
    accepted_at: UtcTime | None = Field(
        default=None,
        description="when it had been accepted, if it was decided again because it was due",
    )
    problem: RefusalReason | None = Field(
        default=None, description="why the order can't be carried out for anybody"
    )
    missing_field: str | None = Field(
        default=None, description="the field that the template needs and the order lacked"
    )
    unfit_field: str | None = Field(
        default=None, description="the field of the template whose value doesn't fit"
    )
    account_enabled: bool = Field(
        default=True, description=f"whether the account may order; {_NO_ACCOUNT}"
    )
    has_right: bool = Field(
        default=True,
        description=f"whether the account has the right to this kind; {_NO_ACCOUNT}",
    )
    may_text_strangers: bool = Field(
        default=True,
        description="whether the account may send to people who are not clients; " + _NO_ACCOUNT,
    )
    client_known: bool = Field(default=False, description="whether the number was in the directory")
    notifications_on: bool = Field(
        default=True, description="whether notifications and broadcasts were on"
    )
    waiting: int = Field(default=0, description="how many messages to this person waited")
    waiting_of_account: int | None = Field(
        default=None,
        description="how many of those were the account's own; absent: `waiting` alone counted",
    )
    sender_approved: bool = Field(
        default=True,
        description=f"whether a person approved the sender for the account; {_NO_ACCOUNT}",
    )
    text_allowed: bool = Field(
        default=True,
        description="whether the text matched a pattern, if the account has any, "
        f"and did not begin with the name of a channel; {_NO_ACCOUNT}",
    )
    max_parts: int | None = Field(default=None, description="SMS parts that a text may need")
    day: LimitFacts | None = Field(default=None, description="the limit of the day")
    week: LimitFacts | None = Field(default=None, description="the limit of the week")
    month: LimitFacts | None = Field(default=None, description="the limit of the month")
    last_at: UtcTime | None = Field(
        default=None, description="when the account's last order to this number was accepted"
    )
    min_delay_s: int | None = Field(
        default=None, description="seconds between the account's orders to one number"
    )
    same_text_at: UtcTime | None = Field(
        default=None, description="when its last order of the same text to this number was accepted"
    )
    repeat_within_s: int | None = Field(
        default=None, description="seconds within which the same text is not sent again"
    )
    price: Money | None = Field(default=None, description="of all parts")
    balance: Money | None = Field(default=None, description="absent: unlimited")
    free_at: UtcTime | None = Field(
        default=None, description="when the account's rate has room for the message"
    )
    earlier_order_id: UUID | None = Field(
        default=None, description="the order that has the idempotency key already"
    )
    valid_for_s: int = Field(description="an order without expires_at expires after this time")
