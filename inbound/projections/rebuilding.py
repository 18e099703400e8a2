"""Building projections anew beside the live ones, and putting them in their place.

The tables of a rebuild stand in a schema of their own with a place in the log of their own,
so a rebuild can be stopped, killed and resumed, and neither the live projector nor a reader
notices it. Indexes come last: sorting them once is quicker than keeping them.

The swap moves the table into the live schema, where statements find it under the same name.
Moving, not renaming: indexes and constraints go along and keep their names. Not a pointer to
one of two tables: every reader would have to follow it. It is one transaction with the place
in the log. It waits for a reader at most as long as `LOCK_TIMEOUTS` say, because others queue
up behind it, and tries again.
"""

import logging
import threading
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from itertools import cycle
from typing import Final

import psycopg

from inbound.errors import RetryableError, ScservError, SetupError
from inbound.projections import places
from inbound.projections.building import Builder, Told, silent
from inbound.projections.model import Projection
from inbound.projections.places import Place, Progress, at
from inbound.projections.table_statements import TABLE_STATEMENTS
from inbound.projections.writing import Writer
from inbound.store.connections import raises_store_errors
from inbound.store.log.positions import last_position
from inbound.store.statements import statements

log = logging.getLogger(__name__)

# The long one is longer than deadlock_timeout (1 s), after which PostgreSQL makes an
# autovacuum of the table give way.
LOCK_TIMEOUTS: Final = ("200ms", "200ms", "200ms", "1500ms")
SWAP_TRIES: Final = 120
SWAP_AGAIN_S: Final = 0.5

_SQL: Final = statements(__package__, "progress")
_BEGIN_SHADOW: Final = _SQL["begin_shadow"]
_PROMOTE: Final = _SQL["promote"]
_LOCK_PROGRESS: Final = _SQL["lock_progress"]
_GIVE_UP_WAITING: Final = _SQL["give_up_waiting"]


class Busy(RetryableError):  # noqa: N818  says what is the case
    """Readers never let go of a table for long enough to swap it."""


def rebuild(
    connect: Callable[[], psycopg.Connection],
    projections: Sequence[Projection],
    *,
    from_zero: bool = False,
    tell: Callable[[Told], None] = silent,
    stopping: threading.Event | None = None,
) -> None:
    """Build these projections from the log and swap each in. Blocks until the last swap.

    `connect` opens a connection in autocommit mode without a limit for one statement. A
    rebuild that was stopped goes on where it was, unless it is of another version or
    `from_zero` is asked for. Safe to kill and to repeat at any moment. Raises SetupError
    when another rebuild of one of them is under way, or the live table is of a newer
    release; `Stopped`, `FoldError`, `Busy`, and errors of the store.
    """
    with ExitStack() as stack:
        writing, reading = (stack.enter_context(connect()) for _ in range(2))
        for one in projections:
            if not places.try_lock(writing, "rebuild", one.name):
                raise SetupError(
                    f"{one.name} is being rebuilt already; `scserv projections list` shows "
                    "how far it is"
                )
            stack.callback(_unlock, writing, one)
            _refuse_newer(one, places.progress(writing, Place.LIVE))
        builder = Builder(
            reading, Writer(writing, Place.SHADOW), tell, stopping or threading.Event()
        )
        run = _Rebuild(writing, builder, projections)
        run.prepare(from_zero=from_zero)
        run.follow()
        run.index()
        run.follow()
        for one in projections:
            run.swap(one)


