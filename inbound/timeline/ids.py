"""Finds the requests and orders that an id refers to.

Synchronous, on the caller's connection; a text that is not an id of that kind refers to nothing.
"""

import re
from typing import Final
from uuid import UUID

import psycopg

from inbound.smpp.message_ids import candidate_ids
from inbound.store.lookup import orders, requests
from inbound.store.lookup.orders import OrderLocation
from inbound.store.lookup.requests import RequestLocation

_TRACE: Final = re.compile(
    "(?P<id>[0-9a-f]{32})|[0-9a-f]{2}-(?P<parent>[0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}"
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
