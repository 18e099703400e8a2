"""The time by one clock: the database's, as far as this process knows it.

One process compares times that another one noted: a gateway notes when a text arrived, a worker
computes how old it is. So all processes use the time of the database, which each of them reads now
and then (`inbound.store.database_watch`). A machine's clock that agrees with it is used as it is;
one that contradicts it, or was stepped, is not. Before the first reading, and in commands, there is
only the machine's.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple

DRIFT: Final = 1e-3
"""How far the two clocks may drift apart within a second: ten times the drift of hardware."""

AGREES_S: Final = 0.5
"""A machine's clock that differs by less is used as it is: NTP keeps clocks closer than that."""


class Epoch(NamedTuple):
    """A time in seconds since 1970, and how far it may be off."""

    s: float
    error_s: float


@dataclass(frozen=True, slots=True)
class _Reading:
    """The other clock showed `read` at `at` of the monotonic clock, give or take `error_s`.

    `read_s` is the same in seconds since 1970.
    """

    read: datetime
    read_s: float
    at: float
    error_s: float

    def error_at(self, at: float) -> float:
        return self.error_s + DRIFT * (at - self.at)


class OtherClock:
    """A clock elsewhere, extrapolated by the monotonic clock, which is never stepped.

    Readings may come from another thread.
    """

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        """Know nothing yet."""
        self.monotonic = monotonic
        self._reading: _Reading | None = None

    def note(self, read: datetime, asked: float, answered: float) -> None:
        """Take a reading, unless the one before is more exact; times by the monotonic clock.

        On a busy machine the answer may take seconds, and nobody knows when within them the other
        clock was read. Such a reading replaces an older one only if the older one is no
        longer more exact, or if the two contradict each other: then that clock was set, or it is
        another one.
        """
        error_s = (answered - asked) / 2
        new, old = _Reading(read, read.timestamp(), asked + error_s, error_s), self._reading
        if old is not None:
            known_error_s = old.error_at(new.at)
            known = old.read + timedelta(seconds=new.at - old.at)
            agree = abs((read - known).total_seconds()) <= error_s + known_error_s
            if agree and error_s > known_error_s:
                return
        self._reading = new

    @property
    def error_s(self) -> float:
        """How far `now` may be off; infinite before the first reading."""
        reading = self._reading
        return float("inf") if reading is None else reading.error_at(self.monotonic())

    def now(self) -> datetime | None:
        """Return that clock's time, None before the first reading."""
        reading = self._reading
        if reading is None:
            return None
        return reading.read + timedelta(seconds=self.monotonic() - reading.at)

    def epoch(self) -> "Epoch | None":
        """Return that clock's time in numbers, None before the first reading."""
        reading = self._reading
        if reading is None:
            return None
        at = self.monotonic()
        return Epoch(reading.read_s + (at - reading.at), reading.error_at(at))

    def correction(self, machine: float) -> float | None:
        """Return that clock's seconds since 1970 if those of a machine contradict it, else None."""
        reading = self._reading
        if reading is None:
            return None
        passed = self.monotonic() - reading.at
        there = reading.read_s + passed
        off_by = AGREES_S + reading.error_s + DRIFT * passed
        return None if -off_by <= machine - there <= off_by else there

    def forget(self) -> None:
        """Forget all readings."""
        self._reading = None


database_clock: Final = OtherClock()
"""The clock of the database that this process uses; nothing is known of it before a reading."""


def utc_now() -> datetime:
    """Return the current time in UTC, by the database's clock once it was read."""
    # In plain numbers: it is called many times for each message.
    machine = time.time()
    there = database_clock.correction(machine)
    return datetime.fromtimestamp(machine if there is None else there, UTC)


def machine_skew_s() -> float:
    """Return how many seconds this machine's clock is ahead of the database's, negative if behind.

    What a slow answer of the database may explain is left out, so this is the least that is
    certain. 0 before the first reading.
    """
    there = database_clock.epoch()
    return 0.0 if there is None else certain(time.time() - there.s, there.error_s)


def certain(difference_s: float, error_s: float) -> float:
    """Return how much of a difference is certain if the measurement may be off by `error_s`."""
    least = max(0.0, abs(difference_s) - error_s)
    return least if difference_s > 0 else -least
