"""What to read to a client who asks what happened to a text: the answer of a timeline.

Pure. It denies nothing while something is pending.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import Enum, auto
from typing import Final

from inbound.freshness.model import PendingWork
from inbound.timeline.entries import pending_of
from inbound.timeline.input import TimelineInput, TimelineOptions
from inbound.timeline.model import (
    ClientAnswer,
    ClientQuestion,
    ExcludedTimeline,
    Miss,
    OrderTimeline,
    PendingNote,
    ReplyStatus,
    RequestTimeline,
    StepKind,
    SwitchTimeline,
    Unfinished,
)
from inbound.timeline.questions import switched_off_case, twice_case
from inbound.timeline.words import MissKind, NothingFound, Wording, miss_kind
from schemas.orders import OrderState

_NOT_FINAL_REPLIES: Final = frozenset(
    {ReplyStatus.WAITING, ReplyStatus.ON_ITS_WAY, ReplyStatus.UNKNOWN}
)
_NOT_FINAL: Final = frozenset({OrderState.QUEUED, OrderState.SENT, OrderState.UNKNOWN})
_NEWS: Final = frozenset(
    {
        *(StepKind.ORDERED, StepKind.RESULT, StepKind.ORDER_REFUSED, StepKind.WITHHELD),
        *(StepKind.CANCELLED, StepKind.EXPIRED, StepKind.ERASED),
    }
)


class _Subject(Enum):
    """What the answer is about; `ORDER` if it is about an order or a switch too."""

    TEXT = auto()
    ORDER = auto()
    NOTHING = auto()


_OF_TEXTS: Final = frozenset({PendingWork.TEXTS, PendingWork.SET_ASIDE, PendingWork.RECEPTION})
_SAID_OR_ELSEWHERE: Final[Mapping[_Subject, Collection[PendingWork]]] = {
    # Pending results are added to a sentence about a text or an order that is not final.
    _Subject.TEXT: {PendingWork.RESULTS, PendingWork.ORDERS},
    _Subject.ORDER: {PendingWork.RESULTS},
    _Subject.NOTHING: {PendingWork.RESULTS, *_OF_TEXTS},
}


@dataclass(frozen=True, slots=True)
class _Told:
    """One sentence. With `is_open`, waiting reports of the operator may change it."""

    at: datetime
    sentence: str
    is_open: bool = False


@dataclass(frozen=True, slots=True)
class Entries:
    """The entries that the answer may be about, and what is pending."""

    requests: Sequence[RequestTimeline]
    misses: Sequence[Miss]
    unfinished: Sequence[Unfinished]
    orders: Sequence[OrderTimeline]
    excluded: Sequence[ExcludedTimeline]
    switches: Sequence[SwitchTimeline]
    pending: Sequence[PendingNote]


def answer(entries: Entries, found: TimelineInput, options: TimelineOptions, words: Wording) -> str:
    """Return the sentences about the last text and about later incidents, or about neither.

    Incidents are the last switch by an operator, and the last message that was ordered, sent or
    ended unsent. If there is no text, the answer is about these alone.
    """
    text = _newest_text(entries)
    later = [one for one in _newest_others(entries) if text is None or one.at > text.at]
    told = [*([text] if text else []), *sorted(later, key=lambda one: one.at)]
    if not told:
        said, about = _silence(found, options, words), _Subject.NOTHING
    else:
        reports = _note(entries.pending) if any(one.is_open for one in told) else ""
        said = " ".join(one.sentence for one in told) + reports
        about = _Subject.ORDER if later else _Subject.TEXT
    return " ".join([said, *_unsaid(entries.pending, about)])


def answers(entries: Entries, found: TimelineInput, words: Wording) -> Iterator[ClientAnswer]:
    """Yield the answers to other questions, as far as the timeline has any."""
    if (twice := twice_case(found)) is not None:
        yield ClientAnswer(question=ClientQuestion.GOT_IT_TWICE, sentence=words.twice(twice))
    last = next(iter(found.all_switches or ()), None)
    missed = (one for one in entries.misses if last is None or one.last_at > last.at)
    newest = max(missed, key=lambda one: one.last_at, default=None)
    off = switched_off_case(found, newest.sentence if newest else None)
    if off is not None:
        question = ClientQuestion.STILL_GETS_MESSAGES
        yield ClientAnswer(question=question, sentence=words.switched_off(off))


def _unsaid(pending: Sequence[PendingNote], about: _Subject) -> list[str]:
    """Return what has to be added to the sentence of a timeline, which denies nothing by itself."""
    return [one.sentence for one in pending if one.work not in _SAID_OR_ELSEWHERE[about]]


def _note(pending: Sequence[PendingNote]) -> str:
    """Say which results of sending wait, to be added to a sentence; nothing if none do."""
    return "".join(f" {one.sentence}" for one in pending if one.work is PendingWork.RESULTS)


def _newest_text(entries: Entries) -> _Told | None:
    """Return the sentence about the last text, None if there is none.

    One that only repeated a command follows that about the command: their one answer is the
    command's.
    """
    requests = [
        _Told(one.arrived_at, one.sentence, one.verdict in _NOT_FINAL_REPLIES)
        for one in entries.requests
    ]
    answered = max(requests, key=_at, default=None)
    others = [_Told(one.first_at, one.sentence) for one in entries.unfinished]
    for one in entries.misses:
        miss = _Told(one.last_at, one.sentence)
        if answered is not None and miss_kind(one.kind) is MissKind.DUPLICATE:
            miss = replace(answered, at=miss.at, sentence=f"{answered.sentence} {miss.sentence}")
        others.append(miss)
    return max([*others, *requests], key=_at, default=None)


def _newest_others(entries: Entries) -> Iterator[_Told]:
    """Yield the sentences about the last switch and the last order or exclusion, if any."""
    switches = [_Told(one.at, one.sentence) for one in entries.switches]
    messages = [_Told(one.began_at, one.sentence) for one in entries.excluded]
    messages += [
        _Told(_happened_at(one), one.sentence, one.verdict in _NOT_FINAL) for one in entries.orders
    ]
    for several in (switches, messages):
        if several:
            yield max(several, key=_at)


def _happened_at(order: OrderTimeline) -> datetime:
    """Return when an order was placed, sent or ended unsent; its receipt doesn't count."""
    return max(step.at for step in order.steps if step.step in _NEWS)


def _at(told: _Told) -> datetime:
    return told.at


def _silence(found: TimelineInput, options: TimelineOptions, words: Wording) -> str:
    return words.nothing(
        NothingFound(
            options.since,
            options.until,
            found.miss_days,
            found.not_noted,
            tuple(one for one in pending_of(found) if one.work in _OF_TEXTS),
        )
    )
