"""The answers to other questions of clients, in English."""

from dataclasses import replace
from typing import assert_never

from inbound.timeline.english_refusals import subject_of, switched_by
from inbound.timeline.pending import ENGLISH, as_clause, sentence
from inbound.timeline.question_cases import (
    MOST_NAMED,
    Copies,
    SameText,
    SentAfterStop,
    SwitchedOffCase,
    TwiceCase,
    WhySent,
)
from inbound.timeline.words import Calendar, spelling_of
from schemas.events import Command
from schemas.messages import Purpose

_ALWAYS_SENT = (
    "Replies to commands and service messages, such as one-time codes, are sent in any case. "
    "Messages from other companies are not affected."
)


def twice(case: TwiceCase, calendar: Calendar) -> str:
    """Answer "I got it twice"."""
    said = []
    if case.copies:
        named = ", ".join(_copies(one, calendar) for one in case.copies[:MOST_NAMED])
        more = len(case.copies) - MOST_NAMED
        others = f" and {more} more" if more > 0 else ""
        said.append(
            "It was sent again because it was not known whether the first attempt had succeeded, "
            f"so it may have arrived more than once: {named}{others}."
        )
    elif case.unread is not None:
        waits = as_clause(sentence(ENGLISH, case.unread, calendar))
        said.append(f"Whether a message was sent more than once is not known yet: {waits}.")
    elif not case.same_texts:
        said.append("None of the messages shown here was sent more than once.")
    said += [_same_text(one, calendar) for one in case.same_texts[:MOST_NAMED]]
    if case.has_two_replies:
        said.append(
            "Each accepted command is answered by two messages: one says that it was accepted, "
            "the other has the result."
        )
    return " ".join(said)


def switched_off(case: SwitchedOffCase, calendar: Calendar) -> str:
    """Answer "I switched it off and still get messages"."""
    said = [_off(case, calendar) if case.is_off else _on(case, calendar)]
    said += [sentence(ENGLISH, one, calendar) for one in case.pending]
    if not case.is_off and case.missed is not None:
        said.append(case.missed)
    return " ".join([*said, _ALWAYS_SENT] if case.is_off else said)


def _off(case: SwitchedOffCase, calendar: Calendar) -> str:
    switch = case.switch
    if switch is None:
        raise AssertionError("without a switch notifications are on")
    how = f"{calendar.on(switch.at)} {switched_by(switch)}"
    said = [f"Notifications and broadcasts were switched off {how}. They have been off since then."]
    said += [_sent(one, calendar) for one in case.sent[:MOST_NAMED]]
    if (more := len(case.sent) - MOST_NAMED) > 0:
        said.append(f"There are {more} more such messages.")
    if not case.sent and not case.pending:
        said.append(
            "None has been sent since then."
            if case.is_whole
            else "None of the messages shown here was sent after that."
        )
    return " ".join(said)


def _on(case: SwitchedOffCase, calendar: Calendar) -> str:
    stop = f"to switch them off, text “{spelling_of(Command.SMS_STOP)}”"
    if (switch := case.switch) is None:
        return f"Notifications and broadcasts to this number have not been switched off; {stop}."
    how = f"{calendar.on(switch.at)} {switched_by(switch)}"
    return f"Notifications and broadcasts are on: they were switched on again {how}; {stop}."


def _sent(one: SentAfterStop, calendar: Calendar) -> str:
    message = f"The {subject_of(one.kind)} of {_dated(one, calendar)}"
    match one.why:
        case WhySent.SERVICE:
            return f"{message} is one that the switch does not stop."
        case WhySent.BEING_SENT:
            return f"{message} was already being sent at that moment."
        case WhySent.SENT_BEFORE:
            return f"{message} had been sent before and reached the phone only later."
        case _:
            assert_never(one.why)


def _copies(one: Copies, calendar: Calendar) -> str:
    if one.kind is not None:
        name = f"the {subject_of(one.kind)} of"
    else:
        is_first = one.purpose is Purpose.ACKNOWLEDGEMENT
        name = f"the {'acknowledgement of' if is_first else 'reply to'} the text of"
    return f"{name} {_dated(one, calendar)} (up to {one.count} times)"


def _same_text(one: SameText, calendar: Calendar) -> str:
    """Say that these are messages of their own, each of which was ordered."""
    dates = replace(calendar, full="{day} at {time}")
    named = [
        f"the {subject_of(kind)} of {dates.on(at)}"
        for at, kind in list(zip(one.at, one.kinds, strict=True))[:MOST_NAMED]
    ]
    more = len(one.at) - len(named)
    others = f" and {more} more" if more else ""
    return f"The same text was ordered {len(one.at)} times: {', '.join(named)}{others}."


def _dated(one: Copies | SentAfterStop, calendar: Calendar) -> str:
    at = one.at if isinstance(one, Copies) else one.ordered_at
    return replace(calendar, full="{day} at {time}").on(at)
