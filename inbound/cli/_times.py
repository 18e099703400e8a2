"""Times as operators write and read them: an ISO date or time, or how long ago.

A time without an offset is in the time zone of the settings in every command, and so are the times
that a command with such an option prints, with the zone's name.
"""

import re
from datetime import UTC, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from inbound.errors import SetupError
from inbound.wording import both

_UNITS: Final = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_RUSSIAN: Final = re.compile(
    r"(?P<d>[0-9]{1,2})\.(?P<m>[0-9]{1,2})\.(?P<y>[0-9]{4})"
    r"(?:[T ,] *(?P<time>[0-9]{1,2}:[0-9]{2}(?::[0-9]{2})?))?"
)
"""A day as Russian calendars have it: 17.05.2024, with or without a time."""
_AGO = re.compile(r"([0-9]{1,6})\s*([smhdw])")


def parse_moment(
    text: str, option: str, *, now: datetime, zone: str, is_ahead: bool = False
) -> datetime:
    """Parse a time and return it in UTC.

    `2h` and `3d` count back from `now`, or on from it if the time `is_ahead`; `2024-05-17` and
    `17.05.2024` are the start of that day. A time without an offset is in `zone`. Raises
    SetupError, which names `option`.
    """
    text = text.strip()
    span = both("an age like 30m, 2h or 3d", "сколько времени назад: 30m, 2h или 3d")
    if is_ahead:
        span = both("how long from now, like 30m, 2h or 3d", "через сколько: 30m, 2h или 3d")
    try:
        if ago := _AGO.fullmatch(text.lower()):
            length = timedelta(**{_UNITS[ago[2]]: int(ago[1])})
            return now.astimezone(UTC) + (length if is_ahead else -length)
        moment = datetime.fromisoformat(_iso(text))
        return (moment if moment.tzinfo else moment.replace(tzinfo=ZoneInfo(zone))).astimezone(UTC)
    except (ValueError, OverflowError):
        raise SetupError(
            both(
                "{option}: {text!r} is not a time; use one like 2024-05-17, 2024-05-17T12:30 or "
                "17.05.2024 12:30, or {span}",
                "{option}: {text} — не время; напишите, например, 2024-05-17, 2024-05-17T12:30 или "
                "17.05.2024 12:30, либо {span}",
                option=option,
                text=text,
                span=span,
            )
        ) from None


def _iso(text: str) -> str:
    """Return a time with a day like 17.05.2024 as ISO 8601 has it, and any other text as it is."""
    found = _RUSSIAN.fullmatch(text)
    if found is None:
        return text
    day = f"{found['y']}-{found['m']:0>2}-{found['d']:0>2}"
    time = found["time"]
    if time is None:
        return day
    return f"{day}T{'0' if time[1] == ':' else ''}{time}"


def local(moment: datetime, zone: str, *, seconds: bool = True) -> str:
    """Return a time as such a command prints it."""
    form = "%Y-%m-%d %H:%M:%S" if seconds else "%Y-%m-%d %H:%M"
    return f"{moment.astimezone(ZoneInfo(zone)):{form}} {zone}"
