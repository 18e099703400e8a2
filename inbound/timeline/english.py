"""The sentences in English."""

from datetime import datetime, timedelta, tzinfo
from typing import Final, assert_never

from inbound.freshness.model import Pending
from inbound.plurals import counted
from inbound.timeline import english_orders, english_outcomes, english_plans, english_steps
from inbound.timeline.cases import Case, ReplyProgress
from inbound.timeline.english_outcomes import taken_up
from inbound.timeline.incidents import Exclusion, Switch
from inbound.timeline.model import ClockState, ReplyStatus, StepKind, TextReading
from inbound.timeline.order_cases import OrderCase
from inbound.timeline.pending import ENGLISH, added, clause, sentence
from inbound.timeline.words import (
    OPEN_CLOCKS,
    ArrivalSpan,
    Calendar,
    Details,
    MissKind,
    NothingFound,
    Wording,
    accepted_spellings,
    english_duration,
    miss_kind,
    spelling_of,
)

_MONTHS: Final = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
_LONG: Final = timedelta(days=1)
_UNKNOWN: Final = (
    "was sent, but the operator never answered: it may or may not have arrived; if it has not, "
    "please text again"
)
_EXPIRED: Final = "could not be sent in time and will not be sent any more; please text again"
_ERASED: Final = "was not sent, because the number or the data had been erased from the service"


