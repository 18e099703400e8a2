"""Times as SMPP writes them: sixteen characters, absolute or relative (SMPP 3.4, 7.1.1).

`YYMMDDhhmmsstnnp`: p is `+` or `-` for a time that is nn quarters of an hour ahead of or
behind UTC, and `R` for a time counted from the moment the centre takes the message.
"""

import math
import re
from calendar import monthrange
from datetime import UTC, datetime, timedelta, timezone
from typing import Final

_FORM = re.compile(
    r"([0-9]{2})([0-9]{2})([0-9]{2})([0-9]{2})([0-9]{2})([0-9]{2})([0-9])([0-9]{2})([-+R])"
)
_QUARTER: Final = timedelta(minutes=15)
_MAX_QUARTERS: Final = 48
# DD of the relative form ends at 31. Months and years, whose length nobody agrees on, are
# read and never written.
_LONGEST: Final = timedelta(days=32)


def validity(period: timedelta) -> str:
    """Return a validity_period that ends `period` after the centre takes the message.

    A part of a second counts as a whole one. Raises `ValueError` unless it is more than
    nothing and less than 32 days.
    """
    seconds = math.ceil(period.total_seconds())
    if not timedelta() < period or timedelta(seconds=seconds) >= _LONGEST:
        raise ValueError("a validity period is more than nothing and less than 32 days")
    minutes, second = divmod(seconds, 60)
    hours, minute = divmod(minutes, 60)
    day, hour = divmod(hours, 24)
    return f"0000{day:02d}{hour:02d}{minute:02d}{second:02d}000R"


def absolute(moment: datetime) -> str:
    """Return the absolute form, in UTC and to a tenth of a second. `moment` has a time zone.

    Raises `ValueError` when it has none, or is not of this century, which has two digits.
    """
    if moment.tzinfo is None:
        raise ValueError("a moment without a time zone")
    moment = moment.astimezone(UTC)
    if moment.year // 100 != 20:
        raise ValueError("a moment outside 2000 to 2099")
    return f"{moment:%y%m%d%H%M%S}{moment.microsecond // 100_000}00+"


def moment_of(value: str, now: datetime) -> datetime | None:
    """Return the moment that a time field means; None for an empty field.

    `now`, with its time zone, is what the relative form counts from: by the calendar for
    years and months (31 January and a month is the last of February). Raises `ValueError`,
    which the centre answers with ESME_RINVSCHED or ESME_RINVEXPIRY.
    """
    if not value:
        return None
    match = _FORM.fullmatch(value)
    if match is None:
        raise ValueError("not a time of SMPP 3.4, 7.1.1")
    *numbers, sign = match.groups()
    year, month, day, hour, minute, second, tenth, quarters = map(int, numbers)
    if sign == "R":
        rest = timedelta(days=day, hours=hour, minutes=minute, seconds=second)
        return _months_later(now, 12 * year + month) + rest
    if quarters > _MAX_QUARTERS:
        raise ValueError("a time zone is at most 48 quarters of an hour away")
    zone = timezone(quarters * _QUARTER * (1 if sign == "+" else -1))
    return datetime(2000 + year, month, day, hour, minute, second, tenth * 100_000, tzinfo=zone)


def _months_later(moment: datetime, months: int) -> datetime:
    years, month = divmod(moment.month - 1 + months, 12)
    year = moment.year + years
    day = min(moment.day, monthrange(year, month + 1)[1])
    return moment.replace(year=year, month=month + 1, day=day)
