"""When sending hours begin and end, in UTC. Pure.

Hours are by the clocks of their zone. On the day on which clocks go forward, a time that the
clocks leave out is the moment at which they go forward; on the day on which they go back, hours
last from the first time that the clocks show their start to the last time that they show their
end.
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from schemas.sending_hours import SendingHours

_DAY: Final = timedelta(days=1)
_DAYS_AHEAD: Final = 3
"""Hours that fall into a change of the clocks can be left out on one day, never on the next."""


class Window(NamedTuple):
    """From `opens` up to and not including `closes`, both UTC."""

    opens: datetime
    closes: datetime


@lru_cache(maxsize=256)
def window_at(hours: SendingHours, moment: datetime) -> Window:
    """Return the window that is open at `moment`, or else the next one."""
    return next(window for window in _windows(hours, moment) if window.closes > moment)


def _windows(hours: SendingHours, moment: datetime) -> Iterator[Window]:
    """Yield the windows from the day before `moment` on, in order."""
    zone = ZoneInfo(hours.zone)
    first = moment.astimezone(zone).date() - _DAY
    for number in range(2 + _DAYS_AHEAD):
        day = first + number * _DAY
        last_day = day if hours.end > hours.start else day + _DAY
        window = Window(
            _utc(day, hours.start, zone, fold=0), _utc(last_day, hours.end, zone, fold=1)
        )
        if window.opens < window.closes:
            yield window
    raise ValueError("these hours never open")


def _utc(day: date, at: time, zone: ZoneInfo, *, fold: int) -> datetime:
    """Return when the clocks of `zone` show this time: the first time, or with fold=1 the last."""
    local = datetime.combine(day, at.replace(fold=fold), zone)
    moment = local.astimezone(UTC)
    if moment.astimezone(zone).replace(tzinfo=None) == local.replace(tzinfo=None):
        return moment
    return _change_around(moment, zone)


def _change_around(moment: datetime, zone: ZoneInfo) -> datetime:
    """Return when the clocks go forward on this day, by halving down to the second."""
    before, after = moment - _DAY, moment + _DAY
    offset = before.astimezone(zone).utcoffset()
    while after - before > timedelta(seconds=1):
        middle = before + (after - before) // 2
        if middle.astimezone(zone).utcoffset() == offset:
            before = middle
        else:
            after = middle
    return after.replace(microsecond=0)
