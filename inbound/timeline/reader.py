"""Reads what a timeline needs from the database, by number or id.

Synchronous, on the caller's connection; a look-up by number takes about eight statements. A
reveal is recorded in the audit log before the number is shown.
"""

import re
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
from inbound.smpp.message_ids import candidate_ids
from inbound.store.access import audit
from inbound.store.lookup import events, messages, orders, people, requests, texts
from inbound.store.lookup.orders import OrderLocation
from inbound.store.lookup.people import SubjectRow
from inbound.store.lookup.requests import RequestLocation
from inbound.store.lookup.time_window import TimeWindow
from inbound.store.sealing import Sealer
from inbound.timeline.build import build
from inbound.timeline.incidents import Exclusion, Switch
from inbound.timeline.input import (
    LongText,
    MissNote,
    Selection,
    TimelineInput,
    TimelineOptions,
)
from inbound.timeline.model import TextReading, Timeline
from inbound.timeline.requests import RequestHistory
from inbound.timeline.selecting import select
from inbound.timeline.words import ArrivalSpan

ACTION: Final = "timeline.reveal"
MISSES: Final = 50
"""The maximum number of notes of misses in a timeline."""

_LONG_TEXTS: Final = 10
_TRACE: Final = re.compile(
    "(?P<id>[0-9a-f]{32})|[0-9a-f]{2}-(?P<parent>[0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}"
)
# A request has about six events, an order two or three, more if the SMS centre doesn't answer.
_EVENTS_PER_ENTRY: Final = 30
_EVENTS_MORE: Final = 100
# The arrival is by the gateway's clock, which differs from the database's.
_CLOCKS_DIFFER: Final = timedelta(days=1)
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
        selection = Selection()
        if subject_id is not None:
            selection = _select_newest(conn, subject_id, options)
            window = TimeWindow(options.since, options.until)
            switches = people.switches_of(conn, subject_id, window, options.limit)
            found = replace(found, switches=[Switch(*one) for one in switches])
        selection = _with_strangers_orders(conn, number_hash, selection, options)
        found = _with_messages(conn, replace(found, selection=selection), subject_id)
        works = [PendingWork.TEXTS, PendingWork.ORDERS]
        if subject_id:
            works.insert(1, PendingWork.RESULTS)
        freshness = _freshness(gaps, number_hash, options, *works)
        return build(replace(found, freshness=freshness), options)

    def by_places(
        self,
        conn: psycopg.Connection,
        places: Sequence[RequestLocation | OrderLocation],
        options: TimelineOptions,
        reveal: Reveal | None = None,
    ) -> list[Timeline]:
        """Return a timeline for each request or order that an id refers to; see `find_by_*`.

        Blocks and raises as `by_number` does. The number of an erased person is None,
        and so is that of an order to nobody.
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
                selection=_select_one(conn, place, wanted),
                miss_days=self.miss_days,
            )
            found = _with_messages(conn, found, subject_id)
            freshness = _freshness(gaps, number_hash, wanted, PendingWork.RESULTS)
            timelines.append(build(replace(found, freshness=freshness), wanted))
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
            excluded=[Exclusion(**row._asdict()) for row in excluded],
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


def find_by_request(conn: psycopg.Connection, text: str) -> list[RequestLocation]:
    """Return the request of this id, if there is one."""
    request_id = as_uuid(text)
    return requests.locate_by_request(conn, request_id) if request_id is not None else []


def find_by_order(conn: psycopg.Connection, text: str) -> list[OrderLocation]:
    """Return the order of this id, if there is one."""
    order_id = as_uuid(text)
    return orders.locate_by_order(conn, order_id) if order_id is not None else []


def find_by_message(conn: psycopg.Connection, text: str) -> list[RequestLocation | OrderLocation]:
    """Return requests and orders by a message id: ours, or the SMS centre's."""
    own = as_uuid(text)
    places: list[RequestLocation | OrderLocation] = []
    if own is not None:
        places += requests.locate_by_message(conn, own)
        places = places or [*orders.locate_by_order_message(conn, own)]
    if not places:
        ids = candidate_ids(text.strip())
        places += requests.locate_by_centre_id(conn, ids)
        places += orders.locate_orders_by_centre_id(conn, ids)
    return places


def find_by_trace(conn: psycopg.Connection, text: str) -> list[RequestLocation | OrderLocation]:
    """Return requests and orders by a trace id (32 hex digits) or a whole traceparent."""
    trace_id = as_trace_id(text)
    if trace_id is None:
        return []
    return [
        *requests.locate_by_trace(conn, trace_id),
        *orders.locate_orders_by_trace(conn, trace_id),
    ]


