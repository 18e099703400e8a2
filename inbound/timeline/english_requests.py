"""The sentence about a request in English, and the one about its time limit."""

from datetime import datetime, timedelta
from functools import partial
from typing import Final, assert_never

from inbound.plurals import counted, noun
from inbound.timeline import english_outcomes, english_plans
from inbound.timeline.cases import Case, ReplyProgress
from inbound.timeline.english_outcomes import taken_up
from inbound.timeline.english_refusals import switched_by
from inbound.timeline.model import ClockState, ReplyStatus
from inbound.timeline.pending import ENGLISH, clause
from inbound.timeline.words import OPEN_CLOCKS, Calendar, english_duration, spelling_of

_LONG: Final = timedelta(days=1)
_UNKNOWN: Final = (
    "was sent, but the operator never answered: it may or may not have arrived; if it has not, "
    "please text again"
)
_MAYBE_SENT: Final = (
    "may or may not have been sent, because our service was interrupted meanwhile; if it has not "
    "arrived, please text again"
)
_EXPIRED: Final = "could not be sent in time and will not be sent; please text again"
_ERASED: Final = "was not sent, because the number or the data had been erased from the service"


def sentence(case: Case, calendar: Calendar) -> str:
    """Say what happened to a request."""
    return _Sentence(calendar).request(case)


def clock(case: Case, calendar: Calendar) -> str:
    """Say whether the acknowledgement is in time."""
    clock = case.clock
    if case.unread and clock.state in OPEN_CLOCKS:
        return f"not known yet: {clause(ENGLISH, case.unread, calendar)}"
    if case.taken_at is not None and clock.state in OPEN_CLOCKS:
        return f"not known yet: it {taken_up(calendar.near(case.taken_at, case.arrived_at))}"
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


class _Sentence:
    def __init__(self, calendar: Calendar) -> None:
        self._calendar = calendar

    def request(self, case: Case) -> str:
        # Not as a quotation: the text may have been in capitals, and it is not kept.
        came = f"Your text with the command {spelling_of(case.command)} reached us "
        came += self._on(case.arrived_at)
        became = self._outcome(case, case.reply)
        return f"{came}{self._owed(case)} {became}{_late(case)}{self._restored(case)}."

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
                return _UNKNOWN if reply.was_sent else _MAYBE_SENT
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
                f"{sent}; {reply.parts_delivered} of its {reply.parts} parts "
                f"{noun(reply.parts_delivered, 'has', 'have')} been delivered "
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
        if case.unread:
            return "may already have been sent"
        if case.taken_at is not None:
            when = self._near(case.taken_at, case)
            if case.confirm and case.acknowledgement.status is ReplyStatus.WAITING:
                return f"follows the acknowledgement, which {taken_up(when)}"
            return taken_up(when)
        if case.acknowledgement.status is not ReplyStatus.WAITING:
            return self._being_sent(case, reply)
        due = _seconds(case.clock.left_s)
        running = case.clock.state is ClockState.RUNNING
        when = f"due within the next {due}" if running else f"overdue by {due}"
        if not case.confirm:
            being_sent = self._being_sent(case, reply)
            return f"{being_sent}; it is {when}"
        first = self._being_sent(case, case.acknowledgement)
        comma = "," if "," in first else ""
        return f"follows the acknowledgement, which {first}{comma} and is {when}"

    def _being_sent(self, case: Case, reply: ReplyProgress) -> str:
        near = partial(self._calendar.bare_near, mentioned=case.arrived_at)
        return english_outcomes.being_sent(reply, case.waits, near)

    def _unread(self, case: Case) -> str:
        """Add that the reply may have got further; the timeline says which reports wait."""
        return "; it may already have got further" if case.unread else ""

    def _held(self, case: Case) -> str:
        latest = f", {self._on(case.held_until)} at the latest" if case.held_until else ""
        return f"waits until one of our staff has checked the request{latest}"

    def _restored(self, case: Case) -> str:
        if case.restored_at is None:
            return ""
        return (
            f"; we undid this {self._on(case.restored_at)} and notifications were switched on again"
        )

    def _owed(self, case: Case) -> str:
        """Say what was decided and name the reply whose outcome follows."""
        if case.refused is not None:
            return f"{english_plans.refusal(case.refused)}, and {english_plans.REFUSED_REPLY}"
        decision = english_plans.decision(case, self._since(case))
        joint = ", and" if decision else ";"
        if not case.confirm:
            return f"{decision}{joint} the acknowledgement, the only reply,"
        return f"{decision}{joint} {english_plans.reply(case.plan)}"

    def _since(self, case: Case) -> str:
        """Say since when notifications were off before, and who had switched them."""
        if (stop := case.stop) is None:
            return ""
        return f" (switched off {self._near(stop.at, case)} {switched_by(stop)})"

    def _on(self, moment: datetime) -> str:
        return self._calendar.on(moment)

    def _near(self, moment: datetime | None, case: Case) -> str:
        return self._calendar.near(moment or case.arrived_at, case.arrived_at)


def _seconds(seconds: float | None) -> str:
    return english_duration(timedelta(seconds=abs(seconds or 0)))


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
