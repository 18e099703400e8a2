"""The time that a look-up is about."""

from datetime import datetime
from typing import NamedTuple


class TimeWindow(NamedTuple):
    """From `since` up to and not including `until`; None leaves an end open."""

    since: datetime | None = None
    until: datetime | None = None
