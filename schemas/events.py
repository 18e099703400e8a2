"""The events of the log: what happened to one subject. They are kept for ever.

An event names a random subject, never a number, a text, a code or a password. Each class is
the newest version of its type; `schemas.upcasters` reads older versions.
"""

from enum import StrEnum
from typing import assert_never
from uuid import UUID

from pydantic import Field

from schemas.base import Model, UtcTime
from schemas.documented_enum import DocumentedEnum
from schemas.domain_event import DomainEvent as DomainEvent  # noqa: PLC0414 — exported
from schemas.domain_event import RequestId
from schemas.message_events import (
    Bind,
    CentreName,
    MessageDelivered,
    MessageErased,
    MessageExpired,
    MessageRejected,
    MessageSubmitted,
    MessageUndeliverable,
    MessageUndetermined,
    MessageUnknown,
    MessageWithheld,
)
from schemas.order_events import ORDER_EVENTS
from schemas.registration_events import (
    RegistrationHeld,
    RegistrationRefused,
    RegistrationReleased,
    RegistrationUsage,
)


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
    is_recipient: bool | None = Field(
        default=None,
        description="whether an order for the number had been accepted, or notifications to it "
        "switched off; only if it was not in the directory; absent otherwise, and where only "
        "clients could switch",
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


class LogRestored(DomainEvent):
    """The service was restored from a backup, and its log was completed from published events.

    No person is its subject: it has a stream of its own. One stands behind the completed part, and
    one at each position whose event was lost and published nowhere.
    """

    TYPE = "log.restored"

    backup_position: int = Field(description="the last position in the backup")
    recovered: int = Field(description="how many events were taken back from the topic")
    lost: int = Field(description="how many positions have lost their event")
    instead_of_lost: bool = Field(
        default=False, description="whether this event stands at a position that has lost its own"
    )
    by: str = Field(description="the operator")
    reason: str = Field(description="why, as the operator wrote it")
    at: UtcTime = Field(description="when the log was completed")


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
    LogRestored,
)
"""Every event type, in the order in which a request meets them, then those of orders."""
