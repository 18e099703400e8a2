"""The hours of a day in which a message may be sent, in a time zone."""

from datetime import time
from typing import Annotated, Final, Self
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, Field, field_validator, model_validator

from schemas.base import Model

NO_HOURS: Final = "end when they start; leave them out to send at any hour"


def check_zone(name: str) -> str:
    """Return the IANA name of a time zone. Raises ValueError."""
    try:
        ZoneInfo(name)
    except (LookupError, ValueError, OSError):
        raise ValueError("is not a time zone; use an IANA name like Europe/Moscow") from None
    return name


ZoneName = Annotated[str, AfterValidator(check_zone)]
"""The IANA name of a time zone."""


class SendingHours(Model):
    """The hours of a day in which a message may be sent, by the clocks of a time zone.

    From `start` up to and not including `end`; hours that end before they start go past midnight.
    """

    start: time = Field(description="the first minute, as HH:MM")
    end: time = Field(description="the minute in which it is too late, as HH:MM")
    zone: ZoneName = Field(default="Europe/Moscow", max_length=64, description="IANA time zone")

    @field_validator("start", "end")
    @classmethod
    def _check_time(cls, value: time) -> time:
        if value.tzinfo is not None or value.second or value.microsecond:
            raise ValueError("use HH:MM without a time zone")
        return value

    @model_validator(mode="after")
    def _check_length(self) -> Self:
        if self.start == self.end:
            raise ValueError(NO_HOURS)
        return self

    @classmethod
    def parse(cls, text: str, zone: str = "Europe/Moscow") -> Self:
        """Return the hours in `10:00-12:00`. Raises ValueError."""
        start, dash, end = text.partition("-")
        if not dash:
            raise ValueError("write sending hours as HH:MM-HH:MM")
        return cls(start=start.strip(), end=end.strip(), zone=zone)  # type: ignore[arg-type]
