"""Compares live projections with freshly built ones, and names the first difference.

The fresh tables are temporary tables of one session: nothing live changes, nothing remains, and
several verifications may run at once. Live rows are read from one snapshot together with
their progress, and the fresh table is built to exactly that position; the live projector
continues meanwhile.
"""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass

import psycopg
from psycopg import IsolationLevel

from inbound.errors import SetupError
from inbound.projections.builder import Builder, BuildProgress, ignore_progress
from inbound.projections.dump import dump
from inbound.projections.model import Projection
from inbound.projections.progress import ProjectionProgress, TableSchema, in_schema, stored_progress
from inbound.projections.table_statements import TABLE_STATEMENTS
from inbound.projections.writer import ProjectionWriter
from inbound.store.connections import raises_store_errors


@dataclass(frozen=True, slots=True)
class VerifiedProjection:
    """The result of one comparison: equal rows, position, and the first difference if any."""

    name: str
    position: int
    rows: int
    difference: str | None = None


def verify(
    connect: Callable[[], psycopg.Connection],
    projections: Sequence[Projection],
    *,
    on_progress: Callable[[BuildProgress], None] = ignore_progress,
    stopping: threading.Event | None = None,
) -> Iterator[VerifiedProjection]:
    """Compare these projections one after the other. Changes nothing. Blocks for long.

    `connect` opens a connection in autocommit mode without a statement timeout. Raises
    SetupError for a projection of another version than this release, `BuildStopped`,
    `FoldError` and errors of the store.
    """
    with ExitStack() as stack:
        checking, reading, looking = (stack.enter_context(connect()) for _ in range(3))
        looking.isolation_level = IsolationLevel.REPEATABLE_READ
        live = stored_progress(looking, TableSchema.LIVE)
        for one in projections:
            _refuse_other_version(one, live.get(one.name))
            _create(checking, one)
        builder = Builder(
            reading,
            ProjectionWriter(checking, TableSchema.CHECK),
            on_progress,
            stopping or threading.Event(),
        )
        # All together up to their lowest position, so that the log is read once.
        common = min(live[one.name].position for one in projections)
        builder.advance(projections, 0, common, common)
        for one in projections:
            with _held(looking, one) as current:
                builder.advance([one], common, current.position, current.position)
                on_progress(
                    BuildProgress(f"comparing {one.name}", current.position, current.position)
                )
                with (
                    closing(dump(looking, one.name)) as ours,
                    closing(dump(checking, one.name, TableSchema.CHECK)) as theirs,
                ):
                    rows, difference = compare(one, ours, theirs)
            yield VerifiedProjection(one.name, current.position, rows, difference)


def compare(
    projection: Projection, live: Iterator[bytes], rebuilt: Iterator[bytes]
) -> tuple[int, str | None]:
    """Return the number of equal rows before the first difference, and the difference."""
    same = 0
    while True:
        ours, theirs = next(live, None), next(rebuilt, None)
        if ours != theirs:
            return same, _difference(projection, _columns(ours), _columns(theirs))
        if ours is None:
            return same, None
        same += 1


def _columns(line: bytes | None) -> list[str] | None:
    return None if line is None else line.decode().removesuffix("\n").split("\t")


def _difference(projection: Projection, live: list[str] | None, rebuilt: list[str] | None) -> str:
    width = len(projection.key)
    if live is None or (rebuilt is not None and rebuilt[:width] < live[:width]):
        return f"{_name(projection, rebuilt)} is missing from the live table"
    if rebuilt is None or live[:width] < rebuilt[:width]:
        return f"{_name(projection, live)} is in the live table but does not follow from the log"
    for column, ours, theirs in zip(projection.columns, live, rebuilt, strict=True):
        if ours != theirs:
            return f"{_name(projection, live)}: {column} is {ours}, by the log it is {theirs}"
    raise AssertionError("two lines differ and their columns don't")


def _name(projection: Projection, row: list[str] | None) -> str:
    key = zip(projection.key, row or (), strict=False)
    return f"{projection.name}: the row with {', '.join(f'{name} {value}' for name, value in key)}"


@contextmanager
def _held(conn: psycopg.Connection, one: Projection) -> Iterator[ProjectionProgress]:
    """Open a snapshot of a live table and yield its progress."""
    with conn.transaction():
        _lock(conn, one)
        current = stored_progress(conn, TableSchema.LIVE)[one.name]
        _refuse_other_version(one, current)
        yield current


@raises_store_errors
def _lock(conn: psycopg.Connection, one: Projection) -> None:
    conn.execute(TABLE_STATEMENTS[one.name].lock_live)


@raises_store_errors
def _create(conn: psycopg.Connection, one: Projection) -> None:
    with in_schema(conn, TableSchema.CHECK) as cursor:
        cursor.execute(TABLE_STATEMENTS[one.name].create)


def _refuse_other_version(one: Projection, current: ProjectionProgress | None) -> None:
    if current is None or current.version != one.version:
        version = f"is of version {current.version}" if current else "was never built"
        raise SetupError(
            f"{one.name} {version}, this release needs version {one.version}: "
            f"run `scserv projections rebuild {one.name}` first"
        )
