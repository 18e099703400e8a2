"""The sending hours in a request: of a message, and of a broadcast."""

from pydantic import Field, field_validator

from inbound.api.models import RequestModel
from schemas.patterns import HOURS
from schemas.sending_hours import NO_HOURS, SendingHours, ZoneName


class WithHours(RequestModel):
    """A request with sending hours. A time zone is checked even if there are no hours."""

    hours: str | None = Field(
        default=None,
        pattern=HOURS,
        description="send it in these hours of a day only; they may go past midnight",
        examples=["10:00-12:00"],
    )
    time_zone: ZoneName | None = Field(
        default=None,
        min_length=1,
        max_length=64,
        description="IANA time zone of `hours`; default: the service's own",
        examples=["Europe/Moscow"],
    )

    @field_validator("hours")
    @classmethod
    def _check_length(cls, hours: str | None) -> str | None:
        start, _, end = (hours or "").partition("-")
        if hours is not None and start == end:
            raise ValueError(NO_HOURS)
        return hours

    def sending_hours(self, zone: str) -> SendingHours | None:
        """Return the hours, if there are any; `zone` is the default one."""
        if self.hours is None:
            return None
        return SendingHours.parse(self.hours, self.time_zone or zone)
