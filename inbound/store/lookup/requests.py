"""Locates requests: finds the subject by an id of the request or of a reply."""

from collections.abc import Collection
from datetime import datetime
from typing import Final, NamedTuple
from uuid import UUID

import psycopg

from inbound.store.connections import raises_store_errors
from inbound.store.fetching import fetch_rows
from inbound.store.statements import statements

MAX_REQUESTS: Final = 20
"""The most requests that one id leads to; usually one."""

_SQL: Final = statements(__package__, "requests")
_LOCATE_BY_REQUEST: Final = _SQL["locate_by_request"]
_LOCATE_BY_MESSAGE: Final = _SQL["locate_by_message"]
_LOCATE_BY_TRACE: Final = _SQL["locate_by_trace"]
_LOCATE_BY_CENTRE_ID: Final = _SQL["locate_by_centre_id"]


class RequestLocation(NamedTuple):
    """The subject of a request, and a time not later than its arrival."""

    subject_id: UUID
    request_id: UUID
    not_before: datetime

    @property
    def id(self) -> UUID:
        """The request."""
        return self.request_id


@raises_store_errors
def locate_by_request(conn: psycopg.Connection, request_id: UUID) -> list[RequestLocation]:
    """Locate the request with this id."""
    return fetch_rows(conn, RequestLocation, _LOCATE_BY_REQUEST, {"request_id": request_id})


@raises_store_errors
def locate_by_message(conn: psycopg.Connection, message_id: UUID) -> list[RequestLocation]:
    """Locate the request that this MT answers."""
    return fetch_rows(conn, RequestLocation, _LOCATE_BY_MESSAGE, {"message_id": message_id})


@raises_store_errors
def locate_by_trace(conn: psycopg.Connection, trace_id: UUID) -> list[RequestLocation]:
    """Locate the requests of a trace; its 32 hex digits are those of a UUID."""
    return fetch_rows(
        conn, RequestLocation, _LOCATE_BY_TRACE, {"trace_id": trace_id, "limit": MAX_REQUESTS}
    )


@raises_store_errors
def locate_by_centre_id(conn: psycopg.Connection, ids: Collection[str]) -> list[RequestLocation]:
    """Locate requests with an MT to which an SMS centre gave one of these ids.

    Pass all spellings of the id (`inbound.smpp.message_ids.candidate_ids`). Finds messages of
    the last days only.
    """
    return fetch_rows(
        conn, RequestLocation, _LOCATE_BY_CENTRE_ID, {"ids": list(ids), "limit": MAX_REQUESTS}
    )
