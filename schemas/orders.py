"""Orders: requests of programs and people that a message be sent to somebody.

Every entry point makes an `Order` and hands batches of them to `inbound.orders.intake`. An order
holds a number and a text, so it goes to no topic of ours and to no log; the events name its id.
"""

from collections.abc import Collection
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Final, Literal, Self
from uuid import UUID

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from schemas import patterns
from schemas.base import Model, UtcTime
from schemas.channels import Channel
from schemas.documented_enum import DocumentedEnum
from schemas.sending_hours import SendingHours
from schemas.texts import MessageText, check_text

MOST_FIELDS: Final = 50
LONGEST_TEXT: Final = 4000
"""Longer than any text of 8 parts, so that such a text gets its reason."""


AccountName = Annotated[str, StringConstraints(pattern=patterns.ACCOUNT, max_length=40)]
"""The name of an account: small Latin letters, digits, dots, dashes and underscores."""

SenderName = Annotated[str, StringConstraints(pattern=patterns.SENDER)]
"""Up to 11 Latin letters, digits and signs, or up to 15 digits (3GPP TS 23.040, 9.1.2.5)."""

TemplateName = Annotated[str, StringConstraints(pattern=patterns.TEMPLATE)]
"""The name of a template of orders."""


DEFAULT_ACCOUNT: Final = "default"
"""The account that exists from the start."""


class OrderKind(DocumentedEnum):
    """What an order is for. A service message ignores the opt-out and needs a right of its own."""

    NOTIFICATION = (
        "notification",
        "a message to one person; not sent to people who have switched notifications off",
    )
    BROADCAST = (
        "broadcast",
        "a message of a broadcast; not sent to people who have switched notifications off",
    )
    SERVICE = (
        "service",
        "a message that is sent even to people who have switched notifications off",
    )


class OrderEntry(StrEnum):
    """Entry points that need a right of their own, because they don't know who writes."""

    KAFKA = "kafka"


class OrderState(DocumentedEnum):
    """How far an order has come. From `delivered` on, nothing follows."""

    SCHEDULED = "scheduled", "waits for its time"
    QUEUED = "queued", "waits to be sent, or is being sent"
    SENT = "sent", "the SMS centre accepted it; no final delivery receipt yet"
    DELIVERED = "delivered", "on the phone, according to delivery receipts"
    UNDELIVERED = (
        "undelivered",
        "a part of it will never be delivered, according to a delivery receipt",
    )
    UNKNOWN = (
        "unknown",
        (
            "it may have arrived: it was sent and not answered, or may have been sent, or the SMS "
            "centre doesn't know"
        ),
    )
    REJECTED = "rejected", "the SMS centre refused it for good, or it could not be encoded"
    EXPIRED = "expired", "it could not be sent before it expired"
    WITHHELD = (
        "withheld",
        "held back: the person had switched notifications off, or it was stopped",
    )
    CANCELLED = "cancelled", "it was cancelled before it was queued"
    REFUSED = "refused", "not accepted, or no longer allowed when it was due; the reason tells why"
    ERASED = "erased", "the person was erased before it was sent"


WAITING: Final = frozenset({OrderState.SCHEDULED, OrderState.QUEUED})
"""The states of an order whose message has not been submitted."""


class RefusalReason(DocumentedEnum):
    """Why an order is refused."""

    ACCOUNT_UNKNOWN = "account_unknown", "there is no account of this name"
    ACCOUNT_DISABLED = "account_disabled", "the account is disabled"
    RIGHT_MISSING = (
        "right_missing",
        "the account may not send this kind of message, or not through Kafka",
    )
    IDEMPOTENCY_KEY_REUSED = (
        "idempotency_key_reused",
        "the idempotency key belongs to another order",
    )
    NOT_A_MOBILE_NUMBER = (
        "not_a_mobile_number",
        "the number is not a mobile number with its country code",
    )
    RECIPIENT_UNKNOWN = "recipient_unknown", "no client and no subject has this id"
    RECIPIENT_NOT_A_CLIENT = (
        "recipient_not_a_client",
        "the number is not in the client directory, and the account may text clients only",
    )
    OPTED_OUT = "opted_out", "the person has switched notifications off"
    TOO_MANY_WAITING = (
        "too_many_waiting",
        "too many messages of the account to this number wait to be sent",
    )
    TEMPLATE_UNKNOWN = (
        "template_unknown",
        "there is no template of this name or version, or not in a language of the client",
    )
    TEMPLATE_FIELDS = "template_fields", "a field of the template is missing or doesn't fit"
    SENDER_NOT_APPROVED = "sender_not_approved", "the sender is not approved for the account"
    TEXT_NOT_ALLOWED = (
        "text_not_allowed",
        "the text matches none of the account's patterns, or begins with the name of a channel",
    )
    TOO_MANY_PARTS = "too_many_parts", "the text needs more SMS parts than the account may send"
    EXPIRED = "expired", "it would expire before it may be sent"
    REPEATED = "repeated", "the same text to the same number was ordered shortly before"
    MINIMUM_DELAY = "minimum_delay", "another message to the same number was ordered shortly before"
    DAILY_LIMIT = "daily_limit", "the account's limit for the day is used up"
    WEEKLY_LIMIT = "weekly_limit", "the account's limit for the week is used up"
    MONTHLY_LIMIT = "monthly_limit", "the account's limit for the month is used up"
    BALANCE = "balance", "the account's balance is too low"


