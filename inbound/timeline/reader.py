"""Reads what a timeline needs from the database, by number or id.

Synchronous, on the caller's connection; a look-up by number takes about eight statements. A
reveal is recorded in the audit log before the number is shown.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import psycopg

from inbound.freshness.model import Freshness, Pending, PendingWork
from inbound.freshness.people import Gaps, read_gaps
from inbound.keys import SubjectHasher
from inbound.parsers.numbers import mask
from inbound.store.access import audit
from inbound.store.lookup import orders, people, texts
from inbound.store.lookup.orders import OrderLocation
from inbound.store.lookup.people import SubjectRow
from inbound.store.lookup.requests import RequestLocation
from inbound.store.lookup.time_window import TimeWindow
from inbound.store.sealing import Sealer
from inbound.timeline.build import build
from inbound.timeline.entry_reader import (
    read_switches,
    select_newest,
    select_one,
    with_messages,
    with_strangers_orders,
)
from inbound.timeline.incidents import BroadcastExclusion
from inbound.timeline.input import (
    LongText,
    MissNote,
    SelectedHistory,
    TimelineInput,
    TimelineOptions,
)
from inbound.timeline.model import TextReading, Timeline
from inbound.timeline.selecting import switches_by_operators, with_stops
from inbound.timeline.words import ArrivalSpan

ACTION: Final = "timeline.reveal"
MISSES: Final = 50
"""The maximum number of notes of misses in a timeline."""

_LONG_TEXTS: Final = 10
# The broker stamps records a moment after the gateway has received the text.
_STAMPED_WITHIN: Final = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Reveal:
    """Permission to show the whole number. Who asked and why is recorded."""

    actor: str
    reason: str


@dataclass(frozen=True, slots=True)
class TimelineReader:
    """Looks up timelines. `miss_days` is how long notes of misses are kept."""

    hasher: SubjectHasher
    sealer: Sealer
    miss_days: int

    def by_number(
        self,
        conn: psycopg.Connection,
        number: str,
        options: TimelineOptions,
        reveal: Reveal | None = None,
    ) -> Timeline:
        """Return the timeline of an E.164 number. Blocks on the database.

        Raises ReasonError for a reason that can't be recorded, and errors of the store. Safe
        to repeat, but each reveal is recorded.
        """
        number_hash = self.hasher.hash(number)
        gaps = _read_gaps(conn, options, number_hash)
        person = people.person_by_hash(conn, number_hash)
        subject_id = person.subject_id if person else None
        _record(conn, reveal, subject_id, None)
        found = self._noted(conn, number_hash, options)
        found = replace(found, number=number if reveal else mask(number), subject_id=subject_id)
        selection = SelectedHistory()
        if subject_id is not None:
            selection = select_newest(conn, subject_id, options)
        switches = read_switches(conn, subject_id)
        selection = with_stops(selection, switches)
        found = replace(
            found, switches=switches_by_operators(switches, options), all_switches=switches
        )
        selection = with_strangers_orders(conn, number_hash, selection, options)
        found = with_messages(conn, replace(found, selection=selection), subject_id)
        works = [PendingWork.TEXTS, PendingWork.ORDERS]
        if subject_id:
            works.insert(1, PendingWork.RESULTS)
        freshness = _freshness(gaps, number_hash, options, *works)
        return build(_current(found, freshness, gaps), options)

    def by_places(
        self,
        conn: psycopg.Connection,
        places: Sequence[RequestLocation | OrderLocation],
        options: TimelineOptions,
        reveal: Reveal | None = None,
    ) -> list[Timeline]:
        """Return a timeline for each request or order that an id refers to.

        `inbound.timeline.ids` finds the places. Blocks and raises as `by_number` does. The number
        of an erased person is None, and so is that of an order to a number without a subject.
        """
        timelines = []
        for place in places:
            subject_id = place.subject_id
            person = people.person_by_subject(conn, subject_id) if subject_id else None
            number_hash = person.number_hash if person else None
            gaps = _read_gaps(conn, options, number_hash)
            request_id = place.request_id if isinstance(place, RequestLocation) else None
            _record(conn, reveal, subject_id, request_id)
            wanted = replace(options, only=frozenset({place.id}), since=None, until=None)
            found = TimelineInput(
                number=self._number(person, reveal),
                subject_id=subject_id,
                selection=with_stops(
                    select_one(conn, place, wanted), read_switches(conn, subject_id)
                ),
                miss_days=self.miss_days,
            )
            found = with_messages(conn, found, subject_id)
            freshness = _freshness(gaps, number_hash, wanted, PendingWork.RESULTS)
            timelines.append(build(_current(found, freshness, gaps), wanted))
        return timelines

    def _number(self, person: SubjectRow | None, reveal: Reveal | None) -> str | None:
        if person is None:
            return None
        number = self.sealer.open_number(person.number_sealed, person.subject_id)
        return number if reveal else mask(number)

    def _noted(
        self, conn: psycopg.Connection, number_hash: bytes, options: TimelineOptions
    ) -> TimelineInput:
        """Read the notes of a number, which exist even if it never sent a command."""
        window = TimeWindow(options.since, options.until)
        misses = texts.rejected_mos_of(conn, number_hash, window, MISSES + 1)
        out = texts.unrecorded_mos(conn, window)
        waiting = texts.waiting_texts(conn, number_hash, _LONG_TEXTS)
        excluded = orders.exclusions_of(conn, number_hash, window, options.limit)
        return TimelineInput(
            misses=[
                MissNote(
                    one.key.kind,
                    ArrivalSpan(one.first_at, one.last_at, one.count),
                    TextReading(**one.reading._asdict()) if one.reading else None,
                )
                for one in misses[:MISSES]
            ],
            misses_left_out=len(misses) > MISSES,
            excluded=[BroadcastExclusion(**row._asdict()) for row in excluded],
            not_noted=ArrivalSpan(out.first_at, out.last_at, out.count)
            if out.first_at and out.last_at
            else None,
            unfinished=[
                LongText(one.total, tuple(one.sequences), ArrivalSpan(one.first_at, one.last_at))
                for one in waiting
                if _overlaps(one.first_at, one.last_at, options)
            ],
            miss_days=self.miss_days,
        )


def _current(found: TimelineInput, freshness: Freshness | None, gaps: Gaps | None) -> TimelineInput:
    """Add how current it is, and whether anything can be sent."""
    return replace(found, freshness=freshness, sending=gaps.sending if gaps else None)


def _read_gaps(
    conn: psycopg.Connection, options: TimelineOptions, number_hash: bytes | None
) -> Gaps | None:
    """Read what the timeline may lack; before the timeline, so that nothing is between the two."""
    if options.backlog is None:
        return None
    return read_gaps(conn, options.backlog, [number_hash] if number_hash else [])


def _freshness(
    gaps: Gaps | None, number_hash: bytes | None, options: TimelineOptions, *works: PendingWork
) -> Freshness | None:
    """Return how current the timeline of a number is, within the requested time."""
    if gaps is None:
        return None
    pending = gaps.of(number_hash, *works).pending
    asked_at = gaps.backlog.asked_at
    return Freshness.of(asked_at, [one for one in pending if _concerns(one, options)])


def _concerns(pending: Pending, options: TimelineOptions) -> bool:
    """Whether what is pending can belong to the requested time."""
    if pending.work is PendingWork.RESULTS or None in {pending.since, options.until}:
        return True
    return pending.since < options.until + _STAMPED_WITHIN  # type: ignore[operator]


def _record(
    conn: psycopg.Connection,
    reveal: Reveal | None,
    subject_id: UUID | None,
    request_id: UUID | None,
) -> None:
    if reveal is not None:
        audit.record(
            conn,
            actor=reveal.actor,
            action=ACTION,
            reason=reveal.reason,
            subject_id=subject_id,
            request_id=request_id,
        )


def _overlaps(first_at: datetime, last_at: datetime, options: TimelineOptions) -> bool:
    return (options.since is None or last_at >= options.since) and (
        options.until is None or first_at < options.until
    )
