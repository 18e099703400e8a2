"""Orders that other services place through `sms.notify.v1`.

A record holds a number and a text, so the topic is short-lived and its readers are few. The fields
are those of `POST /v1/messages` (`schemas.message_requests`). Identity is the CloudEvent's:
`ce_source` and `ce_id` together make a record safe to send again.

Unlike other records, one with an unknown field is refused: a misspelt `expires_at` must not send
a message that should not be sent any more. The published schema stays open, as it was released.
"""

from typing import Annotated, Any, Final
from uuid import UUID, uuid5

from pydantic import ConfigDict, Field, StringConstraints

from schemas import patterns
from schemas.base import Message
from schemas.message_requests import LONGEST_KEY, RequestedMessage
from schemas.orders import DEFAULT_ACCOUNT, AccountName, Order, OrderEntry
from schemas.sending_hours import SendingHours

NAMESPACE: Final = UUID("6c3f1b0e-5f0d-4c59-9b55-0f5a3a0b7c1d")
"""Of the ids of orders whose record has a random `ce_id`."""

_RANDOM_VERSIONS: Final = frozenset({4, 7})


def _publish_as_open(schema: dict[str, Any]) -> None:
    del schema["additionalProperties"]


_STRICT: Final = ConfigDict(extra="forbid", json_schema_extra=_publish_as_open)


class RequestedHours(SendingHours):
    """The hours of a day in which a message may be sent, by the clocks of a time zone.

    From `start` up to and not including `end`; hours that end before they start go past midnight.
    """

    model_config = _STRICT


class OrderRequested(RequestedMessage, Message):
    """A message to send: to one of `to`, `client_id` and `subject_id`; a text or a template.

    A record with an unknown field is refused.
    """

    TYPE = "order.requested.v1"

    model_config = _STRICT

    account: AccountName = Field(
        default=DEFAULT_ACCOUNT, description="the account that orders; it needs the right `kafka`"
    )
    hours: RequestedHours | None = Field(
        default=None, description="send it in these hours of a day only"
    )
    idempotency_key: (
        Annotated[str, StringConstraints(pattern=patterns.KEY, max_length=LONGEST_KEY)] | None
    ) = Field(
        default=None,
        repr=False,
        description="with the same key it is the same order; absent: `ce_source` and `ce_id`",
    )

    def order(self, *, source: str, event_id: str, key: str, traceparent: str | None) -> Order:
        """Return the order of a record; `key` is its idempotency key, made from either.

        If the record has no key of its own and a random `ce_id`, its writer can compute the id of
        the order: `order_id_of`.
        """
        chosen = None
        if self.idempotency_key is None:
            chosen = order_id_of(self.account, source, event_id)
        return Order(
            **self.order_values(),
            account=self.account,
            entry=OrderEntry.KAFKA,
            order_id=chosen,
            hours=None if self.hours is None else SendingHours(**dict(self.hours)),
            idempotency_key=key,
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
