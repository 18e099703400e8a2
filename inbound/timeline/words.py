"""What a language has to say, and what all languages share. Pure."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from typing import Any, Final, Protocol

from inbound.timeline.cases import Case
from inbound.timeline.model import Clock, StepKind
from schemas.events import Command

COMMANDS: Final[Mapping[Command, str]] = {
    Command.CLIENT_INFO: "CLIENT info",
    Command.SMS_STOP: "CLIENT sms stop",
    Command.SMS_START: "CLIENT sms start",
}
"""How the instruction writes the commands."""

Details = Mapping[str, Any]
Telling = Mapping[StepKind, Callable[[Details], str]]


@dataclass(frozen=True, slots=True)
class Span:
    """When texts arrived, and how many."""

    first_at: datetime
    last_at: datetime
    count: int = 1


@dataclass(frozen=True, slots=True)
class Silence:
    """Nothing is known: of which time, and of what nothing could be known.

    Texts that were no command are noted for `miss_days`; `left_out` were too many to note.
    """

    since: datetime | None
    until: datetime | None
    miss_days: int
    left_out: Span | None


class Words(Protocol):
    """One language in one zone. Whole sentences, to be read to a client."""

    def request(self, case: Case) -> str:
        """Say what became of a request."""
        ...

    def miss(self, kind: str, span: Span) -> str:
        """Say why texts made no request."""
        ...

    def unfinished(self, span: Span, here: int, total: int) -> str:
        """Say that parts of a long text are missing."""
        ...

    def nothing(self, silence: Silence) -> str:
        """Say that nothing arrived, and how sure that is."""
        ...

    def clock(self, clock: Clock) -> str:
        """Say how a request stands to the two minutes."""
        ...

    def step(self, kind: StepKind, details: Details) -> str:
        """Say what happened at one step: for those who know the service."""
        ...


@dataclass(frozen=True, slots=True)
class Calendar:
    """Moments of a zone in one language, by its formats."""

    zone: tzinfo
    months: tuple[str, ...]
    day: str
    full: str
    time: str
    plain: str
    within_a_day: str
    over_days: str

    def on(self, moment: datetime) -> str:
        """Return day and time, to stand within a sentence."""
        return self.full.format(day=self._day(moment), time=self._time(moment))

    def near(self, moment: datetime, told: datetime) -> str:
        """Return the time of day, with its day unless that is the day of `told`."""
        if moment.astimezone(self.zone).date() == told.astimezone(self.zone).date():
            return self.time.format(time=self._time(moment))
        return self.on(moment)

    def bare(self, moment: datetime) -> str:
        """Return day and time as they stand alone."""
        return self.plain.format(day=self._day(moment), time=self._time(moment))

    def over(self, span: Span) -> str:
        """Return a span of time, to begin a sentence or to stand within one."""
        first, last = (at.astimezone(self.zone) for at in (span.first_at, span.last_at))
        if first.date() == last.date():
            return self.within_a_day.format(
                day=self._day(first), first=self._time(first), last=self._time(last)
            )
        return self.over_days.format(first=self.bare(first), last=self.bare(last))

    def _day(self, moment: datetime) -> str:
        local = moment.astimezone(self.zone)
        return self.day.format(day=local.day, month=self.months[local.month - 1], year=local.year)

    def _time(self, moment: datetime) -> str:
        return f"{moment.astimezone(self.zone):%H:%M:%S}"


def duration(span: timedelta, units: tuple[str, str, str, str]) -> str:
    """Return a duration in its two largest units; `units` are those of s, min, h and days."""
    seconds = max(0.0, span.total_seconds())
    if seconds < 10:
        return f"{seconds:.1f} {units[0]}"
    whole = round(seconds)
    days, hours, minutes = whole // 86_400, whole // 3600, whole // 60
    if days:
        return _two(days, units[3], hours % 24, units[2])
    if hours:
        return _two(hours, units[2], minutes % 60, units[1])
    if minutes:
        return _two(minutes, units[1], whole % 60, units[0])
    return f"{whole} {units[0]}"


def _two(large: int, large_unit: str, small: int, small_unit: str) -> str:
    rest = f" {small} {small_unit}" if small else ""
    return f"{large} {large_unit}{rest}"


def statuses(parts: list[Details], unanswered: str) -> str:
    """Return the names of the parts' statuses, each once."""
    names = (part["status_name"] or unanswered for part in parts)
    return ", ".join(dict.fromkeys(names))


def centre_ids(parts: list[Details]) -> str:
    """Return the ids that the centre gave to the parts, as they are."""
    return ", ".join(part["smsc_message_id"] for part in parts if part["smsc_message_id"])
