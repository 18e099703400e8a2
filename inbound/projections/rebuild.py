"""Rebuilds projections beside the live ones and swaps them in.

The tables of a rebuild have their own schema and progress, so a rebuild can be stopped, killed
and resumed, and neither the live projector nor a reader notices it. Indexes are created last:
sorting once is faster than maintaining them.

The swap moves the table into the live schema, in one transaction with the progress, and
statements find it under the same name. Moving a table keeps the names of its indexes and
constraints, which renaming does not, and readers need no pointer to the current table. The swap
waits for readers only as long as `LOCK_TIMEOUTS`, because others queue behind it, and retries.
"""

import logging
import threading
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from itertools import cycle
from typing import Final

import psycopg

from inbound.errors import RetryableError, ScservError, SetupError
from inbound.projections.builder import Builder, BuildProgress, ignore_progress
from inbound.projections.model import Projection
from inbound.projections.progress import (
    ProjectionProgress,
    TableSchema,
    in_schema,
    stored_progress,
    try_lock,
    unlock,
)
from inbound.projections.table_statements import TABLE_STATEMENTS
from inbound.projections.writer import ProjectionWriter
from inbound.store.connections import raises_store_errors
from inbound.store.log.positions import last_position
from inbound.store.statements import statements

log = logging.getLogger(__name__)

# The long one exceeds deadlock_timeout (1 s), after which PostgreSQL cancels an autovacuum of
# the table.
LOCK_TIMEOUTS: Final = ("200ms", "200ms", "200ms", "1500ms")
SWAP_TRIES: Final = 120
SWAP_RETRY_S: Final = 0.5

_SQL: Final = statements(__package__, "progress")
_BEGIN_SHADOW: Final = _SQL["begin_shadow"]
_PROMOTE: Final = _SQL["promote"]
_LOCK_PROGRESS: Final = _SQL["lock_progress"]
_LIMIT_LOCK_WAIT: Final = _SQL["limit_lock_wait"]


class SwapBlocked(RetryableError):  # noqa: N818  says what is the case
    """Readers held locks on a table at every attempt to swap it."""


def rebuild(
    connect: Callable[[], psycopg.Connection],
    projections: Sequence[Projection],
    *,
    from_zero: bool = False,
    on_progress: Callable[[BuildProgress], None] = ignore_progress,
    stopping: threading.Event | None = None,
) -> None:
    """Build these projections from the log and swap each in. Blocks until the last swap.

    `connect` opens a connection in autocommit mode without a statement timeout. Resumes a
    stopped rebuild of this version, unless `from_zero`. Safe to kill and to repeat at any
    moment. Raises SetupError when one of them is being rebuilt, or its live table is of a
    newer release; `BuildStopped`, `FoldError`, `SwapBlocked`, and errors of the store.
    """
    with ExitStack() as stack:
        writing, reading = (stack.enter_context(connect()) for _ in range(2))
        for one in projections:
            if not try_lock(writing, "rebuild", one.name):
                raise SetupError(
                    f"{one.name} is being rebuilt already; `scserv projections list` shows "
                    "its progress"
                )
            stack.callback(_unlock, writing, one)
            _refuse_newer(one, stored_progress(writing, TableSchema.LIVE))
        builder = Builder(
            reading,
            ProjectionWriter(writing, TableSchema.SHADOW),
            on_progress,
            stopping or threading.Event(),
        )
        run = _Rebuild(writing, builder, projections)
        run.prepare(from_zero=from_zero)
        run.follow()
        run.index()
        run.follow()
        for one in projections:
            run.swap(one)


