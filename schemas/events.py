"""The events of the log: what happened to one subject. They are kept for ever.

An event names a random subject, never a number, a text, a code or a password. Each class is
the newest version of its type; `schemas.upcasters` reads older versions.
"""

from enum import StrEnum
from typing import Annotated, assert_never
from uuid import UUID

from pydantic import Field

from schemas.base import CentreTime, Model, UtcTime
from schemas.documented_enum import DocumentedEnum
from schemas.domain_event import DomainEvent as DomainEvent  # noqa: PLC0414 — exported
from schemas.domain_event import RequestId
from schemas.messages import PartResult, Purpose, ReceiptState, SubmitAttempt
from schemas.order_events import ORDER_EVENTS
from schemas.orders import WithheldReason
from schemas.registration_events import (
    RegistrationHeld,
    RegistrationRefused,
    RegistrationReleased,
    RegistrationUsage,
)

CentreName = Annotated[str, Field(description="the SMS centre, by its name in the settings")]
Bind = Annotated[str, Field(description="the connection to it, by its name in the settings")]


class Command(DocumentedEnum):
    """What a client asked for."""

    CLIENT_INFO = "client_info", "`CLIENT info`: asks for the client's registration data"
    SMS_STOP = "sms_stop", "`CLIENT sms stop`: switches notifications and broadcasts off"
    SMS_START = "sms_start", "`CLIENT sms start`: switches notifications and broadcasts on"


class Plan(DocumentedEnum):
    """How an accepted request is fulfilled."""

    REGISTRATION = (
        "registration",
        "the client's registration data is sent; a person may have to release it first",
    )
    STOPPED = "stopped", "notifications and broadcasts are off, and the reply confirms it"
    STARTED = "started", "notifications and broadcasts are on, and the reply confirms it"
    UNKNOWN_NUMBER = "unknown_number", "refused: the number is not in the client directory"
    INFO_STALE = (
        "info_stale",
        "refused: the text was processed too late; the reply asks the client to text again",
    )

    @property
    def refuses(self) -> bool:
        """Whether the client gets a refusal instead of what was asked."""
        match self:
            case Plan.REGISTRATION | Plan.STOPPED | Plan.STARTED:
                return False
            case Plan.UNKNOWN_NUMBER | Plan.INFO_STALE:
                return True
            case _:
                assert_never(self)


ANNOUNCED: tuple[StrEnum, ...] = ()
"""Values of any published enum that this release reads and doesn't write yet.

A new value is listed here for one release. Every part of the service knows it except those
that would write it: an announced command is not parsed, an announced plan is not made. So
during the next upgrade, the processes that still run this release can read what the new ones
write. The next release only takes the value off this list.
"""


def is_announced(value: StrEnum) -> bool:
    """Whether this release must not write `value`."""
    # By identity: members of different enums are equal when their texts are.
    return any(value is announced for announced in ANNOUNCED)


class Facts(Model):
    """What was known when the command was decided. A replay needs it."""

    client_known: bool = Field(description="whether the number was in the directory")
    notifications_on: bool = Field(description="whether notifications and broadcasts were on")
    decided_at: UtcTime = Field(description="when the worker decided the command")
    registrations: RegistrationUsage | None = Field(
        default=None,
        description="how much of the ceilings was used; only if a client asked for registration "
        "data",
    )
    case_open: bool | None = Field(
        default=None,
        description="whether the directory had an open case of the client; only if a client asked "
        "for registration data and the service goes by it",
    )


class Arrival(Model):
    """How the MO arrived: the fields of its deliver_sm, and its parts if it had several.

    Never the text, never the client's number. For a long message the fields are those of the
    part that arrived last.
    """

    gateway: str | None = Field(default=None, description="the gateway process that received it")
    our_number: str | None = Field(
        default=None, description="the number that was texted: the federal one or a short code"
    )
    esm_class: int = Field(description="esm_class of its PDU (SMPP 3.4, 5.2.12)")
    alphabet: str = Field(description="the alphabet it was decoded with; several are joined by +")
    octets: int = Field(description="length of the user data of all parts, without headers")
    sequences: tuple[int, ...] | None = Field(
        default=None, description="its parts' numbers in the order of their arrival"
    )
    first_part_at: UtcTime | None = Field(
        default=None, description="when the first of several parts arrived"
    )
    heard_at: UtcTime | None = Field(
        default=None, description="when it arrived, by the clock that all gateways share"
    )


