"""Builds a timeline in one language and time zone from what the reader found. Pure."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Final, Protocol
from uuid import UUID
from zoneinfo import ZoneInfo

from inbound.handlers.decision import message_id
from inbound.timeline.cases import case_of
from inbound.timeline.english import English
from inbound.timeline.model import (
    Language,
    Miss,
    RequestTimeline,
    Step,
    TextReading,
    Timeline,
    Unfinished,
)
from inbound.timeline.requests import EventRow, RequestHistory, group_requests
from inbound.timeline.russian import Russian
from inbound.timeline.steps import ClaimRow, Draft, drafts_of
from inbound.timeline.words import ArrivalSpan, NothingFound, Wording
from schemas.events import CommandLimitReached
from schemas.messages import Purpose, ReceiptState

_MINUTE: Final = timedelta(minutes=1)
_LIMITED: Final = "limited"


class PartDelivery(Protocol):
    """What receipts say of one part of a message."""

    @property
    def message_id(self) -> UUID: ...  # noqa: D102
    @property
    def state(self) -> str | None: ...  # noqa: D102


@dataclass(frozen=True, slots=True)
class MissNote:
    """Texts of one kind within one minute that made no request."""

    kind: str
    span: ArrivalSpan
    reading: TextReading | None = None


@dataclass(frozen=True, slots=True)
class LongText:
    """An incomplete long message; `sequences` are the parts that arrived, in that order."""

    total: int
    sequences: tuple[int, ...]
    span: ArrivalSpan


@dataclass(frozen=True, slots=True)
class TimelineOptions:
    """Which requests to show, and in which language and time zone."""

    now: datetime
    zone: str = "Europe/Moscow"
    language: Language = Language.RU
    since: datetime | None = None
    until: datetime | None = None
    requests: int = 10
    only: frozenset[UUID] | None = None
    """Show these requests only; None shows all within `since` and `until`."""


@dataclass(frozen=True, slots=True)
class RequestSelection:
    """The requests to show, newest first, and how many older ones are left out."""

    requests: Sequence[RequestHistory] = ()
    limits: Sequence[CommandLimitReached] = ()
    left_out: int = 0

    @property
    def open_messages(self) -> list[UUID]:
        """The messages of these requests without a delivery outcome."""
        return [
            message_id(request.accepted.request_id, purpose)
            for request in self.requests
            for purpose in (Purpose.ACKNOWLEDGEMENT, Purpose.FULFILMENT)
            if request.delivery(purpose) is None
        ]


@dataclass(frozen=True, slots=True)
class TimelineInput:
    """What the reader found for one number or id; notes and long messages newest first.

    `number` is masked unless it was revealed. `claims` and `parts` belong to the selection's
    open messages. `not_noted` are texts of all numbers within the requested time.
    """

    number: str | None = None
    subject_id: UUID | None = None
    selection: RequestSelection = RequestSelection()
    claims: Sequence[ClaimRow] = ()
    parts: Sequence[PartDelivery] = ()
    misses: Sequence[MissNote] = ()
    misses_left_out: bool = False
    not_noted: ArrivalSpan | None = None
    unfinished: Sequence[LongText] = ()
    miss_days: int = 7


def select(events: Iterable[EventRow], options: TimelineOptions) -> RequestSelection:
    """Return the requests to show; `events` are those of one subject, in order.

    Raises UnknownEventError for an event of a newer release.
    """
    requests, limits = group_requests(events)
    wanted = [request for request in requests if _is_asked(request, options)]
    shown = wanted[-options.requests :][::-1]
    return RequestSelection(shown, limits, len(wanted) - len(shown))


def build(found: TimelineInput, options: TimelineOptions) -> Timeline:
    """Return the timeline of what the reader found."""
    words = _words(options)
    selection = found.selection
    requests = [_request(request, found, options, words) for request in selection.requests]
    # Notes older than the oldest request of this page belong to the next page.
    page = requests[-1].arrived_at if selection.left_out and requests else None
    misses = [
        _miss(note, words)
        for note in _with_limits(found, options)
        if page is None or note.span.last_at >= page
    ]
    unfinished = [
        _unfinished(text, words)
        for text in found.unfinished
        if page is None or text.span.last_at >= page
    ]
    return Timeline(
        number=found.number,
        subject_id=found.subject_id,
        language=options.language,
        zone=options.zone,
        made_at=options.now,
        since=options.since,
        until=options.until,
        sentence=_newest(requests, misses, unfinished) or _silence(found, options, words),
        requests=tuple(requests),
        misses=tuple(misses),
        unfinished=tuple(unfinished),
        requests_left_out=selection.left_out,
        misses_left_out=found.misses_left_out,
        not_noted=found.not_noted.count if found.not_noted else 0,
        next_until=page,
    )


def _words(options: TimelineOptions) -> Wording:
    zone = ZoneInfo(options.zone)
    return English(zone) if options.language is Language.EN else Russian(zone)


def _is_asked(request: RequestHistory, options: TimelineOptions) -> bool:
    arrived_at = request.accepted.arrived_at
    return (
        (options.only is None or request.accepted.request_id in options.only)
        and (options.since is None or arrived_at >= options.since)
        and (options.until is None or arrived_at < options.until)
    )


def _request(
    request: RequestHistory, found: TimelineInput, options: TimelineOptions, words: Wording
) -> RequestTimeline:
    accepted = request.accepted
    case = case_of(request, options.now, _delivered(request, found.parts))
    return RequestTimeline(
        request_id=accepted.request_id,
        subject_id=request.subject_id,
        command=accepted.command,
        plan=accepted.plan,
        arrived_at=accepted.arrived_at,
        trace_id=request.trace_id,
        verdict=case.reply.status,
        sentence=words.request(case),
        clock=case.clock.model_copy(update={"text": words.clock(case.clock)}),
        steps=tuple(_steps(drafts_of(request, found.claims), options, words)),
    )


def _delivered(request: RequestHistory, parts: Sequence[PartDelivery]) -> dict[Purpose, int]:
    counted = Counter(
        part.message_id for part in parts if part.state == ReceiptState.DELIVERED.value
    )
    id_ = request.accepted.request_id
    return {purpose: counted[message_id(id_, purpose)] for purpose in Purpose}


def _steps(drafts: Sequence[Draft], options: TimelineOptions, words: Wording) -> Iterable[Step]:
    zone = ZoneInfo(options.zone)
    gaps = [timedelta(), *(later.at - earlier.at for earlier, later in pairwise(drafts))]
    for draft, gap in zip(drafts, gaps, strict=True):
        yield Step(
            step=draft.kind,
            at=draft.at,
            local=draft.at.astimezone(zone),
            after_s=round(gap.total_seconds(), 6),
            text=words.step(draft.kind, draft.details),
            details=draft.details,
        )


def _with_limits(found: TimelineInput, options: TimelineOptions) -> list[MissNote]:
    """Return the notes, with one for each reached limit whose note was already deleted."""
    noted = [note.span for note in found.misses if note.kind == _LIMITED]
    added = [
        MissNote(_LIMITED, ArrivalSpan(event.arrived_at, event.arrived_at))
        for event in found.selection.limits
        if options.only is None
        and (options.since is None or event.arrived_at >= options.since)
        and (options.until is None or event.arrived_at < options.until)
        and not any(
            span.first_at - _MINUTE < event.arrived_at < span.last_at + _MINUTE for span in noted
        )
    ]
    return sorted([*found.misses, *added], key=lambda note: note.span.first_at, reverse=True)


def _miss(note: MissNote, words: Wording) -> Miss:
    span, reading = note.span, note.reading
    return Miss(
        kind=note.kind,
        first_at=span.first_at,
        last_at=span.last_at,
        count=span.count,
        sentence=words.miss(note.kind, span),
        reading=reading and reading.model_copy(update={"text": words.reading(reading)}),
    )


def _unfinished(text: LongText, words: Wording) -> Unfinished:
    return Unfinished(
        total=text.total,
        sequences=text.sequences,
        first_at=text.span.first_at,
        sentence=words.unfinished(text.span, len(text.sequences), text.total),
    )


def _newest(
    requests: Sequence[RequestTimeline],
    misses: Sequence[Miss],
    unfinished: Sequence[Unfinished],
) -> str | None:
    """Return the sentence about the last text, None if there is none."""
    sentences: Mapping[datetime, str] = {
        **{one.first_at: one.sentence for one in unfinished},
        **{one.last_at: one.sentence for one in misses},
        **{one.arrived_at: one.sentence for one in requests},
    }
    return sentences[max(sentences)] if sentences else None


def _silence(found: TimelineInput, options: TimelineOptions, words: Wording) -> str:
    return words.nothing(
        NothingFound(options.since, options.until, found.miss_days, found.not_noted)
    )