class English(Wording):
    """Implements `Wording` in English."""

    def __init__(self, zone: tzinfo) -> None:
        """Give times in this zone."""
        self._calendar = Calendar(
            zone,
            _MONTHS,
            day="{day} {month} {year}",
            full="on {day} at {time}",
            time="at {time}",
            plain="{day}, {time}",
            within_a_day="on {day} between {first} and {last}",
            over_days="between {first} and {last}",
        )

    def request(self, case: Case) -> str:
        came = f"Your text “{spelling_of(case.command)}” reached us {self._on(case.arrived_at)}"
        became = self._outcome(case, case.reply)
        return f"{came}{_owed(case)} {became}{_late(case)}{self._restored(case)}."

    def order(self, case: OrderCase) -> str:
        return english_orders.sentence(case, self._calendar)

    def advice(self, case: OrderCase) -> str | None:
        return english_orders.advice(case, self._calendar)

    def exclusion(self, exclusion: Exclusion) -> str:
        return english_orders.exclusion(exclusion, self._calendar)

    def switch(self, switch: Switch) -> str:
        return english_orders.switched(switch, self._calendar)

    def miss(self, kind: str, span: ArrivalSpan, limit: int | None) -> str:
        known = miss_kind(kind)
        what = _why_missed(known, limit) if known else f"made no request ({kind})"
        if span.count == 1:
            return f"A text that reached us {self._on(span.first_at)} {what}."
        return f"Each of {span.count} texts that reached us {self._calendar.over(span)} {what}."

    def reading(self, reading: TextReading) -> str:
        alphabet = "no text" if reading.alphabet == "none" else reading.alphabet
        return (
            f"{reading.octets} octets read as data_coding {reading.data_coding} ({alphabet}), "
            f"bind {reading.bind}"
        )

    def unfinished(self, span: ArrivalSpan, here: int, total: int) -> str:
        return (
            f"Of a long text that began to arrive {self._on(span.first_at)}, {here} of {total} "
            "parts have arrived so far; please send it again as one short text."
        )

    def nothing(self, found: NothingFound) -> str:
        since = f" from {self._calendar.bare(found.since)}" if found.since else ""
        until = f" to {self._calendar.bare(found.until)}" if found.until else ""
        if found.pending:
            waits = " ".join(map(self.pending, found.pending))
            said = f"{waits} Of the texts processed so far none is from this number{since}{until}."
        else:
            said = f"We have no record of a text from this number{since}{until}."
        if found.miss_days:
            days = counted(found.miss_days, "day")
            said += f" Texts that were not commands are remembered for only {days}."
        else:
            said += " Texts that were not commands are not remembered here."
        if (out := found.left_out) is not None:
            over = self._calendar.over(out)
            said += (
                f" {over[0].upper()}{over[1:]} so many texts came from all numbers that "
                f"{out.count} of them were not noted; this number's may be among them."
            )
        return said

    def pending(self, pending: Pending) -> str:
        return sentence(ENGLISH, pending, self._calendar)

    def clock(self, case: Case) -> str:
        clock = case.clock
        if case.unread and clock.state in OPEN_CLOCKS:
            return f"not known yet: {clause(ENGLISH, case.unread, self._calendar)}"
        if case.taken_at is not None and clock.state in OPEN_CLOCKS:
            return f"not known yet: it {taken_up(self._near(case.taken_at, case))}"
        match clock.state:
            case ClockState.KEPT:
                return f"kept: acknowledged after {_seconds(clock.after_s)} (promise: 2 min)"
            case ClockState.LATE:
                return f"broken: acknowledged only after {_seconds(clock.after_s)}"
            case ClockState.RUNNING:
                return f"running: not acknowledged yet, {_seconds(clock.left_s)} left"
            case ClockState.OVERDUE:
                return f"broken: not acknowledged yet, {_seconds(clock.left_s)} too late"
            case ClockState.MISSED:
                return "not confirmed: the centre never said whether it took the acknowledgement"
            case _:
                assert_never(clock.state)

    def step(self, kind: StepKind, details: Details) -> str:
        return english_steps.step_text(kind, details, self._calendar.zone)

    def _outcome(self, case: Case, reply: ReplyProgress) -> str:
        """Say what happened to the reply."""
        match reply.status:
            case ReplyStatus.WAITING:
                return self._waiting(case, reply)
            case ReplyStatus.HELD:
                return self._held(case)
            case ReplyStatus.ON_ITS_WAY:
                return self._on_its_way(case, reply)
            case ReplyStatus.DELIVERED:
                return self._delivered(case, reply)
            case ReplyStatus.UNDELIVERABLE:
                return english_outcomes.undeliverable(reply)
            case ReplyStatus.UNDETERMINED:
                return self._undetermined(case, reply)
            case ReplyStatus.REJECTED:
                return english_outcomes.rejected(reply)
            case ReplyStatus.UNKNOWN:
                return f"{_UNKNOWN}{self._unread(case)}"
            case ReplyStatus.EXPIRED:
                return _EXPIRED
            case ReplyStatus.ERASED:
                return _ERASED
            case _:
                assert_never(reply.status)

    def _delivered(self, case: Case, reply: ReplyProgress) -> str:
        return f"was delivered to your phone {self._near(reply.at, case)}"

    def _on_its_way(self, case: Case, reply: ReplyProgress) -> str:
        sent = f"was handed to your operator {self._near(reply.sent_at, case)}"
        if reply.parts_delivered:
            return (
                f"{sent}; {reply.parts_delivered} of its {reply.parts} parts have been delivered "
                f"to your phone so far{self._unread(case)}"
            )
        if case.unread:
            return f"{sent}{self._unread(case)}"
        if case.open_for > _LONG:
            days = counted(case.open_for.days, "day")
            return f"{sent}; the operator has not reported for {days} whether it is on your phone"
        return f"{sent}; the operator has not reported yet whether it is on your phone"

    def _undetermined(self, case: Case, reply: ReplyProgress) -> str:
        sent = f"was handed to your operator {self._near(reply.sent_at, case)}"
        return f"{sent}; the operator does not know whether it reached your phone"

    def _waiting(self, case: Case, reply: ReplyProgress) -> str:
        again = " again, because the operator did not answer" if reply.tried else ""
        if case.unread:
            return f"may already have been sent{self._unread(case)}"
        if case.taken_at is not None:
            when = self._near(case.taken_at, case)
            if case.confirm and case.acknowledgement.status is ReplyStatus.WAITING:
                return f"follows the acknowledgement, which {taken_up(when)}"
            return taken_up(when)
        if case.acknowledgement.status is not ReplyStatus.WAITING:
            return f"is being sent{again}"
        due = _seconds(case.clock.left_s)
        running = case.clock.state is ClockState.RUNNING
        when = f"due within the next {due}" if running else f"overdue by {due}"
        if not case.confirm:
            return f"is being sent{again}; it is {when}"
        again = " again, because the operator did not answer," if case.acknowledgement.tried else ""
        return f"follows the acknowledgement, which is being sent{again} and is {when}"

    def _unread(self, case: Case) -> str:
        """Add that the reply may have got further, if reports are not processed yet."""
        return added(ENGLISH, case.unread, self._calendar)

    def _held(self, case: Case) -> str:
        latest = f", {self._on(case.held_until)} at the latest" if case.held_until else ""
        return f"waits until one of our staff has checked the request{latest}"

    def _restored(self, case: Case) -> str:
        if case.restored_at is None:
            return ""
        return (
            f"; we undid this {self._on(case.restored_at)} and notifications were switched on again"
        )

    def _on(self, moment: datetime) -> str:
        return self._calendar.on(moment)

    def _near(self, moment: datetime | None, case: Case) -> str:
        return self._calendar.near(moment or case.arrived_at, case.arrived_at)


