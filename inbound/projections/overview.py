"""How each projection is: for the metrics of its lag, and for who lists them."""

from dataclasses import dataclass
from typing import Final

import psycopg

from inbound.projections import places
from inbound.projections.catalogue import PROJECTIONS
from inbound.projections.places import Place, Progress, at
from inbound.projections.table_statements import TABLE_STATEMENTS
from inbound.store.connections import raises_store_errors
from inbound.store.log.positions import last_position
from inbound.store.statements import statements

_SQL: Final = statements(__package__, "progress")
_LAGS: Final = _SQL["lags"]
_WORKING: Final = _SQL["working"]


@dataclass(frozen=True, slots=True)
class Lag:
    """One live projection: how many events it does not show yet, and the age of the oldest."""

    name: str
    version: int
    position: int
    events: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Standing:
    """All about one projection; `version` is what this release makes, `live.version` what is.

    `live` is None when it was never built, `shadow` when no rebuild was begun.
    """

    name: str
    version: int
    live: Lag | None
    rows: int
    has_projector: bool
    shadow: Progress | None
    being_rebuilt: bool


@raises_store_errors
def lags(conn: psycopg.Connection) -> dict[str, Lag]:
    """Return the lag of each live projection, by the clock of the database."""
    parameters = {"last_position": last_position(conn)}
    return {row[0]: Lag(*row) for row in conn.execute(_LAGS, parameters)}


@raises_store_errors
def standings(conn: psycopg.Connection) -> list[Standing]:
    """Return how each projection of this release is. Counts rows: seconds for many millions."""
    live, shadow = lags(conn), places.progress(conn, Place.SHADOW)
    held = set(conn.execute(_WORKING, {"names": list(PROJECTIONS)}).fetchall())
    return [
        Standing(
            name=one.name,
            version=one.version,
            live=live.get(one.name),
            rows=_count(conn, one.name) if one.name in live else 0,
            has_projector=("projector", one.name) in held,
            shadow=shadow.get(one.name),
            being_rebuilt=("rebuild", one.name) in held,
        )
        for one in PROJECTIONS.values()
    ]


def _count(conn: psycopg.Connection, name: str) -> int:
    with at(conn, Place.LIVE) as cursor:
        row = cursor.execute(TABLE_STATEMENTS[name].count).fetchone()
    return int(row[0]) if row else 0
