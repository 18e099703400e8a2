"""The events of registration data that waits for a person or is refused, and their facts.

They stand in the stream of the person, between the events of the request.
"""

from typing import assert_never

from pydantic import Field

from schemas.base import Model, UtcTime
from schemas.documented_enum import DocumentedEnum
from schemas.domain_event import DomainEvent, RequestId


class RegistrationUsage(Model):
    """How much of the ceilings on registrations was used when a request for one was decided.

    The counts are of registrations that were let through before it, held ones left out.
    """

    off: bool = Field(description="whether registrations were switched off")
    minute: int = Field(description="let through within the last minute")
    hour: int = Field(description="let through within the last hour")
    centre_hour: int = Field(description="of these, those asked for through the same SMS centre")
    clients: int = Field(description="numbers in the directory; default ceilings depend on it")
    centre_minute: int = Field(
        default=0,
        description="let through within the last minute for texts from the same SMS centre",
    )
    centres: int = Field(
        default=1, description="SMS centres of the service; default ceilings depend on it"
    )


class HoldReason(DocumentedEnum):
    """Why a request for registration data waits for a person."""

    MINUTE_CEILING = "minute_ceiling", "the ceiling of registrations per minute was reached"
    HOUR_CEILING = "hour_ceiling", "the ceiling of registrations per hour was reached"
    CENTRE_CEILING = (
        "centre_ceiling",
        "the ceiling of registrations for one SMS centre was reached",
    )
    SWITCHED_OFF = "switched_off", "an operator has switched registrations off"
    NO_OPEN_CASE = "no_open_case", "the client has no open case in the support system"


class RegistrationHeld(DomainEvent):
    """Registration data is not sent until a person releases it."""

    TYPE = "registration.held"

    request_id: RequestId
    reason: HoldReason
    at: UtcTime = Field(description="when it was held")
    until: UtcTime = Field(description="when it is refused if it was not released")


class RegistrationReleased(DomainEvent):
    """A person let a held request through; registration data follows."""

    TYPE = "registration.released"

    request_id: RequestId
    by: str = Field(description="the operator")
    reason: str = Field(description="why, as the operator wrote it")
    at: UtcTime = Field(description="when it was released")


class RefusalCause(DocumentedEnum):
    """Who or what refused to send registration data."""

    PERSON = "person", "an operator refused it"
    EXPIRED = "expired", "it was held, and nobody released it in time"
    ERASED = "erased", "it was held, and the person was erased"
    SWITCHED_OFF = (
        "switched_off",
        "an operator has switched registrations off, and they are refused meanwhile",
    )
    NO_OPEN_CASE = (
        "no_open_case",
        "the client has no open case in the support system, and such requests are refused",
    )

    @property
    def ends_hold(self) -> bool:
        """Whether the request had been held before; the others refuse it at once."""
        match self:
            case RefusalCause.PERSON | RefusalCause.EXPIRED | RefusalCause.ERASED:
                return True
            case RefusalCause.SWITCHED_OFF | RefusalCause.NO_OPEN_CASE:
                return False
            case _:
                assert_never(self)


class RegistrationRefused(DomainEvent):
    """Registration data is not sent; the client gets a text that says so."""

    TYPE = "registration.refused"

    request_id: RequestId
    cause: RefusalCause
    by: str | None = Field(default=None, description="the operator, if a person refused it")
    reason: str | None = Field(default=None, description="why, as the operator wrote it")
    at: UtcTime = Field(description="when it was refused")
