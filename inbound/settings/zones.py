"""The time zone of all times that people read or write without an offset."""

from typing import Annotated, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator

DEFAULT_ZONE: Final = "Europe/Moscow"


def _check(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(
            f"{name!r} is not a time zone; use an IANA name like {DEFAULT_ZONE}"
        ) from None
    return name


TimeZone = Annotated[str, AfterValidator(_check)]
"""An IANA name of a time zone that this machine knows."""
