"""The events: what happened to one subject, for ever.

An event names a random subject and never a number, a text, a code or a password. Each
class is one type in one version; `schemas.upcasters` reads older versions.
"""

from enum import StrEnum
from typing import Annotated, ClassVar, assert_never
from uuid import UUID

from pydantic import Field

from schemas.base import CentreTime, Model, UtcTime
from schemas.messages import PartResult, Purpose, ReceiptState, SubmitAttempt

RequestId = Annotated[UUID, Field(description="the request: the random id of its text")]
Simulator = Annotated[str, Field(description="the SMS centre, by its name in the settings")]
Bind = Annotated[str, Field(description="the connection to it, by its name in the settings")]


class Command(StrEnum):
    """What a client asked for."""

    CLIENT_INFO = "client_info"
    SMS_STOP = "sms_stop"
    SMS_START = "sms_start"


class Plan(StrEnum):
    """How an accepted request is fulfilled."""

    REGISTRATION = "registration"
    STOPPED = "stopped"
    STARTED = "started"
    UNKNOWN_NUMBER = "unknown_number"
    INFO_STALE = "info_stale"

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
    """What was known when the command was decided; with it the decision can be replayed."""

    client_known: bool = Field(description="whether the number was in the directory")
    notifications_on: bool = Field(description="whether the subject might be texted until then")
    decided_at: UtcTime = Field(description="when the worker took the command")


class DomainEvent(Model):
    """Root of all events."""

    TYPE: ClassVar[str]
    VERSION: ClassVar[int] = 1


class Arrival(Model):
    """How the text came: the fields of its deliver_sm, and its parts if it had several.

    Never the text, never the client's number. Of a long text the fields are those of the
    part that arrived last.
    """

    gateway: str | None = Field(default=None, description="the process that took it")
    our_number: str | None = Field(
        default=None, description="the number that was texted: the federal one or a short code"
    )
    esm_class: int = Field(description="esm_class of its PDU (SMPP 3.4, 5.2.12)")
    alphabet: str = Field(description="what it was decoded with; several are joined by +")
    octets: int = Field(description="length of the user data without headers, all parts")
    sequences: tuple[int, ...] | None = Field(
        default=None, description="its parts' numbers in the order of their arrival"
    )
    first_part_at: UtcTime | None = Field(
        default=None, description="when the first of several parts arrived"
    )
    heard_at: UtcTime | None = Field(
        default=None, description="arrival by the one clock that all gateways share"
    )


class RequestAccepted(DomainEvent):
    """A command was accepted; its acknowledgement is on the way."""

    TYPE = "request.accepted"

    request_id: RequestId
    command: Command
    arrived_at: UtcTime = Field(
        description="when the gateway had the text, or the last part of a long one"
    )
    centre: Simulator
    bind: Bind
    data_coding: int = Field(
        description="data_coding of its PDU (SMPP 3.4, 5.2.19), as the bind reads it"
    )
    parts: int = Field(default=1, description="how many PDUs brought the text")
    facts: Facts
    plan: Plan
    confirm: bool = Field(default=True, description="whether a fulfilment follows")
    arrival: Arrival | None = Field(default=None, description="how the text came")


class SubscriptionStopped(DomainEvent):
    """Notifications and broadcasts to this subject are off from now on."""

    TYPE = "subscription.stopped"

    request_id: RequestId
    at: UtcTime = Field(description="when it was decided")


class SubscriptionStarted(DomainEvent):
    """Notifications and broadcasts to this subject are on again."""

    TYPE = "subscription.started"

    request_id: RequestId
    at: UtcTime = Field(description="when it was decided")


class CommandLimitReached(DomainEvent):
    """The subject sent more commands within an hour than are accepted; said once an hour."""

    TYPE = "command.limit_reached"

    command: Command
    arrived_at: UtcTime = Field(description="when the first text that was too many arrived")
    limit: int = Field(description="how many commands an hour are accepted")


