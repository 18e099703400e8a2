"""The interface of each language, and what all languages share. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final, Protocol

from inbound.freshness.model import Pending
from inbound.handlers.decision import Disposition
from inbound.handlers.definitions import DEFINITIONS, definition_of
from inbound.money import grouped
from inbound.parsers.commands import NoCommand
from inbound.plurals import counted_in_russian
from inbound.timeline.cases import Case
from inbound.timeline.incidents import BroadcastExclusion, Switch
from inbound.timeline.model import ClockState, StepKind, TextReading
from inbound.timeline.order_cases import OrderCase
from inbound.timeline.question_cases import SwitchedOffCase, TwiceCase
from schemas.events import Command

Details = Mapping[str, Any]

OPEN_CLOCKS: Final = frozenset({ClockState.RUNNING, ClockState.OVERDUE})
"""The states of a clock that a report of the operator may still change."""

_SIGNS: Final = {"RUB": "₽", "EUR": "€", "USD": "$"}


class MissKind(StrEnum):
    """Why a text made no request: it is no command, or one that wasn't accepted, or in parts.

    Texts of accounts are no commands either; their programs get them.
    """

    EMPTY = NoCommand.EMPTY.value
    UNDECODABLE = NoCommand.UNDECODABLE.value
    SPACING = NoCommand.SPACING.value
    LOOK_ALIKE = NoCommand.LOOK_ALIKE.value
    EXTRA_WORDS = NoCommand.EXTRA_WORDS.value
    UNKNOWN = NoCommand.UNKNOWN.value
    DUPLICATE = Disposition.DUPLICATE.value
    LIMITED = Disposition.LIMITED.value
    UNKNOWN_NUMBER = Disposition.UNKNOWN_NUMBER.value
    UNKNOWN_NUMBER_CEILING = Disposition.UNKNOWN_NUMBER_CEILING.value
    INCOMPLETE = "incomplete"
    ACCOUNT_TEXT = "account_text"
    ACCOUNT_TEXT_LIMIT = "account_text_limit"


@dataclass(frozen=True, slots=True)
class ArrivalSpan:
    """When this many texts arrived: the first and the last."""

    first_at: datetime
    last_at: datetime
    count: int = 1


@dataclass(frozen=True, slots=True)
class NothingFound:
    """No text is known from the time asked for.

    Texts that were not commands are noted for `miss_days`. `left_out` are texts that were not
    noted because too many arrived. With something `pending` the person may have
    texted all the same.
    """

    since: datetime | None
    until: datetime | None
    miss_days: int
    left_out: ArrivalSpan | None
    pending: tuple[Pending, ...] = ()


class Wording(Protocol):
    """One language in one time zone. Makes whole sentences that support reads to a client.

    A clock, a step and a reading are for the operator.
    """

    def request(self, case: Case) -> str:
        """Say what happened to a request."""
        ...

    def order(self, case: OrderCase) -> str:
        """Say what happened to a notification, a broadcast or a service message."""
        ...

    def advice(self, case: OrderCase) -> str | None:
        """Say to support, not to the client, why an order was refused and what can be done."""
        ...

    def exclusion(self, exclusion: BroadcastExclusion) -> str:
        """Say why a broadcast was not sent to somebody who was in its audience."""
        ...

    def switch(self, switch: Switch) -> str:
        """Say that an operator switched notifications and broadcasts on or off."""
        ...

    def miss(
        self, kind: str, span: ArrivalSpan, limit: int | None, *, has_advice: bool = True
    ) -> str:
        """Say why texts made no request; `limit` is the number of commands an hour, if known.

        Without `has_advice` it doesn't say what to do about it, because a later text succeeded.
        """
        ...

    def reading(self, reading: TextReading) -> str:
        """Say how a text was read, to the operator."""
        ...

    def unfinished(self, span: ArrivalSpan, here: int, total: int) -> str:
        """Say that parts of a long text are missing."""
        ...

    def nothing(self, silence: NothingFound) -> str:
        """Say that nothing arrived, and how sure that is."""
        ...

    def twice(self, case: TwiceCase) -> str:
        """Answer "I got it twice"."""
        ...

    def switched_off(self, case: SwitchedOffCase) -> str:
        """Answer "I switched it off and still get messages"."""
        ...

    def pending(self, pending: Pending) -> str:
        """Say what was received and is not processed yet."""
        ...

    def clock(self, case: Case) -> str:
        """Say whether the acknowledgement is in time."""
        ...

    def step(self, kind: StepKind, details: Details) -> str:
        """Say what happened at one step, for people who know the service."""
        ...


@dataclass(frozen=True, slots=True)
class Calendar:
    """Formats moments of one time zone in one language."""

    zone: tzinfo
    months: tuple[str, ...]
    day: str
    full: str
    time: str
    plain: str
    within_a_day: str
    over_days: str
    clock: str = "%H:%M:%S"

    def on(self, moment: datetime) -> str:
        """Return day and time for use within a sentence."""
        return self.full.format(day=self._day(moment), time=self._time(moment))

    def near(self, moment: datetime, mentioned: datetime) -> str:
        """Return the time of day, with its day unless that is the day of `mentioned`."""
        if moment.astimezone(self.zone).date() == mentioned.astimezone(self.zone).date():
            return self.time.format(time=self._time(moment))
        return self.on(moment)

    def bare(self, moment: datetime) -> str:
        """Return day and time for use on their own."""
        return self.plain.format(day=self._day(moment), time=self._time(moment))

    def bare_near(self, moment: datetime, mentioned: datetime) -> str:
        """Return the time for use on its own, as `bare` unless it is the day of `mentioned`."""
        if self._day(moment) == self._day(mentioned):
            return self._time(moment)
        return self.bare(moment)

    def over(self, span: ArrivalSpan) -> str:
        """Return a span of time for the beginning of a sentence or for within one."""
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
        return f"{moment.astimezone(self.zone):{self.clock}}"


def spelling_of(command: Command) -> str:
    """Return a command as the instruction writes it."""
    return definition_of(command).spelling


def accepted_spellings() -> list[str]:
    """Return the spellings of the commands that are accepted."""
    return [definition.spelling for definition in DEFINITIONS if definition.is_accepted]


def miss_kind(kind: str) -> MissKind | None:
    """Return a stored kind of miss, None for one of a newer release."""
    return MissKind(kind) if kind in list(MissKind) else None


def english_duration(span: timedelta) -> str:
    """Return a duration as it is written in English."""
    return duration(span, ("s", "min", "h", "d"))


def russian_duration(span: timedelta) -> str:
    """Return a duration as it is written in Russian."""
    return duration(span, ("с", "мин", "ч", "сут")).replace(".", ",")


def english_money(amount: str, currency: str | None) -> str:
    """Return an amount as it is written in English: 1,234.50 RUB."""
    return f"{grouped(Decimal(amount))} {currency or ''}".rstrip()


def russian_money(amount: str, currency: str | None) -> str:
    """Return an amount as it is written in Russian: 1 234,50 ₽, with spaces that don't break."""
    written = grouped(Decimal(amount)).translate({ord(","): "\u00a0", ord("."): ","})
    return f"{written}\u00a0{_SIGNS.get(currency, currency)}" if currency else written


def days_in_russian(days: int) -> str:
    """Return a number of days with its noun."""
    return counted_in_russian(days, "день", "дня", "дней")


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


def written_moment(moment: str, zone: tzinfo, form: str) -> str:
    """Return a moment of a step's details as the step prints it, in the zone of the timeline."""
    return f"{datetime.fromisoformat(moment).astimezone(zone):{form}}"


def statuses(parts: list[Details], unanswered: str) -> str:
    """Return the names of the parts' statuses, each once."""
    names = (part["status_name"] or unanswered for part in parts)
    return ", ".join(dict.fromkeys(names))


def centre_ids(parts: list[Details]) -> str:
    """Return the message ids that the SMS centre gave to the parts, unchanged."""
    return ", ".join(part["smsc_message_id"] for part in parts if part["smsc_message_id"])
