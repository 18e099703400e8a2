"""The status of each projection, for metrics and `scserv projections list`."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import psycopg

from inbound.projections.catalogue import PROJECTIONS
from inbound.projections.progress import ProjectionProgress, TableSchema, in_schema, stored_progress
from inbound.projections.table_statements import TABLE_STATEMENTS
from inbound.store.connections import raises_store_errors
from inbound.store.log.positions import last_position
from inbound.store.statements import statements

_SQL: Final = statements(__package__, "progress")
_LAGS: Final = _SQL["lags"]
_LOCKED_WORK: Final = _SQL["locked_work"]
_OLDEST_MISSING: Final = _SQL["oldest_missing"]


@dataclass(frozen=True, slots=True)
class ProjectionLag:
    """The lag of one live projection: missing events, and the age of the oldest one."""

    name: str
    version: int
    position: int
    events: int
    seconds: float


@dataclass(frozen=True, slots=True)
class ProjectionStatus:
    """The status of one projection. `version` is that of this release, not of the live table.

    `live` is None if it was never built, `shadow` if there is no unfinished rebuild; `rows` if they
    were not counted.
    """

    name: str
    version: int
    live: ProjectionLag | None
    rows: int | None
    has_projector: bool
    shadow: ProjectionProgress | None
    being_rebuilt: bool


@raises_store_errors
def lags(conn: psycopg.Connection) -> dict[str, ProjectionLag]:
    """Return the lag of each live projection, by the clock of the database."""
    parameters = {"last_position": last_position(conn)}
    return {row[0]: ProjectionLag(*row) for row in conn.execute(_LAGS, parameters)}


@raises_store_errors
def oldest_missing(conn: psycopg.Connection, name: str) -> datetime | None:
    """Return since when events are missing in a live projection; None if it shows them all."""
    row = conn.execute(_OLDEST_MISSING, {"name": name}).fetchone()
    return row[0] if row else None


@raises_store_errors
def statuses(conn: psycopg.Connection, *, with_rows: bool = True) -> list[ProjectionStatus]:
    """Return the status of each projection. Counting rows takes seconds for many millions."""
    live, shadow = lags(conn), stored_progress(conn, TableSchema.SHADOW)
    held = set(conn.execute(_LOCKED_WORK, {"names": list(PROJECTIONS)}).fetchall())
    return [
        ProjectionStatus(
            name=one.name,
            version=one.version,
            live=live.get(one.name),
            rows=_rows(conn, one.name, live) if with_rows else None,
            has_projector=("projector", one.name) in held,
            shadow=shadow.get(one.name),
            being_rebuilt=("rebuild", one.name) in held,
        )
        for one in PROJECTIONS.values()
    ]


def _rows(conn: psycopg.Connection, name: str, live: Mapping[str, ProjectionLag]) -> int:
    if name not in live:
        return 0
    with in_schema(conn, TableSchema.LIVE) as cursor:
        row = cursor.execute(TABLE_STATEMENTS[name].count).fetchone()
    return int(row[0]) if row else 0
