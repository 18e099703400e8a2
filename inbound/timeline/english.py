"""The sentences in English."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta, tzinfo
from typing import Final

from inbound.smpp.status import explain
from inbound.timeline import english_steps
from inbound.timeline.cases import Case, Reply
from inbound.timeline.model import Clock, ClockState, StepKind, Verdict
from inbound.timeline.words import COMMANDS, Calendar, Details, Silence, Span
from schemas.events import Plan
from schemas.messages import ReceiptState

_MONTHS: Final = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
_LONG: Final = timedelta(days=1)
_REPLIES: Final[Mapping[Plan, str]] = {
    Plan.REGISTRATION: "the reply with your registration data",
    Plan.STOPPED: "the reply that confirms it",
    Plan.STARTED: "the reply that confirms it",
    Plan.UNKNOWN_NUMBER: "the reply that says so",
    Plan.INFO_STALE: "the reply that asks you to text again",
}
_UNDELIVERED: Final[Mapping[ReceiptState | None, str]] = {
    ReceiptState.EXPIRED: ": the phone was off or out of reach until the operator gave up",
    ReceiptState.DELETED: ": the operator deleted it",
    ReceiptState.REJECTED: ": the operator refused it after having taken it",
    ReceiptState.SKIPPED: ": the operator left it out",
    ReceiptState.UNDELIVERABLE: ": the operator could not bring it to the phone",
}
_UNKNOWN: Final = (
    "was sent, but the operator never answered: it may or may not have arrived; if it has not, "
    "please text again"
)
_EXPIRED: Final = "could not be sent for so long that it is not sent any more; please text again"
_ERASED: Final = "was not sent, because the number or the data had been erased from the service"
_MISSES: Final[Mapping[str, str]] = {
    "look_alike": "contained letters that only look like Latin ones (a Cyrillic С in CLIENT, for "
    "example), so that it was no command; please type it anew with a Latin keyboard",
    "spacing": "had the words of a command with other blanks between them; please put exactly "
    "one blank between two words",
    "extra_words": "contained a command and something else; please send the command alone",
    "unknown": "was none of the commands, which are CLIENT info, CLIENT sms stop and "
    "CLIENT sms start",
    "empty": "contained no text",
    "undecodable": "could not be read as a text",
    "duplicate": "repeated the command before it so soon that both count as one request, which "
    "is answered once",
    "limited": "was a command too many: only so many are accepted within an hour; please text "
    "again later",
    "unknown_number": "was a command, but this number is not registered with us, and such texts "
    "are not answered",
    "incomplete": "came in parts of which some never arrived; please send it again",
}


class English:
    """`inbound.timeline.words.Words` in English."""

    def __init__(self, zone: tzinfo) -> None:
        """Tell times in this zone."""
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
        self._became: Mapping[Verdict, Callable[[Case, Reply], str]] = {
            Verdict.WAITING: self._waiting,
            Verdict.ON_ITS_WAY: self._on_its_way,
            Verdict.DELIVERED: self._delivered,
            Verdict.UNDELIVERABLE: self._undeliverable,
            Verdict.UNDETERMINED: self._undetermined,
            Verdict.REJECTED: self._rejected,
            Verdict.UNKNOWN: lambda *_: _UNKNOWN,
            Verdict.EXPIRED: lambda *_: _EXPIRED,
            Verdict.ERASED: lambda *_: _ERASED,
        }

    def request(self, case: Case) -> str:
        """See the protocol."""
        came = f"Your text “{COMMANDS[case.command]}” reached us {self._on(case.arrived_at)}"
        became = self._became[case.reply.verdict](case, case.reply)
        return f"{came}{_decided(case)} {became}{_late(case)}."

    def miss(self, kind: str, span: Span) -> str:
        """See the protocol."""
        what = _MISSES.get(kind, f"made no request ({kind})")
        if span.count == 1:
            return f"A text that reached us {self._on(span.first_at)} {what}."
        return f"Each of {span.count} texts that reached us {self._calendar.over(span)} {what}."

    def unfinished(self, span: Span, here: int, total: int) -> str:
        """See the protocol."""
        return (
            f"Of a long text that began to arrive {self._on(span.first_at)}, {here} of {total} "
            "parts are here and the others are waited for; please send it again as one short text."
        )

    def nothing(self, silence: Silence) -> str:
        """See the protocol."""
        since = f" from {self._calendar.bare(silence.since)}" if silence.since else ""
        until = f" to {self._calendar.bare(silence.until)}" if silence.until else ""
        said = f"We have no record of a text from this number{since}{until}."
        if silence.miss_days:
            days = f"{silence.miss_days} {'day' if silence.miss_days == 1 else 'days'}"
            said += f" Of texts that were no command we know for {days} only."
        else:
            said += " Texts that were no command are not noted here."
        if (out := silence.left_out) is not None:
            over = self._calendar.over(out)
            said += (
                f" {over[0].upper()}{over[1:]} so many texts came from all numbers that "
                f"{out.count} of them were not noted; this number's may be among them."
            )
        return said

    def clock(self, clock: Clock) -> str:
        """See the protocol."""
        match clock.state:
            case ClockState.KEPT:
                return f"kept: acknowledged after {_seconds(clock.after_s)} of 2 min"
            case ClockState.LATE:
                return f"broken: acknowledged only after {_seconds(clock.after_s)}"
            case ClockState.RUNNING:
                return f"running: not acknowledged yet, {_seconds(clock.left_s)} left"
            case ClockState.OVERDUE:
                return f"broken: not acknowledged yet, {_seconds(clock.left_s)} too late"
            case ClockState.MISSED:
                return "broken: the centre never said that it took the acknowledgement"

    def step(self, kind: StepKind, details: Details) -> str:
        """See the protocol."""
        return english_steps.TELLING[kind](details)

    def _delivered(self, case: Case, reply: Reply) -> str:
        return f"was delivered to your phone {self._near(reply.at, case)}"

    def _on_its_way(self, case: Case, reply: Reply) -> str:
        sent = f"was handed to your operator {self._near(reply.sent_at, case)}"
        if reply.parts_delivered:
            return (
                f"{sent}, who has delivered {reply.parts_delivered} of its {reply.parts} parts "
                "to your phone so far"
            )
        if case.open_for > _LONG:
            days = f"{case.open_for.days} {'day' if case.open_for.days == 1 else 'days'}"
            return f"{sent}, who has not reported for {days} whether it is on your phone"
        return f"{sent}, who has not reported yet whether it is on your phone"

    def _undeliverable(self, _case: Case, reply: Reply) -> str:
        code = f" (the operator's code {reply.error})" if reply.error else ""
        full = " in full" if reply.parts > 1 else ""
        return f"could not be delivered{full}{_UNDELIVERED.get(reply.state, '')}{code}"

    def _undetermined(self, case: Case, reply: Reply) -> str:
        sent = f"was handed to your operator {self._near(reply.sent_at, case)}"
        return f"{sent}, who does not know either whether it is on your phone"

    def _rejected(self, _case: Case, reply: Reply) -> str:
        if reply.status is None:
            return "could not be put into a form that can be sent, and was not sent"
        status = explain(reply.status)
        if reply.partly:
            return (
                f"was refused in part by the operator's SMS centre, {status}, so that it can't "
                "arrive in full"
            )
        return f"was refused by the operator's SMS centre, {status}, and not sent"

    def _waiting(self, case: Case, reply: Reply) -> str:
        again = " again, because the operator did not answer" if reply.tried else ""
        if case.acknowledgement.verdict is not Verdict.WAITING:
            return f"is being sent{again}"
        due = _seconds(case.clock.left_s)
        running = case.clock.state is ClockState.RUNNING
        when = f"due within the next {due}" if running else f"overdue by {due}"
        if not case.confirm:
            return f"is being sent{again}; it is {when}"
        again = " again, because the operator did not answer," if case.acknowledgement.tried else ""
        return f"follows the acknowledgement, which is being sent{again} and is {when}"

    def _on(self, moment: datetime) -> str:
        return self._calendar.on(moment)

    def _near(self, moment: datetime | None, case: Case) -> str:
        return self._calendar.near(moment or case.arrived_at, case.arrived_at)


def _seconds(seconds: float | None) -> str:
    return english_steps.lasting(timedelta(seconds=abs(seconds or 0)))


def _decided(case: Case) -> str:
    """Say what was decided, up to the reply that is owed."""
    reply = _REPLIES[case.plan]
    if case.plan is Plan.REGISTRATION:
        return f"; {reply}"
    if case.plan is Plan.UNKNOWN_NUMBER:
        return (
            f"; the request was refused because this number is not registered with us, and {reply}"
        )
    if case.plan is Plan.INFO_STALE:
        waited = english_steps.lasting(case.waited)
        return (
            f" but was processed only {waited} later, so that the request was refused, and {reply}"
        )
    off = "off" if case.plan is Plan.STOPPED else "on"
    if not case.repeated:
        return f"; notifications were switched {off}, and {reply}"
    if case.confirm:
        return f"; notifications were {off} already, and {reply}"
    return f"; notifications were {off} already, and the acknowledgement, the only reply,"


def _late(case: Case) -> str:
    """Say what went wrong with the acknowledgement, if anything did."""
    if case.clock.state is ClockState.LATE and case.clock.after_s is not None:
        after = _seconds(case.clock.after_s)
        return f"; the acknowledgement was late, sent after {after} instead of within 2 min"
    if case.clock.state is ClockState.MISSED and case.confirm:
        if case.acknowledgement.verdict is Verdict.UNKNOWN:
            return "; whether the acknowledgement arrived is not known"
        return "; the acknowledgement could not be sent"
    return ""
