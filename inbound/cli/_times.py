"""Times as operators write and read them: an ISO date or time, or how long ago.

A time without an offset is in the time zone of the settings in every command, and so are the times
that a command with such an option prints, with the zone's name.
"""

import re
from datetime import UTC, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from inbound.errors import SetupError

_UNITS: Final = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_AGO = re.compile(r"([0-9]{1,6})\s*([smhdw])")


def parse_moment(
    text: str, option: str, *, now: datetime, zone: str, is_ahead: bool = False
) -> datetime:
    """Parse a time and return it in UTC.

    `2h` and `3d` count back from `now`, or on from it if the time `is_ahead`; `2024-05-17` is the
    start of that day. A time without an offset is in `zone`. Raises SetupError, which names
    `option`.
    """
    text = text.strip()
    span = "how long from now, like 30m, 2h or 3d" if is_ahead else "an age like 30m, 2h or 3d"
    try:
        if ago := _AGO.fullmatch(text.lower()):
            length = timedelta(**{_UNITS[ago[2]]: int(ago[1])})
            return now.astimezone(UTC) + (length if is_ahead else -length)
        moment = datetime.fromisoformat(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=ZoneInfo(zone))).astimezone(UTC)
    except (ValueError, OverflowError):
        raise SetupError(
            f"{option}: {text!r} is not a time; use one like 2024-05-17 or 2024-05-17T12:30, or "
            f"{span}"
        ) from None


def local(moment: datetime, zone: str, *, seconds: bool = True) -> str:
    """Return a time as such a command prints it."""
    form = "%Y-%m-%d %H:%M:%S" if seconds else "%Y-%m-%d %H:%M"
    return f"{moment.astimezone(ZoneInfo(zone)):{form}} {zone}"
