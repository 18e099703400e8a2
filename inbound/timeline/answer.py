"""The answer to a client who texted and got no reply: the sentence of a whole timeline. Pure.

It denies nothing while something is pending.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
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


class _Subject(Enum):
    """What the sentence of a timeline is about."""

    TEXT = auto()
    ORDER = auto()
    NOTHING = auto()


_OF_TEXTS: Final = frozenset({PendingWork.TEXTS, PendingWork.SET_ASIDE, PendingWork.RECEPTION})
_SAID_OR_ELSEWHERE: Final[Mapping[_Subject, Collection[PendingWork]]] = {
    # Results are added to a sentence about a text or an order that is not final.
    _Subject.TEXT: {PendingWork.RESULTS, PendingWork.ORDERS},
    _Subject.ORDER: {PendingWork.RESULTS},
    _Subject.NOTHING: {PendingWork.RESULTS, *_OF_TEXTS},
}


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
    """Return the sentence about the last text, or else about the last order, or about neither."""
    said, about = _newest_text(entries), _Subject.TEXT
    if said is None:
        said, about = _newest_sent(entries), _Subject.ORDER
    if said is None:
        said, about = _silence(found, options, words), _Subject.NOTHING
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


def _newest_text(entries: Entries) -> str | None:
    """Return the sentence about the last text, None if there is none.

    To one about a reply that is not final the reports that wait are added. One about a text that
    only repeated a command follows that about the command: their one answer is the command's.
    """
    reports = _note(entries.pending)
    sentences: dict[datetime, str] = {
        **{one.first_at: one.sentence for one in entries.unfinished},
        **{one.last_at: one.sentence for one in entries.misses},
    }
    of_requests = {
        one.arrived_at: one.sentence + (reports if one.verdict in _NOT_FINAL_REPLIES else "")
        for one in entries.requests
    }
    if of_requests:
        answered = of_requests[max(of_requests)]
        sentences |= {
            one.last_at: f"{answered} {one.sentence}"
            for one in entries.misses
            if miss_kind(one.kind) is MissKind.DUPLICATE
        }
    sentences |= of_requests
    return sentences[max(sentences)] if sentences else None


def _newest_sent(entries: Entries) -> str | None:
    """Return the sentence about the last order, exclusion or switch, None if there is none.

    To one about an order that is not final the reports that wait are added.
    """
    reports = _note(entries.pending)
    sentences = {
        **{one.at: one.sentence for one in entries.switches},
        **{one.began_at: one.sentence for one in entries.excluded},
        **{
            one.ordered_at: one.sentence + (reports if one.verdict in _NOT_FINAL else "")
            for one in entries.orders
        },
    }
    return sentences[max(sentences)] if sentences else None


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
