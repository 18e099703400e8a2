"""How far each projection has got, in which schema its tables are, and who works on it.

`LIVE` has the tables that readers see, `SHADOW` those of a rebuild, and `CHECK` temporary
tables of one session. Tables have the same names and indexes in each schema, so one set of
statements serves all of them, and a rebuilt table goes live by a change of its schema. The
progress of `LIVE` and `SHADOW` is stored in the database.
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
_USE_SCHEMA: Final = _SQL["use_schema"]
_PROGRESS: Final = _SQL["progress"]
_ADVANCE: Final = _SQL["advance"]
_TRY_LOCK: Final = _SQL["try_lock"]
_UNLOCK: Final = _SQL["unlock"]


class ProgressConflict(RetryableError):  # noqa: N818  says what is the case
    """Another process advanced a projection or swapped in a rebuilt table: read again."""


class TableSchema(StrEnum):
    """The database schema of a set of projection tables."""

    LIVE = "projections"
    SHADOW = "projections_shadow"
    CHECK = "pg_temp"


@dataclass(frozen=True, slots=True)
class ProjectionProgress:
    """The version of a projection's table, and the last position that is in its rows."""

    version: int
    position: int


@contextmanager
def in_schema(conn: psycopg.Connection, schema: TableSchema) -> Iterator[psycopg.Cursor]:
    """Open a transaction in which table names without a schema mean those of `schema`."""
    with conn.transaction(), conn.cursor() as cursor:
        cursor.execute(_USE_SCHEMA, {"schema": schema.value})
        yield cursor


@raises_store_errors
def stored_progress(conn: psycopg.Connection, schema: TableSchema) -> dict[str, ProjectionProgress]:
    """Return the progress of each projection that has a table in this schema."""
    rows = conn.execute(_PROGRESS, {"schema": schema.value}).fetchall()
    return {name: ProjectionProgress(version, position) for name, version, position in rows}


def advance(
    cursor: psycopg.Cursor,
    schema: TableSchema,
    projections: Sequence[Projection],
    *,
    after: int,
    until: int,
) -> None:
    """Advance all of these from `after` to `until`, within the open transaction.

    Their progress is locked until commit. Raises `ProgressConflict` when one of them has
    another position or version.
    """
    cursor.execute(
        _ADVANCE,
        {
            "schema": schema.value,
            "names": [one.name for one in projections],
            "versions": [one.version for one in projections],
            "after": after,
            "until": until,
        },
    )
    if cursor.rowcount != len(projections):
        names = " or ".join(one.name for one in projections)
        raise ProgressConflict(f"another process has advanced {names}")


@raises_store_errors
def try_lock(conn: psycopg.Connection, work: str, name: str) -> bool:
    """Lock `work` on a projection for as long as `conn` lives; False when another has it."""
    return conn.execute(_TRY_LOCK, {"work": work, "name": name}).fetchone() == (True,)


@raises_store_errors
def unlock(conn: psycopg.Connection, work: str, name: str) -> None:
    """Release what `try_lock` locked."""
    conn.execute(_UNLOCK, {"work": work, "name": name})
