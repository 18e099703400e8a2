"""Builds a timeline in one language and time zone from what the reader found. Pure."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from enum import Enum, auto
from itertools import pairwise
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

from inbound.freshness.model import Backlog, Pending, PendingWork
from inbound.handlers.decision import message_id
from inbound.handlers.orders import OWN_TEXT
from inbound.timeline.cases import case_of
from inbound.timeline.english import English
from inbound.timeline.incidents import Exclusion
from inbound.timeline.input import (
    LongText,
    MissNote,
    PartDelivery,
    Selection,
)
from inbound.timeline.input import TimelineInput as TimelineInput  # noqa: PLC0414 — exported
from inbound.timeline.input import TimelineOptions as TimelineOptions  # noqa: PLC0414
from inbound.timeline.message_steps import Draft
from inbound.timeline.model import (
    ExcludedTimeline,
    Language,
    Miss,
    OrderTimeline,
    PendingNote,
    RequestTimeline,
    Step,
    SwitchTimeline,
    Timeline,
    Unfinished,
)
from inbound.timeline.order_cases import order_case_of
from inbound.timeline.order_steps import drafts_of_order
from inbound.timeline.orders import OrderHistory, group_orders
from inbound.timeline.pending import as_clause
from inbound.timeline.requests import EventRow, RequestHistory, group_requests, read_events
from inbound.timeline.russian import Russian
from inbound.timeline.steps import drafts_of
from inbound.timeline.words import ArrivalSpan, NothingFound, Wording
from schemas.messages import Purpose, ReceiptState
from schemas.orders import OrderState

_MINUTE: Final = timedelta(minutes=1)
_HOUR: Final = timedelta(hours=1)
_LIMITED: Final = "limited"


_NOT_FINAL: Final = frozenset({OrderState.QUEUED, OrderState.SENT, OrderState.UNKNOWN})


class _Subject(Enum):
    """What the sentence of a timeline is about."""

    TEXT = auto()
    ORDER = auto()
    NOTHING = auto()


_OF_TEXTS: Final = frozenset({PendingWork.TEXTS, PendingWork.SET_ASIDE, PendingWork.RECEPTION})
_SAID_OR_ELSEWHERE: Final[Mapping[_Subject, Collection[PendingWork]]] = {
    # The sentence about a text says itself that results may follow, and so does one of an order.
    _Subject.TEXT: {PendingWork.RESULTS, PendingWork.ORDERS},
    _Subject.ORDER: {PendingWork.RESULTS},
    _Subject.NOTHING: {PendingWork.RESULTS, *_OF_TEXTS},
}


def select(rows: Iterable[EventRow], options: TimelineOptions) -> Selection:
    """Return the requests and orders to show; `rows` are the events of one subject, in order.

    Raises UnknownEventError for an event of a newer release.
    """
    events = read_events(rows)
    requests, limits = group_requests(events)
    orders = group_orders(events)
    both: list[RequestHistory | OrderHistory] = [*requests, *orders]
    wanted = [one for one in both if _is_asked(one, options)]
    wanted.sort(key=lambda one: one.at, reverse=True)
    shown, left_out = wanted[: options.limit], wanted[options.limit :]
    return Selection(
        [one for one in shown if isinstance(one, RequestHistory)],
        [one for one in shown if isinstance(one, OrderHistory)],
        limits,
        sum(isinstance(one, RequestHistory) for one in left_out),
        sum(isinstance(one, OrderHistory) for one in left_out),
    )


def build(found: TimelineInput, options: TimelineOptions) -> Timeline:
    """Return the timeline of what the reader found."""
    words = _words(options)
    selection = found.selection
    requests = [_request(request, found, options, words) for request in selection.requests]
    orders = [_order(order, found, options, words) for order in selection.orders]
    # Notes older than the oldest entry of this page belong to the next page.
    page = selection.oldest_at if selection.left_out else None
    switches = [
        SwitchTimeline(
            at=one.at,
            notifications_on=one.notifications_on,
            by=one.by,
            reason=one.reason,
            sentence=words.switch(one),
        )
        for one in found.switches
        if page is None or one.at >= page
    ]
    notes, texts = _with_limits(found, options), found.unfinished
    all_misses = [_miss(note, _limit_at(note, found), words) for note in notes]
    all_unfinished = [_unfinished(text, words) for text in texts]
    misses = [one for one in all_misses if page is None or one.last_at >= page]
    unfinished = [
        one
        for one, text in zip(all_unfinished, texts, strict=True)
        if page is None or text.span.last_at >= page
    ]
    excluded = [
        _excluded(one, words) for one in found.excluded if page is None or one.began_at >= page
    ]
    pending = [
        PendingNote(work=one.work, since=one.since, sentence=words.pending(one))
        for one in _pending(found)
    ]
    # Also of a text that is left out of this page.
    last = selection.last_request
    told = [*requests, _request(last, found, options, words)] if last else requests
    said, about = _newest(told, all_misses, all_unfinished), _Subject.TEXT
    if said is None:
        said, about = _newest_sent(orders, excluded, switches, _note(pending)), _Subject.ORDER
    if said is None:
        said, about = _silence(found, options, words), _Subject.NOTHING
    return Timeline(
        number=found.number,
        subject_id=found.subject_id,
        language=options.language,
        zone=options.zone,
        made_at=options.now,
        since=options.since,
        until=options.until,
        as_of=found.freshness.as_of if found.freshness else None,
        pending=tuple(pending),
        sentence=" ".join([said, *_unsaid(pending, about)]),
        requests=tuple(requests),
        orders=tuple(orders),
        excluded=tuple(excluded),
        switches=tuple(switches),
        misses=tuple(misses),
        unfinished=tuple(unfinished),
        requests_left_out=selection.requests_left_out,
        orders_left_out=selection.orders_left_out,
        misses_left_out=found.misses_left_out,
        not_noted=found.not_noted.count if found.not_noted else 0,
        next_until=page,
    )


def pending_clauses(backlog: Backlog, zone: str, *works: PendingWork) -> list[str]:
    """Say in English what waits of these kinds in any partition, for the end of a sentence."""
    words = English(ZoneInfo(zone))
    return [as_clause(words.pending(one)) for one in backlog.pending(*works)]


def _unsaid(pending: Sequence[PendingNote], about: _Subject) -> list[str]:
    """Return what has to be added to the sentence of a timeline, which denies nothing by itself."""
    return [one.sentence for one in pending if one.work not in _SAID_OR_ELSEWHERE[about]]


def _note(pending: Sequence[PendingNote]) -> str:
    """Say which results of sending wait, to be added to a sentence; nothing if none do."""
    return "".join(f" {one.sentence}" for one in pending if one.work is PendingWork.RESULTS)


def _reports(found: TimelineInput) -> Pending | None:
    """Return what is pending of the results of sending, None if nothing is."""
    return next((one for one in _pending(found) if one.work is PendingWork.RESULTS), None)


def _pending(found: TimelineInput) -> Sequence[Pending]:
    return found.freshness.pending if found.freshness else ()


def _words(options: TimelineOptions) -> Wording:
    zone = ZoneInfo(options.zone)
    return English(zone) if options.language is Language.EN else Russian(zone)


def _is_asked(one: RequestHistory | OrderHistory, options: TimelineOptions) -> bool:
    return (
        (options.only is None or one.id in options.only)
        and (options.since is None or one.at >= options.since)
        and (options.until is None or one.at < options.until)
    )


def _request(
    request: RequestHistory, found: TimelineInput, options: TimelineOptions, words: Wording
) -> RequestTimeline:
    accepted = request.accepted
    case = case_of(
        request,
        options.now,
        _delivered(request, found.parts),
        unread=_reports(found),
        taken=_taken(request, found),
    )
    return RequestTimeline(
        request_id=accepted.request_id,
        subject_id=request.subject_id,
        command=accepted.command,
        plan=accepted.plan,
        arrived_at=accepted.arrived_at,
        trace_id=request.trace_id,
        verdict=case.reply.status,
        sentence=words.request(case),
        clock=case.clock.model_copy(update={"text": words.clock(case)}),
        steps=tuple(_steps(drafts_of(request, found.claims), options, words)),
    )


def _order(
    order: OrderHistory, found: TimelineInput, options: TimelineOptions, words: Wording
) -> OrderTimeline:
    decided = order.decided
    row = next((row for row in found.rows if row.order_id == decided.order_id), None)
    parts_delivered = _count_delivered(found.parts).get(order.message_id)
    case = order_case_of(
        order,
        options.now,
        parts_delivered,
        row,
        unread=_reports(found),
        claimed_at=_claimed_at(found).get(order.message_id),
    )
    reason = case.refused or case.withheld
    return OrderTimeline(
        order_id=decided.order_id,
        subject_id=order.subject_id,
        account=decided.account,
        kind=decided.kind,
        broadcast_id=decided.broadcast_id,
        broadcast=row.broadcast if row else None,
        template=None if decided.template == OWN_TEXT else decided.template,
        template_version=decided.template_version,
        ordered_at=order.at,
        trace_id=order.trace_id,
        verdict=case.state,
        reason=reason.value if reason else None,
        due_at=case.due_at,
        sentence=words.order(case),
        advice=words.advice(case),
        steps=tuple(_steps(drafts_of_order(order, found.claims, row), options, words)),
    )


def _delivered(request: RequestHistory, parts: Sequence[PartDelivery]) -> dict[Purpose, int | None]:
    counted = _count_delivered(parts)
    id_ = request.accepted.request_id
    return {purpose: counted.get(message_id(id_, purpose)) for purpose in Purpose}


def _taken(request: RequestHistory, found: TimelineInput) -> dict[Purpose, datetime]:
    """Return when gateways claimed the messages of a request."""
    claimed_at = _claimed_at(found)
    ids = {purpose: message_id(request.accepted.request_id, purpose) for purpose in Purpose}
    return {purpose: claimed_at[id_] for purpose, id_ in ids.items() if id_ in claimed_at}


def _claimed_at(found: TimelineInput) -> dict[UUID, datetime]:
    return {claim.message_id: claim.claimed_at for claim in found.claims}


def _count_delivered(parts: Sequence[PartDelivery]) -> dict[UUID, int]:
    """Return how many parts were delivered of each message whose parts are known."""
    counted = dict.fromkeys((part.message_id for part in parts), 0)
    for part in parts:
        counted[part.message_id] += part.state == ReceiptState.DELIVERED.value
    return counted


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


def _limit_at(note: MissNote, found: TimelineInput) -> int | None:
    """Return the limit that these texts exceeded, if its event tells."""
    if note.kind != _LIMITED:
        return None
    return next(
        (
            event.limit
            for event in found.selection.limits
            if event.arrived_at - _MINUTE <= note.span.last_at < event.arrived_at + _HOUR
        ),
        None,
    )


def _miss(note: MissNote, limit: int | None, words: Wording) -> Miss:
    span, reading = note.span, note.reading
    return Miss(
        kind=note.kind,
        first_at=span.first_at,
        last_at=span.last_at,
        count=span.count,
        sentence=words.miss(note.kind, span, limit),
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


def _newest_sent(
    orders: Sequence[OrderTimeline],
    excluded: Sequence[ExcludedTimeline],
    switches: Sequence[SwitchTimeline],
    reports: str,
) -> str | None:
    """Return the sentence about the last order, exclusion or switch, None if there is none.

    To one about an order that is not final the `reports` that wait are added.
    """
    sentences = {
        **{one.at: one.sentence for one in switches},
        **{one.began_at: one.sentence for one in excluded},
        **{
            one.ordered_at: one.sentence + (reports if one.verdict in _NOT_FINAL else "")
            for one in orders
        },
    }
    return sentences[max(sentences)] if sentences else None


def _excluded(one: Exclusion, words: Wording) -> ExcludedTimeline:
    return ExcludedTimeline(
        broadcast_id=one.broadcast_id,
        broadcast=one.broadcast,
        account=one.account,
        reason=one.reason,
        row=one.row,
        loaded_at=one.loaded_at,
        began_at=one.began_at,
        sentence=words.exclusion(one),
    )


def _silence(found: TimelineInput, options: TimelineOptions, words: Wording) -> str:
    return words.nothing(
        NothingFound(
            options.since,
            options.until,
            found.miss_days,
            found.not_noted,
            tuple(one for one in _pending(found) if one.work in _OF_TEXTS),
        )
    )
