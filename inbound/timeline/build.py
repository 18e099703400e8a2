"""Builds a timeline in one language and time zone from what the reader found. Pure."""

from inbound.timeline.answer import Entries, answer, answers
from inbound.timeline.entries import (
    excluded_entry,
    miss_entry,
    order_entry,
    pending_of,
    request_entry,
    switch_entry,
    unfinished_entry,
    with_limits,
)
from inbound.timeline.input import TimelineInput, TimelineOptions
from inbound.timeline.languages import wording_of
from inbound.timeline.model import PendingNote, Timeline


def build(found: TimelineInput, options: TimelineOptions) -> Timeline:
    """Return the timeline of what the reader found."""
    words, selection = wording_of(options), found.selection
    every = Entries(
        requests=[request_entry(one, found, options, words) for one in selection.told_requests],
        misses=[miss_entry(note, found, words) for note in with_limits(found, options)],
        unfinished=[unfinished_entry(text, words) for text in found.unfinished],
        orders=[order_entry(order, found, options, words) for order in selection.orders],
        excluded=[excluded_entry(one, words) for one in found.excluded],
        switches=[switch_entry(one, words) for one in found.switches],
        pending=[
            PendingNote(work=one.work, since=one.since, sentence=words.pending(one))
            for one in pending_of(found)
        ],
    )
    # Notes older than the oldest entry of this page belong to the next page.
    page = selection.oldest_at if selection.left_out else None
    unfinished = zip(every.unfinished, found.unfinished, strict=True)
    return Timeline(
        number=found.number,
        subject_id=found.subject_id,
        language=options.language,
        zone=options.zone,
        made_at=options.now,
        since=options.since,
        until=options.until,
        as_of=found.freshness.as_of if found.freshness else None,
        pending=tuple(every.pending),
        sentence=answer(every, found, options, words),
        answers=tuple(answers(every, found, words)),
        requests=tuple(every.requests[: len(selection.requests)]),
        orders=tuple(every.orders),
        excluded=tuple(one for one in every.excluded if page is None or one.began_at >= page),
        switches=tuple(one for one in every.switches if page is None or one.at >= page),
        misses=tuple(one for one in every.misses if page is None or one.last_at >= page),
        unfinished=tuple(
            one for one, text in unfinished if page is None or text.span.last_at >= page
        ),
        requests_left_out=selection.requests_left_out,
        orders_left_out=selection.orders_left_out,
        misses_left_out=found.misses_left_out,
        not_noted=found.not_noted.count if found.not_noted else 0,
        next_until=page,
    )
