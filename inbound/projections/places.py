"""Where the tables of projections stand, and how far each has got.

A place is a schema. `LIVE` is what readers see, `SHADOW` is a rebuild beside it, and `CHECK`
are temporary tables of one session, which are gone with it. Tables have the same names and
the same indexes in each, so one set of statements serves them all, and a rebuilt table
becomes the live one by moving it. `LIVE` and `SHADOW` keep their progress in the database.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import psycopg

from inbound.errors import RetryableError
from inbound.projections.model import Projection
from inbound.store.connections import raises_store_errors
from inbound.store.statements import statements

_SQL: Final = statements(__package__, "progress")
_USE_PLACE: Final = _SQL["use_place"]
_PROGRESS: Final = _SQL["progress"]
_ADVANCE: Final = _SQL["advance"]
_TRY_LOCK: Final = _SQL["try_lock"]
_UNLOCK: Final = _SQL["unlock"]


class Moved(RetryableError):  # noqa: N818  says what is the case
    """Somebody else has moved a projection, or put a rebuilt one in its place: look again."""


class Place(StrEnum):
    """The schema of a set of tables."""

    LIVE = "projections"
    SHADOW = "projections_shadow"
    CHECK = "pg_temp"


@dataclass(frozen=True, slots=True)
class Progress:
    """The version of a projection's table, and the last position that is in its rows."""

    version: int
    position: int


@contextmanager
def at(conn: psycopg.Connection, place: Place) -> Iterator[psycopg.Cursor]:
    """Open a transaction in which tables without a schema are those of `place`."""
    with conn.transaction(), conn.cursor() as cursor:
        cursor.execute(_USE_PLACE, {"place": place.value})
        yield cursor


@raises_store_errors
def progress(conn: psycopg.Connection, place: Place) -> dict[str, Progress]:
    """Return how far each projection is that has a table in this place."""
    rows = conn.execute(_PROGRESS, {"place": place.value}).fetchall()
    return {name: Progress(version, position) for name, version, position in rows}


def advance(
    cursor: psycopg.Cursor,
    place: Place,
    projections: Sequence[Projection],
    *,
    after: int,
    until: int,
) -> None:
    """Move the place of all of these from `after` to `until`, within the open transaction.

    From here to commit nobody else can. Raises `Moved` when one of them is not where, or
    not of the version, that it was thought to be.
    """
    cursor.execute(
        _ADVANCE,
        {
            "place": place.value,
            "names": [one.name for one in projections],
            "versions": [one.version for one in projections],
            "after": after,
            "until": until,
        },
    )
    if cursor.rowcount != len(projections):
        raise Moved(f"{' or '.join(one.name for one in projections)} was moved by somebody else")


@raises_store_errors
def try_lock(conn: psycopg.Connection, work: str, name: str) -> bool:
    """Take `work` on a projection for as long as `conn` lives; False when another has it."""
    return conn.execute(_TRY_LOCK, {"work": work, "name": name}).fetchone() == (True,)


@raises_store_errors
def unlock(conn: psycopg.Connection, work: str, name: str) -> None:
    """Give back what `try_lock` took."""
    conn.execute(_UNLOCK, {"work": work, "name": name})