class _Rebuild:
    """One run, on the connection that holds its locks."""

    def __init__(
        self, conn: psycopg.Connection, builder: Builder, projections: Sequence[Projection]
    ) -> None:
        self._conn = conn
        self._builder = builder
        self._projections = projections

    def prepare(self, *, from_zero: bool) -> None:
        """Make empty tables for those that have none of this version to go on with."""
        begun = places.progress(self._conn, Place.SHADOW)
        for one in self._projections:
            stands = begun.get(one.name)
            if from_zero or stands is None or stands.version != one.version:
                _begin(self._conn, one)

    def follow(self, only: Projection | None = None) -> None:
        """Bring the tables to the end of the log; those behind first, then all together."""
        wanted = [one for one in self._projections if only in {None, one}]
        while True:
            progress = places.progress(self._conn, Place.SHADOW)
            head = last_position(self._conn)
            stands = {one.name: progress[one.name].position for one in wanted}
            after = min(stands.values())
            if after >= head:
                return
            last = [one for one in wanted if stands[one.name] == after]
            until = min((other for other in stands.values() if other > after), default=head)
            self._builder.advance(last, after, until, head)

    def index(self) -> None:
        """Make the indexes that are missing, and count the rows for the planner."""
        head = last_position(self._conn)
        for one in self._projections:
            sql = TABLE_STATEMENTS[one.name]
            steps = [(f"index {name} of", query) for name, query in sql.indexes.items()]
            for doing, query in (*steps, ("sampling", sql.analyze)):
                self._builder.tell(Told(f"{doing} {one.name}", head, head))
                _execute_at_shadow(self._conn, query)
                self._builder.check()

    def swap(self, one: Projection) -> None:
        """Put one rebuilt table in the place of the live one."""
        for _, timeout in zip(range(SWAP_TRIES), cycle(LOCK_TIMEOUTS), strict=False):
            self.follow(one)
            head = last_position(self._conn)
            self._builder.tell(Told(f"swapping {one.name}", head, head))
            if _swap(self._conn, one, timeout):
                log.info("%s was rebuilt to position %d and is live", one.name, head)
                return
            self._builder.stopping.wait(SWAP_AGAIN_S)
            self._builder.check()
        raise Busy(
            f"{one.name} is built, and readers of the live one leave no moment to swap it: "
            f"end long transactions and run the same command again"
        )


def _unlock(conn: psycopg.Connection, one: Projection) -> None:
    """Give the lock back now: the server may take a moment to see that a connection ended."""
    with suppress(ScservError):
        places.unlock(conn, "rebuild", one.name)


@raises_store_errors
def _begin(conn: psycopg.Connection, one: Projection) -> None:
    with at(conn, Place.SHADOW) as cursor:
        cursor.execute(TABLE_STATEMENTS[one.name].drop)
        cursor.execute(TABLE_STATEMENTS[one.name].create)
        cursor.execute(_BEGIN_SHADOW, {"name": one.name, "version": one.version})


@raises_store_errors
def _execute_at_shadow(conn: psycopg.Connection, query: bytes) -> None:
    with at(conn, Place.SHADOW) as cursor:
        cursor.execute(query)


@raises_store_errors
def _swap(conn: psycopg.Connection, one: Projection, timeout: str) -> bool:
    """Swap in one transaction; False when somebody reads, or the live one is further."""
    try:
        with at(conn, Place.SHADOW) as cursor:
            cursor.execute(_GIVE_UP_WAITING, {"timeout": timeout})
            # First the row, then the tables: the order of the live projector.
            stands = {
                place: Progress(version, position)
                for place, version, position in cursor.execute(_LOCK_PROGRESS, {"name": one.name})
            }
            live, shadow = stands.get(Place.LIVE), stands[Place.SHADOW]
            _refuse_newer(one, {one.name: live} if live else {})
            if live is not None and shadow.position < live.position:
                return False
            cursor.execute(TABLE_STATEMENTS[one.name].drop_live)
            cursor.execute(TABLE_STATEMENTS[one.name].move_to_live)
            cursor.execute(_PROMOTE, {"name": one.name})
    except psycopg.errors.LockNotAvailable:
        return False
    return True


def _refuse_newer(one: Projection, live: dict[str, Progress]) -> None:
    stands = live.get(one.name)
    if stands is not None and stands.version > one.version:
        raise SetupError(
            f"{one.name} is of version {stands.version}, made by a newer release; this one "
            f"makes version {one.version}: rebuild it with the newer one"
        )
