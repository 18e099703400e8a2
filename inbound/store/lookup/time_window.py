"""The time of which a look-up is asked."""

from datetime import datetime
from typing import NamedTuple


class TimeWindow(NamedTuple):
    """From `since` to before `until`; None leaves an end open."""

    since: datetime | None = None
    until: datetime | None = None
