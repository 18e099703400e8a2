"""The sentences about orders in English: what support reads to the client, and what to do."""

from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Final, assert_never

from inbound.plurals import counted, noun
from inbound.timeline import english_channels, english_outcomes, english_refusals
from inbound.timeline.english_refusals import subject_of
from inbound.timeline.incidents import BroadcastExclusion, Switch, WhyExcluded
from inbound.timeline.model import ReplyStatus
from inbound.timeline.order_cases import OrderCase
from inbound.timeline.words import Calendar
from schemas.orders import OrderState, WithheldReason

_LONG: Final = timedelta(days=1)
_PAUSED: Final = "waits until its broadcast is resumed"


def sentence(case: OrderCase, calendar: Calendar) -> str:
    """Say what happened to an order. Times are to the minute, unless the case wants them exact."""
    words = _Sentence(case, _clock_of(case, calendar))
    return f"{words.subject()} {words.predicate()}."


def advice(case: OrderCase, calendar: Calendar) -> str | None:
    """Say to support why an order was refused, and what can be done; None if that was said."""
    if case.state is OrderState.REFUSED:
        near = partial(_clock_of(case, calendar).near, mentioned=case.ordered_at)
        return english_refusals.refusal(case, near).advice
    if case.state is OrderState.WITHHELD and case.withheld is WithheldReason.PAUSED:
        return "it has to be ordered again"
    return None


def exclusion(one: BroadcastExclusion, calendar: Calendar) -> str:
    """Say why a broadcast was not sent to somebody who was in its audience."""
    when = replace(calendar, clock="%H:%M", full="of {day} at {time}").on(one.began_at)
    return f"The broadcast {when} was not sent to this number, because {_why_excluded(one)}."


def switched(one: Switch, calendar: Calendar) -> str:
    """Say that an operator switched notifications and broadcasts on or off."""
    on = "on" if one.notifications_on else "off"
    if one.is_repeat:
        return (
            f"You asked us to switch notifications and broadcasts {on}, which we recorded "
            f"{calendar.on(one.at)}; they were {on} already."
        )
    return f"We switched {on} notifications and broadcasts {calendar.on(one.at)}."


def _why_excluded(one: BroadcastExclusion) -> str:
    match one.why:
        case WhyExcluded.OPTED_OUT:
            return english_refusals.opted_out(None, str)
        case WhyExcluded.NOT_A_CLIENT:
            return "it was not in our client directory"
        case WhyExcluded.REPEATED:
            return "it was in the audience more than once: only one message is for it"
        case WhyExcluded.DATA:
            return "the data for the message were incomplete"
        case why:
            assert_never(why)


def _clock_of(case: OrderCase, calendar: Calendar) -> Calendar:
    return calendar if case.is_exact else replace(calendar, clock="%H:%M")


class _Sentence:
    def __init__(self, case: OrderCase, calendar: Calendar) -> None:
        self._case = case
        self._calendar = calendar
        self._dated = replace(calendar, full="of {day} at {time}")

    def subject(self) -> str:
        when = self._dated.on(self._case.ordered_at)
        decided = self._case.decided
        if decided.channel is not None:
            return f"{english_channels.subject_of(decided.channel)} {when}"
        return f"A {subject_of(decided.kind)} {when}"

    def predicate(self) -> str:
        case, state = self._case, self._case.state
        if (of_channel := english_channels.predicate(case, self._near)) is not None:
            return of_channel
        match state:
            case OrderState.SCHEDULED:
                return self._scheduled()
            case OrderState.QUEUED:
                if case.unread:
                    return "may already have been sent"
                if case.taken_at is not None:
                    return english_outcomes.taken_up(self._near(case.taken_at))
                if case.is_paused:
                    return _PAUSED
                return english_outcomes.being_sent(case.message, case.waits, self._bare_near)
            case OrderState.SENT:
                return self._sent()
            case OrderState.DELIVERED:
                return f"was delivered to your phone {self._near(case.message.at or case.at)}"
            case OrderState.UNDELIVERED:
                return english_outcomes.undeliverable(case.message)
            case OrderState.UNKNOWN:
                return self._unknown()
            case OrderState.REJECTED:
                return english_outcomes.rejected(case.message)
            case OrderState.EXPIRED:
                return (
                    f"could not be sent before it expired {self._near(case.at)}, and was not sent"
                )
            case OrderState.WITHHELD:
                return f"was withheld {self._withheld()}"
            case OrderState.CANCELLED:
                return f"was cancelled {self._near(case.at)} and not sent"
            case OrderState.REFUSED:
                return f"was not sent, because {english_refusals.refusal(case, self._near).why}"
            case OrderState.ERASED:
                return (
                    "was not sent, because the number or the data had been erased from the service"
                )
            case _:
                assert_never(state)

    def _scheduled(self) -> str:
        case = self._case
        if case.expired_at is not None:
            expired = self._near(case.expired_at)
            return f"was not sent before it expired {expired}, and will not be sent"
        if case.due_at is None:
            return _PAUSED
        if case.is_overdue:
            return f"was due {self._near(case.due_at)} and still waits to be sent"
        return f"is scheduled to be sent {self._near(case.due_at)}{self._hours()}"

    def _hours(self) -> str:
        """Say that it waits for its sending hours, if that is why."""
        if (hours := self._case.awaited_hours) is None:
            return ""
        zone = "" if hours.zone == str(self._calendar.zone) else f" ({hours.zone})"
        return f", because it may be sent from {hours.start:%H:%M} to {hours.end:%H:%M}{zone} only"

    def _sent(self) -> str:
        case, message = self._case, self._case.message
        sent = f"was handed to your operator {self._near(message.sent_at or case.at)}"
        if message.parts_delivered:
            return (
                f"{sent}; {message.parts_delivered} of its {message.parts} parts "
                f"{noun(message.parts_delivered, 'has', 'have')} been delivered to your phone so "
                f"far{self._unread()}"
            )
        if case.unread:
            return f"{sent}{self._unread()}"
        if case.open_for > _LONG:
            days = counted(case.open_for.days, "day")
            return f"{sent}; the operator has not reported for {days} whether it is on your phone"
        return f"{sent}; the operator has not reported yet whether it is on your phone"

    def _unknown(self) -> str:
        case = self._case
        if case.message.status is ReplyStatus.UNDETERMINED:
            sent = f"was handed to your operator {self._near(case.message.sent_at or case.at)}"
            return f"{sent}; the operator does not know whether it reached your phone"
        if not case.message.was_sent:
            return (
                "may or may not have been sent, because our service was interrupted meanwhile, and "
                "it is not sent again"
            )
        return (
            "was sent, but the operator never answered: it may or may not have arrived, and it is "
            "not sent again"
        )

    def _unread(self) -> str:
        """Add that the message may have got further; the timeline says which reports wait."""
        return "; it may already have got further" if self._case.unread else ""

    def _withheld(self) -> str:
        case, reason = self._case, self._case.withheld
        match reason:
            case WithheldReason.OPTED_OUT:
                return f"because {english_refusals.opted_out(case.stop, self._near)}"
            case WithheldReason.CANCELLED:
                of = "its broadcast" if case.decided.broadcast_id else "it"
                return f"because {of} had been cancelled"
            case WithheldReason.PAUSED:
                return "because its broadcast was paused"
            case None:
                return "before it was sent"
            case _:
                assert_never(reason)

    def _bare_near(self, moment: datetime) -> str:
        return self._calendar.bare_near(moment, self._case.ordered_at)

    def _near(self, moment: datetime) -> str:
        return self._calendar.near(moment, self._case.ordered_at)
