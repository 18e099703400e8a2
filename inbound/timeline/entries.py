"""The entries of a timeline: requests, orders, and other incidents of a person. Pure."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

from inbound.freshness.model import Pending, PendingWork
from inbound.handlers.decision import message_id
from inbound.handlers.orders import OWN_TEXT
from inbound.timeline.cases import case_of
from inbound.timeline.incidents import BroadcastExclusion, Switch, in_minute
from inbound.timeline.input import (
    LongText,
    MissNote,
    PartDelivery,
    TimelineInput,
    TimelineOptions,
)
from inbound.timeline.message_steps import StepDraft, waiting_of
from inbound.timeline.model import (
    ExcludedTimeline,
    Miss,
    OrderTimeline,
    RequestTimeline,
    Step,
    SwitchTimeline,
    Unfinished,
)
from inbound.timeline.order_cases import order_case_of
from inbound.timeline.order_steps import drafts_of_order
from inbound.timeline.orders import OrderHistory
from inbound.timeline.requests import RequestHistory
from inbound.timeline.steps import drafts_of
from inbound.timeline.waiting import MessageWait
from inbound.timeline.words import ArrivalSpan, Wording
from schemas.messages import Purpose, ReceiptState

_MINUTE: Final = timedelta(minutes=1)
_HOUR: Final = timedelta(hours=1)
_LIMITED: Final = "limited"


def _reports(found: TimelineInput) -> Pending | None:
    """Return which results of sending are pending, None if none are."""
    return next((one for one in pending_of(found) if one.work is PendingWork.RESULTS), None)


def pending_of(found: TimelineInput) -> Sequence[Pending]:
    """Return what the timeline may lack."""
    return found.freshness.pending if found.freshness else ()


def request_entry(
    request: RequestHistory, found: TimelineInput, options: TimelineOptions, words: Wording
) -> RequestTimeline:
    """Return the entry of a request."""
    accepted = request.accepted
    drafts = drafts_of(request, found.claims)
    case = case_of(
        request,
        options.now,
        _delivered(request, found.parts),
        unread=_reports(found),
        taken=_taken(request, found),
        waits=_waits(request, drafts, found, options.now),
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
        steps=tuple(_steps(drafts, options, words)),
    )


def order_entry(
    order: OrderHistory, found: TimelineInput, options: TimelineOptions, words: Wording
) -> OrderTimeline:
    """Return the entry of an order."""
    decided = order.decided
    row = next((row for row in found.rows if row.order_id == decided.order_id), None)
    parts_delivered = _count_delivered(found.parts).get(order.message_id)
    drafts = drafts_of_order(order, found.claims, row)
    case = order_case_of(
        order,
        options.now,
        parts_delivered,
        row,
        unread=_reports(found),
        claimed_at=_claimed_at(found).get(order.message_id),
        is_exact=_has_company(order, found),
        waits=waiting_of(order.message_id, drafts, found.unpublished, found.sending, options.now),
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
        steps=tuple(_steps(drafts, options, words)),
    )


def _has_company(order: OrderHistory, found: TimelineInput) -> bool:
    """Whether something else happened to the person within the minute of an order."""
    selection = found.selection
    moments = [
        *(one.at for one in selection.told_requests),
        *(one.at for one in selection.orders if one is not order),
        *(one.at for one in found.switches),
    ]
    return in_minute(order.at) in map(in_minute, moments)


def _delivered(request: RequestHistory, parts: Sequence[PartDelivery]) -> dict[Purpose, int | None]:
    counted = _count_delivered(parts)
    id_ = request.accepted.request_id
    return {purpose: counted.get(message_id(id_, purpose)) for purpose in Purpose}


def _taken(request: RequestHistory, found: TimelineInput) -> dict[Purpose, datetime]:
    """Return when gateways claimed the messages of a request."""
    claimed_at = _claimed_at(found)
    ids = {purpose: message_id(request.accepted.request_id, purpose) for purpose in Purpose}
    return {purpose: claimed_at[id_] for purpose, id_ in ids.items() if id_ in claimed_at}


def _waits(
    request: RequestHistory, drafts: Sequence[StepDraft], found: TimelineInput, now: datetime
) -> dict[Purpose, MessageWait]:
    """Return where the messages of a request wait."""
    ids = {purpose: message_id(request.accepted.request_id, purpose) for purpose in Purpose}
    return {
        purpose: waiting
        for purpose, id_ in ids.items()
        if (waiting := waiting_of(id_, drafts, found.unpublished, found.sending, now))
    }


def _claimed_at(found: TimelineInput) -> dict[UUID, datetime]:
    return {claim.message_id: claim.claimed_at for claim in found.claims}


def _count_delivered(parts: Sequence[PartDelivery]) -> dict[UUID, int]:
    """Return how many parts were delivered of each message whose parts are known."""
    counted = dict.fromkeys((part.message_id for part in parts), 0)
    for part in parts:
        counted[part.message_id] += part.state == ReceiptState.DELIVERED.value
    return counted


def _steps(drafts: Sequence[StepDraft], options: TimelineOptions, words: Wording) -> Iterable[Step]:
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


def with_limits(found: TimelineInput, options: TimelineOptions) -> list[MissNote]:
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


def _succeeded_since(note: MissNote, found: TimelineInput) -> bool:
    """Whether a later text was accepted: then the person need not text again."""
    return any(one.at > note.span.last_at for one in found.selection.told_requests)


def _limit_at(note: MissNote, found: TimelineInput) -> int | None:
    """Return the limit that these texts exceeded, if its event says it."""
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


def miss_entry(note: MissNote, found: TimelineInput, words: Wording) -> Miss:
    """Return the entry of texts that made no request."""
    span, reading = note.span, note.reading
    return Miss(
        kind=note.kind,
        first_at=span.first_at,
        last_at=span.last_at,
        count=span.count,
        sentence=words.miss(
            note.kind, span, _limit_at(note, found), has_advice=not _succeeded_since(note, found)
        ),
        reading=reading and reading.model_copy(update={"text": words.reading(reading)}),
    )


def unfinished_entry(text: LongText, words: Wording) -> Unfinished:
    """Return the entry of a long text with missing parts."""
    return Unfinished(
        total=text.total,
        sequences=text.sequences,
        first_at=text.span.first_at,
        sentence=words.unfinished(text.span, len(text.sequences), text.total),
    )


def excluded_entry(one: BroadcastExclusion, words: Wording) -> ExcludedTimeline:
    """Return the entry of an excluded row."""
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


def switch_entry(one: Switch, words: Wording) -> SwitchTimeline:
    """Return the entry of a switch by an operator."""
    return SwitchTimeline(
        at=one.at,
        notifications_on=one.notifications_on,
        by=one.by or "",
        reason=one.reason or "",
        sentence=words.switch(one),
    )
