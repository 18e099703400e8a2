"""How fast a broadcast goes: its rate, and even spreading over its sending hours. Pure."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from inbound.handlers.sending_hours import Window, window_at
from schemas.sending_hours import SendingHours

_MARGIN_SHARE: Final = 0.02
_MARGIN_MAX: Final = timedelta(minutes=2)
"""Spreading ends this long before the window closes: the last messages take a while."""

_LONGEST_BURST_S: Final = 1.0


@dataclass(frozen=True, slots=True)
class Pace:
    """`per_s` messages a second from `opens` on; None is as fast as possible."""

    opens: datetime
    per_s: float | None


def pace_at(
    moment: datetime,
    *,
    hours: SendingHours | None,
    rate: float | None,
    is_spread: bool,
    waiting: float,
) -> Pace:
    """Return the pace at a moment, and from when on a message may be sent.

    With spreading, the `waiting` recipients, except those that a bucket already allows, are spread
    over what is left of the window; those for whom `rate` is too low wait for the next one.
    """
    if hours is None:
        return Pace(moment, rate)
    window = window_at(hours, moment)
    if window.opens > moment or not is_spread:
        return Pace(max(moment, window.opens), rate)
    left = (spread_until(window) - moment).total_seconds()
    if left < 1:
        return Pace(moment, rate)  # the rest goes now, or the last would wait for the next window
    even = max(waiting, 0.0) / left
    return Pace(moment, even if rate is None else min(even, rate))


def spread_until(window: Window) -> datetime:
    """Return when the last message is sent that is spread over a window."""
    margin = min(_MARGIN_MAX, (window.closes - window.opens) * _MARGIN_SHARE)
    return window.closes - margin


class Bucket:
    """Counts what may be sent by now at a pace that may change; at most a second's worth."""

    def __init__(self) -> None:
        self._allowed = 1.0
        self._at: datetime | None = None

    @property
    def level(self) -> float:
        """How much it allowed at its last update that was not taken."""
        return self._allowed

    def take(self, moment: datetime, per_s: float, most: int) -> int:
        """Return how many may be sent at this moment, `most` at most, and count them as sent."""
        if self._at is not None:
            elapsed = max((moment - self._at).total_seconds(), 0.0)
            # One more, so that no part of a message gets lost at low rates.
            burst = max(per_s * _LONGEST_BURST_S, 1.0) + 1.0
            self._allowed = min(self._allowed + elapsed * per_s, burst)
        self._at = moment
        taken = min(int(self._allowed), most)
        self._allowed -= taken
        return taken
