"""SMPP time format: 16 characters, absolute or relative (SMPP 3.4, 7.1.1).

`YYMMDDhhmmsstnnp`: p is `+` or `-` for a time nn quarters of an hour ahead of or behind
UTC, and `R` for a time relative to when the SMS centre accepts the message.
"""

import math
import re
from calendar import monthrange
from datetime import UTC, datetime, timedelta, timezone
from typing import Final

_FORM = re.compile(
    r"([0-9]{2})([0-9]{2})([0-9]{2})([0-9]{2})([0-9]{2})([0-9]{2})([0-9])([0-9]{2})([-+R])"
)
_RELATIVE: Final = "R"
_QUARTER: Final = timedelta(minutes=15)
_MAX_QUARTERS: Final = 48
# DD of the relative form ends at 31. Months and years, whose length varies, are parsed but
# never written.
_LONGEST: Final = timedelta(days=32)


def format_validity(period: timedelta) -> str:
    """Return a validity_period that ends `period` after the SMS centre accepts the message.

    Rounds up to whole seconds. Raises `ValueError` unless 0 < period < 32 days.
    """
    seconds = math.ceil(period.total_seconds())
    if not timedelta() < period or timedelta(seconds=seconds) >= _LONGEST:
        raise ValueError(f"a validity period of {period}: use more than 0 s and less than 32 days")
    minutes, second = divmod(seconds, 60)
    hours, minute = divmod(minutes, 60)
    day, hour = divmod(hours, 24)
    return f"0000{day:02d}{hour:02d}{minute:02d}{second:02d}000R"


def format_absolute(moment: datetime) -> str:
    """Return the absolute form in UTC, to a tenth of a second. `moment` has a time zone.

    Raises `ValueError` without a time zone, or outside 2000 to 2099 (years have two digits).
    """
    if moment.tzinfo is None:
        raise ValueError("the moment has no time zone")
    moment = moment.astimezone(UTC)
    if moment.year // 100 != 20:
        raise ValueError(f"year {moment.year} is outside 2000 to 2099")
    return f"{moment:%y%m%d%H%M%S}{moment.microsecond // 100_000}00+"


def parse_time(value: str, now: datetime) -> datetime | None:
    """Parse a time field; None for an empty one.

    The relative form counts from `now`, which has a time zone; years and months by the
    calendar (31 January plus a month is the last of February). Raises `ValueError`, which an
    SMSC answers with ESME_RINVSCHED or ESME_RINVEXPIRY.
    """
    if not value:
        return None
    match = _FORM.fullmatch(value)
    if match is None:
        raise ValueError("not a time as in SMPP 3.4, 7.1.1")
    *numbers, sign = match.groups()
    year, month, day, hour, minute, second, tenth, quarters = map(int, numbers)
    if sign == _RELATIVE:
        remainder = timedelta(days=day, hours=hour, minutes=minute, seconds=second)
        return _months_later(now, 12 * year + month) + remainder
    if quarters > _MAX_QUARTERS:
        raise ValueError(f"time zone of {quarters} quarter hours: at most 48 are allowed")
    zone = timezone(quarters * _QUARTER * (1 if sign == "+" else -1))
    return datetime(2000 + year, month, day, hour, minute, second, tenth * 100_000, tzinfo=zone)


def is_relative_time(value: str) -> bool:
    """Whether a time field that `parse_time` takes counts from when it arrives."""
    return value.endswith(_RELATIVE)


def _months_later(moment: datetime, months: int) -> datetime:
    years, month = divmod(moment.month - 1 + months, 12)
    year = moment.year + years
    day = min(moment.day, monthrange(year, month + 1)[1])
    return moment.replace(year=year, month=month + 1, day=day)
