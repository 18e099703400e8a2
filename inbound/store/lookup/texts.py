"""MOs of a number that made no request: rejected, unrecorded, and with parts missing."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final, NamedTuple

import psycopg
from pydantic_core import from_json

from inbound.store.connections import raises_store_errors
from inbound.store.fetching import fetch_rows
from inbound.store.lookup.time_window import TimeWindow
from inbound.store.mo.rows import MoReading, RejectedMo, RejectedMoKey
from inbound.store.statements import statements

_SQL: Final = statements(__package__, "texts")
_REJECTED_MOS_OF: Final = _SQL["rejected_mos_of"]
_UNRECORDED_MOS: Final = _SQL["unrecorded_mos"]
_WAITING_PARTS: Final = _SQL["waiting_parts"]


@dataclass(frozen=True, slots=True)
class UnrecordedMos:
    """Counts MOs of all numbers that were not recorded as rejected, because there were too many."""

    count: int
    first_at: datetime | None
    last_at: datetime | None


class IncompleteText(NamedTuple):
    """A concatenated MO with parts missing; `sequences` of the others in order of arrival."""

    total: int
    sequences: list[int]
    first_at: datetime
    last_at: datetime


@raises_store_errors
def rejected_mos_of(
    conn: psycopg.Connection, number_hash: bytes, window: TimeWindow, limit: int
) -> list[RejectedMo]:
    """Return the rejected MOs of a number, newest first."""
    parameters = {"number_hash": number_hash, "limit": limit, **window._asdict()}
    rows = conn.execute(_REJECTED_MOS_OF, parameters).fetchall()
    return [
        RejectedMo(RejectedMoKey(*row[:3]), row[3], row[4], row[5], _reading(row[6]))
        for row in rows
    ]


def _reading(data: bytes | None) -> MoReading | None:
    return MoReading(**from_json(data)) if data else None


@raises_store_errors
def unrecorded_mos(conn: psycopg.Connection, window: TimeWindow) -> UnrecordedMos:
    """Return how many rejected MOs of all numbers were not recorded in a time."""
    row = conn.execute(_UNRECORDED_MOS, window._asdict()).fetchone()
    return UnrecordedMos(*row) if row else UnrecordedMos(0, None, None)


@raises_store_errors
def waiting_texts(conn: psycopg.Connection, number_hash: bytes, limit: int) -> list[IncompleteText]:
    """Return concatenated MOs of a number with parts missing, newest first."""
    parameters = {"number_hash": number_hash, "limit": limit}
    return fetch_rows(conn, IncompleteText, _WAITING_PARTS, parameters)
