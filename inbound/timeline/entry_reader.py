"""Reads the events of a timeline's entries: the newest of a subject, or one request or order.

Synchronous, on the caller's connection. How many events are read is bounded.
"""

from dataclasses import replace
from datetime import timedelta
from typing import Final
from uuid import UUID

import psycopg

from inbound.outbox.shards import SHARDS
from inbound.store.lookup import events, messages, orders, people
from inbound.store.lookup.orders import OrderLocation
from inbound.store.lookup.requests import RequestLocation
from inbound.store.lookup.time_window import TimeWindow
from inbound.store.outbox import feeds
from inbound.timeline.incidents import Switch, with_repeats
from inbound.timeline.input import SelectedHistory, TimelineInput, TimelineOptions
from inbound.timeline.requests import RequestHistory
from inbound.timeline.selecting import select

# A request has about six events, an order two or three, more if the SMS centre doesn't answer.
_EVENTS_PER_ENTRY: Final = 30
_EVENTS_MORE: Final = 100
_SWITCHES: Final = 1000
# The arrival is by the gateway's clock, which differs from the database's.
_CLOCKS_DIFFER: Final = timedelta(days=1)


def select_newest(
    conn: psycopg.Connection, subject_id: UUID, options: TimelineOptions
) -> SelectedHistory:
    """Return the newest requests and orders of a subject within the requested time."""
    window = TimeWindow(options.since, options.until)
    entries = events.newest_entries(conn, subject_id, window, options.limit)
    if not entries:
        return SelectedHistory()
    recorded = events.events_of(
        conn,
        subject_id,
        [entry.id for entry in entries],
        from_version=min(entry.version for entry in entries),
        limit=_EVENTS_MORE + _EVENTS_PER_ENTRY * len(entries),
    )
    selection = select(recorded, options)
    shown_orders = sum(entry.is_order for entry in entries)
    requests_left_out = entries[0].requests - (len(entries) - shown_orders)
    all_left_out = requests_left_out > 0 and not selection.requests
    return replace(
        selection,
        requests_left_out=requests_left_out,
        orders_left_out=entries[0].orders - shown_orders,
        last_request=_last_request(conn, subject_id, options) if all_left_out else None,
    )


def _last_request(
    conn: psycopg.Connection, subject_id: UUID, options: TimelineOptions
) -> RequestHistory | None:
    """Return the newest request of the requested time, however many orders are newer."""
    window = TimeWindow(options.since, options.until)
    entries = events.newest_entries(conn, subject_id, window, events.COUNT_LIMIT)
    last = next((entry for entry in entries if not entry.is_order), None)
    if last is None:
        return None
    limit = _EVENTS_MORE + _EVENTS_PER_ENTRY
    recorded = events.events_of(conn, subject_id, [last.id], from_version=last.version, limit=limit)
    return next(iter(select(recorded, options).requests), None)


def with_strangers_orders(
    conn: psycopg.Connection,
    number_hash: bytes,
    selection: SelectedHistory,
    options: TimelineOptions,
) -> SelectedHistory:
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


def select_one(
    conn: psycopg.Connection,
    place: RequestLocation | OrderLocation,
    options: TimelineOptions,
) -> SelectedHistory:
    """Return the request or order at a place."""
    stream_id = place.subject_id or place.id
    recorded = events.events_of(
        conn,
        stream_id,
        [place.id],
        since=place.not_before - _CLOCKS_DIFFER,
        limit=_EVENTS_MORE + _EVENTS_PER_ENTRY,
    )
    return select(recorded, options)


def read_switches(conn: psycopg.Connection, subject_id: UUID | None) -> list[Switch]:
    """Return when notifications were switched on or off for a subject, the newest first."""
    if subject_id is None:
        return []
    return with_repeats([Switch(*one) for one in people.switches_of(conn, subject_id, _SWITCHES)])


def with_messages(
    conn: psycopg.Connection, found: TimelineInput, subject_id: UUID | None
) -> TimelineInput:
    """Add rows of orders; of messages without a delivery outcome receipts, claims and outbox."""
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
        # The outbox first: a message that is published meanwhile may be claimed, but isn't in both.
        unpublished = feeds.find_unpublished(conn, open_messages, SHARDS)
        claims = messages.claims_of(conn, open_messages)
        found = replace(found, unpublished=unpublished, claims=claims)
    return found