class _Rebuild:
    """One rebuild, on the connection that holds its locks."""

    def __init__(
        self, conn: psycopg.Connection, builder: Builder, projections: Sequence[Projection]
    ) -> None:
        self._conn = conn
        self._builder = builder
        self._projections = projections

    def prepare(self, *, from_zero: bool) -> None:
        """Create empty tables, except where a rebuild of this version can be resumed."""
        begun = stored_progress(self._conn, TableSchema.SHADOW)
        for one in self._projections:
            current = begun.get(one.name)
            if from_zero or current is None or current.version != one.version:
                _begin(self._conn, one)

    def follow(self, only: Projection | None = None) -> None:
        """Build the tables up to the end of the log: the last ones first, then all together."""
        wanted = [one for one in self._projections if only in {None, one}]
        while True:
            progress = stored_progress(self._conn, TableSchema.SHADOW)
            head = last_position(self._conn)
            current = {one.name: progress[one.name].position for one in wanted}
            after = min(current.values())
            if after >= head:
                return
            last = [one for one in wanted if current[one.name] == after]
            until = min((other for other in current.values() if other > after), default=head)
            self._builder.advance(last, after, until, head)

    def index(self) -> None:
        """Create missing indexes, and analyze the tables for the planner."""
        head = last_position(self._conn)
        for one in self._projections:
            sql = TABLE_STATEMENTS[one.name]
            steps = [(f"index {name} of", query) for name, query in sql.indexes.items()]
            for doing, query in (*steps, ("analyzing", sql.analyze)):
                self._builder.on_progress(BuildProgress(f"{doing} {one.name}", head, head))
                _execute_in_shadow(self._conn, query)
                self._builder.check()

    def swap(self, one: Projection) -> None:
        """Replace one live table by the rebuilt one."""
        for _, timeout in zip(range(SWAP_TRIES), cycle(LOCK_TIMEOUTS), strict=False):
            self.follow(one)
            head = last_position(self._conn)
            self._builder.on_progress(BuildProgress(f"swapping {one.name}", head, head))
            if _swap(self._conn, one, timeout):
                log.info("%s was rebuilt to position %d and is live", one.name, head)
                return
            self._builder.stopping.wait(SWAP_RETRY_S)
            self._builder.check()
        raise SwapBlocked(
            f"{one.name} is built, but readers of the live table held locks at every attempt to "
            f"swap it: end long transactions and run the same command again"
        )


def _unlock(conn: psycopg.Connection, one: Projection) -> None:
    """Unlock explicitly: the server may need a moment to notice that a connection ended."""
    with suppress(ScservError):
        unlock(conn, "rebuild", one.name)


@raises_store_errors
def _begin(conn: psycopg.Connection, one: Projection) -> None:
    with in_schema(conn, TableSchema.SHADOW) as cursor:
        cursor.execute(TABLE_STATEMENTS[one.name].drop)
        cursor.execute(TABLE_STATEMENTS[one.name].create)
        cursor.execute(_BEGIN_SHADOW, {"name": one.name, "version": one.version})


@raises_store_errors
def _execute_in_shadow(conn: psycopg.Connection, query: bytes) -> None:
    with in_schema(conn, TableSchema.SHADOW) as cursor:
        cursor.execute(query)


@raises_store_errors
def _swap(conn: psycopg.Connection, one: Projection, timeout: str) -> bool:
    """Swap in one transaction; False if a reader blocks it, or the live table is ahead."""
    try:
        with in_schema(conn, TableSchema.SHADOW) as cursor:
            cursor.execute(_LIMIT_LOCK_WAIT, {"timeout": timeout})
            # Lock the row before the tables: the order of the live projector.
            current = {
                schema: ProjectionProgress(version, position)
                for schema, version, position in cursor.execute(_LOCK_PROGRESS, {"name": one.name})
            }
            live, shadow = current.get(TableSchema.LIVE), current[TableSchema.SHADOW]
            _refuse_newer(one, {one.name: live} if live else {})
            if live is not None and shadow.position < live.position:
                return False
            cursor.execute(TABLE_STATEMENTS[one.name].drop_live)
            cursor.execute(TABLE_STATEMENTS[one.name].move_to_live)
            cursor.execute(_PROMOTE, {"name": one.name})
    except psycopg.errors.LockNotAvailable:
        return False
    return True


def _refuse_newer(one: Projection, live: dict[str, ProjectionProgress]) -> None:
    current = live.get(one.name)
    if current is not None and current.version > one.version:
        raise SetupError(
            f"{one.name} is of version {current.version}, made by a newer release; this one "
            f"needs version {one.version}: rebuild it with the newer one"
        )
