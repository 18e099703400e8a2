"""Orders that other services place through `sms.notify.v1`.

A record holds a number and a text, so the topic is short-lived and its readers are few. The names
of the fields are those of `POST /v1/messages`. Identity is the CloudEvent's: `ce_source` and
`ce_id` together make a record safe to send again.
"""

from typing import Annotated, Final, Self
from uuid import UUID, uuid5

from pydantic import Field, StringConstraints, model_validator

from schemas.base import Message, UtcTime
from schemas.orders import (
    LONGEST_TEXT,
    MOST_FIELDS,
    AccountName,
    Order,
    OrderEntry,
    OrderKind,
    SenderName,
    SendingHours,
    TemplateName,
)

NAMESPACE: Final = UUID("6c3f1b0e-5f0d-4c59-9b55-0f5a3a0b7c1d")
"""Of the ids of orders whose record has a random `ce_id`."""

_RANDOM_VERSIONS: Final = frozenset({4, 7})
_SINGLE: Final = frozenset({OrderKind.NOTIFICATION, OrderKind.SERVICE})


class OrderRequested(Message):
    """A message to send: to one of `to`, `client_id` and `subject_id`; a text or a template."""

    TYPE = "order.requested.v1"

    account: AccountName = Field(
        default="default", description="the account that orders; it needs the right `kafka`"
    )
    to: str | None = Field(
        default=None,
        min_length=1,
        max_length=40,
        repr=False,
        description="a mobile number with its country code",
    )
    client_id: str | None = Field(
        default=None,
        min_length=1,
        max_length=64,
        repr=False,
        description="a client of the directory",
    )
    subject_id: UUID | None = Field(default=None, description="a subject, as in events")
    text: str | None = Field(
        default=None, min_length=1, max_length=LONGEST_TEXT, repr=False, description="what to send"
    )
    template: TemplateName | None = Field(
        default=None, description="a template, in the client's language"
    )
    template_version: int | None = Field(
        default=None, ge=1, le=2**31 - 1, description="absent: the newest one"
    )
    fields: dict[
        Annotated[str, StringConstraints(min_length=1, max_length=64)],
        Annotated[str, StringConstraints(max_length=1000)],
    ] = Field(
        default_factory=dict,
        max_length=MOST_FIELDS,
        repr=False,
        description="the template's fields, as text",
    )
    kind: OrderKind = Field(
        default=OrderKind.NOTIFICATION,
        description="`notification` or `service`, which ignores the opt-out and needs a right",
    )
    sender: SenderName | None = Field(
        default=None, description="approved for the account; absent: the service's own"
    )
    not_before: UtcTime | None = Field(default=None, description="send it then or later")
    expires_at: UtcTime | None = Field(default=None, description="don't send it after that")
    hours: SendingHours | None = Field(
        default=None, description="send it in these hours of a day only"
    )
    idempotency_key: (
        Annotated[str, StringConstraints(pattern=r"^[!-~]+$", max_length=200)] | None
    ) = Field(
        default=None,
        repr=False,
        description="with the same key it is the same order; absent: `ce_source` and `ce_id`",
    )
    callback: bool = Field(
        default=True, description="whether the account's URL, if it has one, is called at the end"
    )

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.kind not in _SINGLE:
            raise ValueError("the kind is notification or service")
        self.order(source="", event_id="", key="x", traceparent=None)  # raises ValueError
        return self

    def order(self, *, source: str, event_id: str, key: str, traceparent: str | None) -> Order:
        """Return the order of a record; `key` is its idempotency key, made from either.

        If the record has no key of its own and a random `ce_id`, its writer can compute the id of
        the order: `order_id_of`.
        """
        chosen = None
        if self.idempotency_key is None:
            chosen = order_id_of(self.account, source, event_id)
        return Order(
            account=self.account,
            entry=OrderEntry.KAFKA,
            order_id=chosen,
            kind=self.kind,
            phone=self.to,
            client_id=self.client_id,
            subject_id=self.subject_id,
            text=self.text,
            template=self.template,
            template_version=self.template_version,
            fields=self.fields,
            sender=self.sender,
            not_before=self.not_before,
            expires_at=self.expires_at,
            hours=self.hours,
            idempotency_key=key,
            callback=self.callback,
            traceparent=traceparent,
        )


def order_id_of(account: str, source: str, event_id: str) -> UUID | None:
    """Return the id of the order of a record whose `ce_id` is a random UUID; None for others.

    Other ids may be guessed, or hold a number, and ids of orders stand in public events.
    """
    try:
        random = UUID(event_id)
    except ValueError:
        return None
    if random.version not in _RANDOM_VERSIONS or str(random) != event_id:
        return None
    return uuid5(NAMESPACE, f"{account} {source} {event_id}")
