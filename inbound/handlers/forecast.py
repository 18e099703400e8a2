"""When a broadcast is going to end, as far as that can be said. Pure.

It is what the pump would do (`pacing`): the rate within the sending hours, or the messages of a
window spread over it. At an unlimited rate the SMS centre decides, so there is no forecast.
"""

from datetime import datetime, timedelta
from typing import Final

from inbound.handlers.pacing import spread_until
from inbound.handlers.sending_hours import window_at
from schemas.sending_hours import SendingHours

_MOST_WINDOWS: Final = 400


def expected_end(
    begins_at: datetime,
    waiting: int,
    *,
    hours: SendingHours | None,
    rate: float | None,
    is_spread: bool,
) -> datetime | None:
    """Return when the last of the waiting messages is sent; None if that can't be said.

    Nor is it said for one that would take more than a year of windows.
    """
    if waiting <= 0:
        return begins_at
    if hours is None:
        return None if rate is None else begins_at + timedelta(seconds=waiting / rate)
    moment, left = begins_at, float(waiting)
    for _ in range(_MOST_WINDOWS):
        window = window_at(hours, moment)
        moment = max(moment, window.opens)
        seconds = (window.closes - moment).total_seconds()
        if rate is None:
            return max(spread_until(window), moment) if is_spread else None
        if left <= rate * seconds:
            at_rate = moment + timedelta(seconds=left / rate)
            return max(spread_until(window), at_rate) if is_spread else at_rate
        left -= rate * seconds
        moment = window.closes
    return None