class RequestAccepted(DomainEvent):
    """A command was accepted; its acknowledgement follows."""

    TYPE = "request.accepted"

    request_id: RequestId
    command: Command
    arrived_at: UtcTime = Field(
        description="when the gateway received the MO, or the last part of a long one"
    )
    centre: CentreName
    bind: Bind
    data_coding: int = Field(
        description="data_coding of its PDU (SMPP 3.4, 5.2.19), as the bind's settings interpret it"
    )
    parts: int = Field(default=1, description="how many PDUs carried the text")
    facts: Facts
    plan: Plan
    confirm: bool = Field(default=True, description="whether a fulfilment follows")
    arrival: Arrival | None = Field(default=None, description="how the MO arrived")


class SubscriptionStopped(DomainEvent):
    """Notifications and broadcasts to this subject were switched off.

    By the person's own text, or by an operator whom they asked; then no request has its
    `request_id`.
    """

    TYPE = "subscription.stopped"

    request_id: RequestId
    at: UtcTime = Field(description="when it was decided")
    by: str | None = Field(default=None, description="the operator; absent: the person's own text")
    reason: str | None = Field(default=None, description="why, as the operator wrote it")


class SubscriptionStarted(DomainEvent):
    """Notifications and broadcasts to this subject were switched on.

    By the person's own text, or by an operator whom they asked; then no request has its
    `request_id`.
    """

    TYPE = "subscription.started"

    request_id: RequestId
    at: UtcTime = Field(description="when it was decided")
    by: str | None = Field(default=None, description="the operator; absent: the person's own text")
    reason: str | None = Field(default=None, description="why, as the operator wrote it")


class SubscriptionRestored(DomainEvent):
    """A stop was undone by an operator: notifications and broadcasts were switched on again."""

    TYPE = "subscription.restored"

    request_id: UUID = Field(description="the request that had switched them off")
    by: str = Field(description="the operator")
    reason: str = Field(description="why, as the operator wrote it")
    at: UtcTime = Field(description="when it was undone")


class CommandLimitReached(DomainEvent):
    """The subject sent more commands within an hour than are accepted; once an hour at most."""

    TYPE = "command.limit_reached"

    command: Command
    arrived_at: UtcTime = Field(description="when the first text above the limit arrived")
    limit: int = Field(description="accepted commands an hour")


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


class AcknowledgementLate(DomainEvent):
    """The SMS centre did not accept the acknowledgement within 120 s of the MO's arrival."""

    TYPE = "acknowledgement.late"

    request_id: RequestId
    after_s: float = Field(
        description="when its result was known, in seconds after the MO's arrival"
    )


class Completion(DocumentedEnum):
    """The final state of a request."""

    FULFILLED = (
        "fulfilled",
        "the SMS centre accepted the last message; delivery receipts tell whether it arrived",
    )
    REFUSED = (
        "refused",
        "refused, and the SMS centre accepted the message that says so",
    )
    UNDELIVERED = (
        "undelivered",
        "the SMS centre did not accept the last message, or its outcome is unknown",
    )


class RequestCompleted(DomainEvent):
    """The request reached its final state; its copy of the secret was erased."""

    TYPE = "request.completed"

    request_id: RequestId
    completion: Completion
    at: UtcTime = Field(description="when the result of its last message was known")


class PersonErased(DomainEvent):
    """The personal data of this subject was deleted. Subscribers should delete theirs, too.

    Open requests end after it: queued messages as erased, sent ones with the SMS centre's
    answer. No new request follows; a text from the same number belongs to a new subject.
    """

    TYPE = "person.erased"

    at: UtcTime = Field(description="when the data was deleted")


EVENTS: tuple[type[DomainEvent], ...] = (
    RequestAccepted,
    SubscriptionStopped,
    SubscriptionStarted,
    SubscriptionRestored,
    RegistrationHeld,
    RegistrationReleased,
    RegistrationRefused,
    CommandLimitReached,
    MessageSubmitted,
    MessageRejected,
    MessageUnknown,
    MessageExpired,
    MessageErased,
    AcknowledgementLate,
    RequestCompleted,
    MessageDelivered,
    MessageUndeliverable,
    MessageUndetermined,
    PersonErased,
    *ORDER_EVENTS,
    MessageWithheld,
)
"""Every event type, in the order in which a request meets them, then those of orders."""
