"""Comparing a live projection with one made from zero, and naming the first difference.

The one made from zero are temporary tables of one session: nothing live is touched, nothing
is left behind, and several may run at once. Live rows are read from one snapshot together
with their place in the log, and the other one is built to exactly that place; the live
projector moves on meanwhile.
"""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass

import psycopg
from psycopg import IsolationLevel

from inbound.errors import SetupError
from inbound.projections import places
from inbound.projections.building import Builder, Told, silent
from inbound.projections.dumping import dump
from inbound.projections.model import Projection
from inbound.projections.places import Place, Progress, at
from inbound.projections.table_statements import TABLE_STATEMENTS
from inbound.projections.writing import Writer
from inbound.store.connections import raises_store_errors


@dataclass(frozen=True, slots=True)
class Verified:
    """What was compared: so many rows, at this position. `difference` is the first there is."""

    name: str
    position: int
    rows: int
    difference: str | None = None


def verify(
    connect: Callable[[], psycopg.Connection],
    projections: Sequence[Projection],
    *,
    tell: Callable[[Told], None] = silent,
    stopping: threading.Event | None = None,
) -> Iterator[Verified]:
    """Compare these projections one after the other. Changes nothing. Blocks for long.

    `connect` opens a connection in autocommit mode without a limit for one statement.
    Raises SetupError for one that has another version than this release, `Stopped`,
    `FoldError` and errors of the store.
    """
    with ExitStack() as stack:
        checking, reading, looking = (stack.enter_context(connect()) for _ in range(3))
        looking.isolation_level = IsolationLevel.REPEATABLE_READ
        live = places.progress(looking, Place.LIVE)
        for one in projections:
            _refuse_other_version(one, live.get(one.name))
            _create(checking, one)
        builder = Builder(
            reading, Writer(checking, Place.CHECK), tell, stopping or threading.Event()
        )
        # Together as far as all of them are, so that the log is read once.
        common = min(live[one.name].position for one in projections)
        builder.advance(projections, 0, common, common)
        for one in projections:
            with _held(looking, one) as stands:
                builder.advance([one], common, stands.position, stands.position)
                tell(Told(f"comparing {one.name}", stands.position, stands.position))
                with (
                    closing(dump(looking, one.name)) as ours,
                    closing(dump(checking, one.name, Place.CHECK)) as theirs,
                ):
                    rows, difference = compare(one, ours, theirs)
            yield Verified(one.name, stands.position, rows, difference)


def compare(
    projection: Projection, live: Iterator[bytes], rebuilt: Iterator[bytes]
) -> tuple[int, str | None]:
    """Return how many rows are the same up to the first difference, and what that is."""
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
        return f"{_name(projection, live)} is in the live table and does not follow from the log"
    for column, ours, theirs in zip(projection.columns, live, rebuilt, strict=True):
        if ours != theirs:
            return f"{_name(projection, live)}: {column} is {ours}, by the log it is {theirs}"
    raise AssertionError("two lines differ and their columns don't")


def _name(projection: Projection, row: list[str] | None) -> str:
    key = zip(projection.key, row or (), strict=False)
    return f"{projection.name}: the row with {', '.join(f'{name} {value}' for name, value in key)}"


@contextmanager
def _held(conn: psycopg.Connection, one: Projection) -> Iterator[Progress]:
    """Open a snapshot of a live table and yield the place that belongs to it."""
    with conn.transaction():
        _hold(conn, one)
        stands = places.progress(conn, Place.LIVE)[one.name]
        _refuse_other_version(one, stands)
        yield stands


@raises_store_errors
def _hold(conn: psycopg.Connection, one: Projection) -> None:
    conn.execute(TABLE_STATEMENTS[one.name].hold_live)


@raises_store_errors
def _create(conn: psycopg.Connection, one: Projection) -> None:
    with at(conn, Place.CHECK) as cursor:
        cursor.execute(TABLE_STATEMENTS[one.name].create)


def _refuse_other_version(one: Projection, stands: Progress | None) -> None:
    if stands is None or stands.version != one.version:
        version = f"is of version {stands.version}" if stands else "was never built"
        raise SetupError(
            f"{one.name} {version}, this release makes version {one.version}: "
            f"run `scserv projections rebuild {one.name}` first"
        )