class WithheldReason(DocumentedEnum):
    """Why a queued message was not submitted although it could have been."""

    OPTED_OUT = "opted_out", "the person had switched notifications off"
    CANCELLED = "cancelled", "the order or its broadcast was cancelled"
    PAUSED = "paused", "its broadcast was paused"


def check_choices(
    recipients: Collection[object], *, text: str | None, template: str | None, of_template: bool
) -> None:
    """Raise ValueError unless one recipient is named, and either a text or a template.

    `of_template` says whether there are fields or a version, which only a template has.
    """
    if sum(one is not None for one in recipients) != 1:
        raise ValueError("has to name one recipient, by `to`, `client_id` or `subject_id`")
    if (text is None) == (template is None):
        raise ValueError("has to have either a `text` or a `template`")
    if template is None and of_template:
        raise ValueError("has `fields` or a version, but no `template` that takes them")


class Order(Model):
    """One message to send: by whom, to whom, what, when. As an entry point understood it.

    Exactly one of `phone`, `client_id` and `subject_id` names the recipient; exactly one of `text`
    and `template` the content. With an idempotency key, an order that is repeated is the same
    order; the entry point makes the key unique within the account.
    """

    account: AccountName = DEFAULT_ACCOUNT
    kind: OrderKind = OrderKind.NOTIFICATION
    phone: str | None = Field(default=None, max_length=40, repr=False)
    client_id: str | None = Field(default=None, min_length=1, max_length=64, repr=False)
    subject_id: UUID | None = None
    text: MessageText | None = Field(
        default=None, min_length=1, max_length=LONGEST_TEXT, repr=False
    )
    template: TemplateName | None = None
    template_version: int | None = Field(default=None, ge=1)
    fields: dict[
        Annotated[str, StringConstraints(min_length=1, max_length=64)],
        Annotated[str, StringConstraints(max_length=1000), AfterValidator(check_text)],
    ] = Field(default_factory=dict, max_length=MOST_FIELDS, repr=False)
    sender: SenderName | None = None
    not_before: UtcTime | None = None
    expires_at: UtcTime | None = None
    hours: SendingHours | None = None
    as_written: dict[Literal["not_before", "expires_at"], str] = Field(
        default_factory=dict,
        repr=False,
        description="the times that count from when the order came, as they were written: a "
        "repeated order has the same ones, although they mean later moments",
    )
    idempotency_key: (
        Annotated[str, StringConstraints(pattern=patterns.KEY, max_length=255)] | None
    ) = Field(default=None, repr=False)
    callback: bool = Field(default=False, description="whether the account's URL is called")
    broadcast_id: UUID | None = None
    is_bulk: bool = Field(
        default=False, description="whether it goes in the lane of broadcasts, behind single ones"
    )
    channel: Channel | None = Field(
        default=None, description="absent: a text message; the text names the channel, too"
    )
    traceparent: str | None = Field(default=None, max_length=64)
    entry: OrderEntry | None = None
    order_id: UUID | None = Field(
        default=None, description="made from the same as its key; absent: made from the key"
    )

    @model_validator(mode="after")
    def _check_choices(self) -> Self:
        check_choices(
            (self.phone, self.client_id, self.subject_id),
            text=self.text,
            template=self.template,
            of_template=bool(self.fields) or self.template_version is not None,
        )
        return self


def utc(moment: datetime | None) -> str | None:
    """Return a moment as RFC 3339 text in UTC, for answers to people and programs."""
    if moment is None:
        return None
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