def _why_missed(kind: MissKind, limit: int | None) -> str:
    match kind:
        case MissKind.LOOK_ALIKE:
            return (
                "contained letters that only look like Latin ones (a Cyrillic С in CLIENT, for "
                "example), so it was not a command; please type it again with a Latin keyboard"
            )
        case MissKind.SPACING:
            return (
                "had the words of a command with unusual spaces between them; please put exactly "
                "one ordinary space between two words"
            )
        case MissKind.EXTRA_WORDS:
            return "contained a command and something else; please send the command on its own"
        case MissKind.UNKNOWN:
            return f"was not one of the commands, which are {_listed(accepted_spellings())}"
        case MissKind.EMPTY:
            return "was empty"
        case MissKind.UNDECODABLE:
            return "could not be read as a text"
        case MissKind.DUPLICATE:
            return (
                "repeated the last accepted command so soon that both count as one request, "
                "which is answered once"
            )
        case MissKind.LIMITED:
            commands = "commands" if limit is None else counted(limit, "command")
            return f"exceeded the {commands} accepted per hour; please text again later"
        case MissKind.UNKNOWN_NUMBER:
            return (
                "was a command, but this number is not registered with us, and such texts "
                "are not answered"
            )
        case MissKind.UNKNOWN_NUMBER_CEILING:
            return (
                "was a command, but this number is not registered with us, and too many such texts "
                "arrived at the time for each to be answered"
            )
        case MissKind.INCOMPLETE:
            return "came in parts of which some never arrived; please send it again"
        case _:
            assert_never(kind)


def _listed(words: list[str]) -> str:
    *first, last = words
    return f"{', '.join(first)} and {last}" if first else last


def _seconds(seconds: float | None) -> str:
    return english_duration(timedelta(seconds=abs(seconds or 0)))


def _owed(case: Case) -> str:
    """Say what was decided and name the reply whose outcome follows."""
    if case.refused is not None:
        return f"{english_plans.refusal(case.refused)}, and {english_plans.REFUSED_REPLY}"
    decision = english_plans.decision(case)
    joint = ", and" if decision else ";"
    if not case.confirm:
        return f"{decision}{joint} the acknowledgement, the only reply,"
    return f"{decision}{joint} {english_plans.reply(case.plan)}"


def _late(case: Case) -> str:
    """Say what went wrong with the acknowledgement, if anything did."""
    match case.clock.state:
        case ClockState.LATE:
            after = _seconds(case.clock.after_s)
            return f"; the acknowledgement was late, sent after {after} instead of within 2 min"
        case ClockState.MISSED if case.confirm:
            if case.acknowledgement.status is ReplyStatus.UNKNOWN:
                return "; whether the acknowledgement arrived is not known"
            return "; the acknowledgement could not be sent"
        case ClockState.KEPT | ClockState.RUNNING | ClockState.OVERDUE | ClockState.MISSED:
            return ""
        case _:
            assert_never(case.clock.state)