def find_by_any_id(conn: psycopg.Connection, text: str) -> list[RequestLocation | OrderLocation]:
    """Return the order of this id, or what `find_by_message` returns."""
    return [*find_by_order(conn, text)] or find_by_message(conn, text)


def as_uuid(text: str) -> UUID | None:
    """Return the UUID in `text`, in any notation, or None."""
    try:
        return UUID(text.strip())
    except ValueError:
        return None


def as_trace_id(text: str) -> UUID | None:
    """Return the trace id in `text`, alone or in a traceparent (W3C Trace Context, 3.2)."""
    found = _TRACE.fullmatch(text.strip().lower())
    return UUID(found["id"] or found["parent"]) if found else None


def _select_newest(
    conn: psycopg.Connection, subject_id: UUID, options: TimelineOptions
) -> Selection:
    window = TimeWindow(options.since, options.until)
    entries = events.newest_entries(conn, subject_id, window, options.limit)
    if not entries:
        return Selection()
    recorded = events.events_of(
        conn,
        subject_id,
        [entry.id for entry in entries],
        from_version=min(entry.version for entry in entries),
        limit=_EVENTS_MORE + _EVENTS_PER_ENTRY * len(entries),
    )
    selection = _with_stops(conn, subject_id, select(recorded, options))
    orders = sum(entry.is_order for entry in entries)
    requests_left_out = entries[0].requests - (len(entries) - orders)
    all_left_out = requests_left_out > 0 and not selection.requests
    return replace(
        selection,
        requests_left_out=requests_left_out,
        orders_left_out=entries[0].orders - orders,
        last_request=_last_request(conn, subject_id, options) if all_left_out else None,
    )


def _last_request(
    conn: psycopg.Connection, subject_id: UUID, options: TimelineOptions
) -> RequestHistory | None:
    """Return the newest request of the requested time, behind however many orders."""
    window = TimeWindow(options.since, options.until)
    entries = events.newest_entries(conn, subject_id, window, events.COUNT_LIMIT)
    last = next((entry for entry in entries if not entry.is_order), None)
    if last is None:
        return None
    limit = _EVENTS_MORE + _EVENTS_PER_ENTRY
    recorded = events.events_of(conn, subject_id, [last.id], from_version=last.version, limit=limit)
    return next(iter(select(recorded, options).requests), None)


def _with_strangers_orders(
    conn: psycopg.Connection, number_hash: bytes, selection: Selection, options: TimelineOptions
) -> Selection:
    """Add orders that were refused before the number had a subject: they are the oldest ones."""
    window = TimeWindow(options.since, options.until)
    recorded = events.events_of_strangers_orders(conn, number_hash, window, options.limit + 1)
    if not recorded:
        return selection
    found = select(recorded, options)
    room = max(options.limit - len(selection.requests) - len(selection.orders), 0)
    left_out = found.orders_left_out + len(found.orders[room:])
    return replace(
        selection,
        orders=[*selection.orders, *found.orders[:room]],
        orders_left_out=selection.orders_left_out + left_out,
    )


def _select_one(
    conn: psycopg.Connection,
    place: RequestLocation | OrderLocation,
    options: TimelineOptions,
) -> Selection:
    stream_id = place.subject_id or place.id
    recorded = events.events_of(
        conn,
        stream_id,
        [place.id],
        since=place.not_before - _CLOCKS_DIFFER,
        limit=_EVENTS_MORE + _EVENTS_PER_ENTRY,
    )
    return _with_stops(conn, stream_id, select(recorded, options))


def _with_stops(conn: psycopg.Connection, subject_id: UUID, selection: Selection) -> Selection:
    """Add when notifications had been switched off to orders that were not sent for that."""
    versions = {order: order.opted_out_before for order in selection.orders}
    wanted = {version for version in versions.values() if version is not None}
    if not wanted:
        return selection
    stops = people.last_stops(conn, subject_id, wanted)
    orders = [
        order if version is None else replace(order, opted_out_at=stops.get(version))
        for order, version in versions.items()
    ]
    return replace(selection, orders=orders)


def _with_messages(
    conn: psycopg.Connection, found: TimelineInput, subject_id: UUID | None
) -> TimelineInput:
    """Add rows of orders, and claims and receipts of messages without a delivery outcome."""
    selection = found.selection
    if order_ids := [order.decided.order_id for order in selection.orders]:
        found = replace(found, rows=orders.waiting_orders(conn, order_ids))
    if subject_id is None:
        return found
    open_messages = selection.open_messages
    if with_parts := [*open_messages, *selection.partly_delivered]:
        parts = messages.sent_part_statuses(conn, subject_id, with_parts)
        found = replace(found, parts=parts)
    if open_messages:
        found = replace(found, claims=messages.claims_of(conn, open_messages))
    return found


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
