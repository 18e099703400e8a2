"""Moments that others give us: RFC 3339 alone, in years that every clock can show."""

import re
from datetime import datetime
from typing import Annotated, Final

from pydantic import BeforeValidator

from schemas.base import UtcTime

_LOCAL: Final = r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?"
_RFC_3339: Final = re.compile(rf"{_LOCAL}(Z|[+-][0-9]{{2}}:[0-9]{{2}})", re.IGNORECASE)
# A plus that a program forgot to write as %2B in a query.
_LOST_PLUS: Final = re.compile(rf"({_LOCAL}) ([0-9]{{2}}:[0-9]{{2}})", re.IGNORECASE)
_FIRST_YEAR: Final = 1970
_LAST_YEAR: Final = 9998


def _check_rfc_3339(value: object) -> object:
    """Refuse other forms that pydantic accepts: seconds since 1970, dates, other separators.

    A space before the offset is a plus: in a query it stands for one, unless it is written as %2B.
    """
    if isinstance(value, datetime):  # not from JSON
        return value
    if isinstance(value, str) and (lost := _LOST_PLUS.fullmatch(value)):
        value = f"{lost[1]}+{lost[3]}"
    if not isinstance(value, str) or not _RFC_3339.fullmatch(value):
        raise ValueError("has to be a time with an offset, like 2024-05-17T12:30:00Z")
    # Others can't be converted to every time zone.
    if not _FIRST_YEAR <= int(value[:4]) <= _LAST_YEAR:
        raise ValueError(f"has to be in the years {_FIRST_YEAR} to {_LAST_YEAR}")
    return value


Moment = Annotated[UtcTime, BeforeValidator(_check_rfc_3339)]
"""A time in RFC 3339 format."""
