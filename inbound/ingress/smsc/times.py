"""SMSC's parameters of time: `time`, with `tz`, and `valid`. Pure."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Final, Literal
from zoneinfo import ZoneInfo

from inbound.ingress.smsc.answers import SmscError
from inbound.ingress.smsc.codes import ErrorCode
from schemas.sending_hours import SendingHours

_DIGITS: Final = re.compile(r"(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)")
_DATE: Final = re.compile(r"(\d\d)\.(\d\d)\.(?:20)?(\d\d) (\d\d):(\d\d)")
_HOURS: Final = re.compile(r"(\d{1,2})-(\d{1,2})")
_STAMP: Final = re.compile(r"0(\d{10})")
# A + that is not URL-encoded arrives as a blank.
_LATER: Final = re.compile(r"[+ ](\d{1,6})")
_VALID: Final = re.compile(r"(\d{1,2})(?::([0-5]\d))?")
_AHEAD: Final = re.compile(r"[+ -]?\d{1,2}(?:\.\d{1,2})?")
_FARTHEST: Final = timedelta(hours=26)
"""Between the clocks of the Line Islands and of Baker Island."""
_LONGEST_VALID: Final = timedelta(hours=24)
_HOURS_A_DAY: Final = 24
_CENTURY: Final = 2000


@dataclass(frozen=True, slots=True)
class RequestedTime:
    """When a message may be sent; None and no hours: at once. `is_relative`: counted from now."""

    not_before: datetime | None = None
    hours: SendingHours | None = None
    is_relative: bool = False


def parse_time(text: str, tz: str, zone: str, now: datetime) -> RequestedTime:
    """Read `time`: a date, hours of a day, a time stamp, or minutes from now. Raises SmscError.

    `zone` is the service's; `tz` is how many hours the caller's clock is ahead of it.
    """
    ahead = _ahead(tz)
    if text in {"", "0"}:
        return RequestedTime()
    try:
        if match := _LATER.fullmatch(text):
            return RequestedTime(now + timedelta(minutes=int(match[1])), is_relative=True)
        if match := _STAMP.fullmatch(text):
            return RequestedTime(datetime.fromtimestamp(int(match[1]), UTC))
        if match := _HOURS.fullmatch(text):
            return RequestedTime(hours=_hours(int(match[1]), int(match[2]), zone))
        if match := _DIGITS.fullmatch(text) or _DATE.fullmatch(text):
            day, month, year, hour, minute = map(int, match.groups())
            local = datetime(_CENTURY + year, month, day, hour, minute, tzinfo=ZoneInfo(zone))
            return RequestedTime(local - ahead)
    except (ValueError, OverflowError):
        pass
    raise SmscError(ErrorCode.TIME)


def parse_valid(text: str, sending: RequestedTime, now: datetime) -> datetime | None:
    """Read `valid`: hours, or `hh:mm`, up to 24:00; return when the message expires."""
    if text in {"", "0"}:
        return None
    match = _VALID.fullmatch(text)
    length = timedelta(hours=int(match[1]), minutes=int(match[2] or 0)) if match else timedelta()
    if not timedelta() < length <= _LONGEST_VALID:
        raise SmscError(ErrorCode.TIME)
    return max(now, sending.not_before or now) + length


def as_written(
    time: str, valid: str, sending: RequestedTime, expires_at: datetime | None
) -> dict[Literal["not_before", "expires_at"], str]:
    """Return the times that are other moments when the request is repeated, as they were given.

    When a message expires is one of them: it depends on now as soon as `time` has passed.
    """
    written: dict[Literal["not_before", "expires_at"], str] = {}
    if sending.is_relative:
        written["not_before"] = time
    if expires_at is not None:
        written["expires_at"] = valid
    return written


def _ahead(tz: str) -> timedelta:
    ahead = timedelta(hours=float(tz)) if _AHEAD.fullmatch(tz) else None
    if ahead is None and tz:
        raise SmscError(ErrorCode.TIME)
    if ahead is not None and abs(ahead) > _FARTHEST:
        raise SmscError(ErrorCode.TIME)
    return ahead or timedelta()


def _hours(start: int, end: int, zone: str) -> SendingHours | None:
    if start > _HOURS_A_DAY or end > _HOURS_A_DAY:
        raise ValueError("no such hour")
    first, last = time(start % _HOURS_A_DAY), time(end % _HOURS_A_DAY)
    return None if first == last else SendingHours(start=first, end=last, zone=zone)
