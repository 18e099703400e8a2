"""Cursors of pages: the time and id of the last row of the page before, opaque to callers.

A page starts after that row, so pages neither repeat nor skip one while new ones arrive.
"""

from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

# 13 hexadecimal digits of microseconds reach from 1970 to 2112.
_TIME_DIGITS: Final = 13
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)

CURSOR: Final = rf"^[0-9a-f]{{{_TIME_DIGITS + 32}}}$"
"""The form of a cursor."""


def write_cursor(at: datetime, id_: UUID) -> str:
    """Return the cursor of a row."""
    return f"{(at - _EPOCH) // _MICROSECOND:0{_TIME_DIGITS}x}{id_.hex}"


def read_cursor(cursor: str) -> tuple[datetime, UUID]:
    """Return the time and id in a cursor of that form."""
    at_us, id_ = cursor[:_TIME_DIGITS], cursor[_TIME_DIGITS:]
    return _EPOCH + int(at_us, 16) * _MICROSECOND, UUID(id_)