class MessageEvent(DomainEvent):
    """What the SMS centre made of one message.

    Of many `attempts` the first and the last are told.
    """

    message_id: UUID = Field(description="the message, the same in all its attempts")
    request_id: RequestId | None = None
    purpose: Purpose
    template: str = Field(description="which text was sent, by its name in the templates")
    attempt: int = Field(description="counts up from 1")
    parts: tuple[PartResult, ...] = Field(
        default=(), description="the centre's answer to each part, in their order"
    )
    attempts: tuple[SubmitAttempt, ...] | None = Field(
        default=None,
        description="submits since the message's previous event that settled nothing, in order",
    )
    attempts_left_out: int | None = Field(
        default=None, description="how many more there were, between the first and the last told"
    )
    centre: Simulator
    bind: Bind
    gateway: str | None = Field(default=None, description="the process that sent it or gave it up")
    sent_at: UtcTime | None = Field(
        default=None,
        description="when its first part of this attempt was handed to the link; none when "
        "nothing was sent",
    )
    at: UtcTime = Field(description="when the gateway knew it")


class MessageSubmitted(MessageEvent):
    """The centre took every part and gave each its id."""

    TYPE = "message.submitted"


class MessageRejected(MessageEvent):
    """The centre refused a part for good; `parts` has the status of each."""

    TYPE = "message.rejected"


class MessageUnknown(MessageEvent):
    """A part was sent and never answered: the client may or may not have it."""

    TYPE = "message.unknown"

    final: bool = Field(description="false when the template's policy sends it again")


class MessageExpired(MessageEvent):
    """The message was not sent in the time in which it makes sense."""

    TYPE = "message.expired"


class MessageErased(MessageEvent):
    """Number or secret were gone when the message was to be sent; nothing was sent."""

    TYPE = "message.erased"


class MessageFate(DomainEvent):
    """What became of a submitted message, by the centre's delivery receipts. One at most.

    It comes after the request's own events and changes nothing of the request. `state`,
    `error` and `done_at` are those of the part that decided; `bind` brought its receipt.
    """

    message_id: UUID = Field(description="the message, as in `message.submitted`")
    request_id: RequestId | None = None
    purpose: Purpose
    template: str = Field(description="which text was sent, by its name in the templates")
    parts: int = Field(description="how many parts the message had")
    state: ReceiptState
    error: str | None = Field(default=None, description="the centre's own code")
    done_at: CentreTime | None = Field(
        default=None, description="by the centre's clock, in a zone that it does not name"
    )
    centre: Simulator
    bind: Bind
    at: UtcTime = Field(description="when the receipt arrived")


class MessageDelivered(MessageFate):
    """Every part is on the phone."""

    TYPE = "message.delivered"


class MessageUndeliverable(MessageFate):
    """A part will never be on the phone; `state` says why."""

    TYPE = "message.undeliverable"


class MessageUndetermined(MessageFate):
    """The centre itself doesn't know of a part, and no part is known to have failed."""

    TYPE = "message.undetermined"


class AcknowledgementLate(DomainEvent):
    """The centre did not accept the acknowledgement within 120 s of the text's arrival."""

    TYPE = "acknowledgement.late"

    request_id: RequestId
    after_s: float = Field(
        description="when its fate was known, in seconds after the text's arrival"
    )


class Completion(StrEnum):
    """The final state of a request."""

    FULFILLED = "fulfilled"
    REFUSED = "refused"
    UNDELIVERED = "undelivered"


class RequestCompleted(DomainEvent):
    """The request reached its final state; its copy of the secret is gone."""

    TYPE = "request.completed"

    request_id: RequestId
    completion: Completion
    at: UtcTime = Field(description="when the last message's fate was known")


class PersonErased(DomainEvent):
    """What named this subject was deleted: forget what you keep of it, too.

    Open requests end after it: what was queued as erased, what was sent as the centre says.
    No new request follows; a text from the same number is another subject's.
    """

    TYPE = "person.erased"

    at: UtcTime = Field(description="when it was deleted")


EVENTS: tuple[type[DomainEvent], ...] = (
    RequestAccepted,
    SubscriptionStopped,
    SubscriptionStarted,
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
)
"""Every event type, in the order in which a request meets them."""
