"""The live projector: follows the log and keeps the tables that readers see up to date.

Positions are gap-free and in commit order, so reading on from the last one misses nothing. A
round applies the events since the last one, at most `BATCH` at a time, and is followed by a
pause: few large transactions cost a fraction of many small ones, and replies need the machine
first. Idle, it waits for the NOTIFY that follows each commit; busy, it does not listen, because
notifications cost too.

One projector at a time advances a projection, by a session lock; a second one waits and takes
over. A projection that can't fold an event stops before it and reports why; the others
continue. Synchronous, on one thread of its own process.
"""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

import psycopg
from tenacity import RetryCallState, Retrying, retry_if_exception_type, wait_random_exponential

from inbound.errors import RetryableError
from inbound.ops import metrics
from inbound.projections import status
from inbound.projections.background_rebuilds import BackgroundRebuilds
from inbound.projections.catalogue import PROJECTIONS
from inbound.projections.model import Projection
from inbound.projections.overdue import count_overdue
from inbound.projections.progress import (
    ProgressConflict,
    ProjectionProgress,
    TableSchema,
    stored_progress,
    try_lock,
    unlock,
)
from inbound.projections.reader import FoldError, StoredRow, fold_batch, read_batch
from inbound.projections.requests import REQUESTS
from inbound.projections.writer import DuplicateRowError, ProjectionWriter
from inbound.reasons import in_words
from inbound.store.connections import require_writable
from inbound.store.errors import StoreDefect
from inbound.store.log.positions import last_position
from inbound.store.outbox import feeds

log = logging.getLogger(__name__)

BATCH: Final = 10_000
ROUND_S: Final = 0.4
IDLE_S: Final = 1.0
MEASURE_EVERY_S: Final = 10.0
_CURRENT_S: Final = 30.0


@dataclass(slots=True)
class Projector:
    """Keeps its projections up to date until `stopping` is set.

    `connect` opens a database connection in autocommit mode, `connect_long` one without a
    statement timeout; `report` receives the health and the reason.
    """

    connect: Callable[[], psycopg.Connection]
    connect_long: Callable[[], psycopg.Connection]
    report: Callable[[bool, str], None]
    projections: Sequence[Projection] = tuple(PROJECTIONS.values())
    stopping: threading.Event = field(default_factory=threading.Event)
    _stopped: dict[str, str] = field(default_factory=dict, init=False)
    _waiting: bool = field(default=False, init=False)

    def run(self) -> None:
        """Follow the log until `stopping` is set. Blocks; survives outages of PostgreSQL."""
        background = BackgroundRebuilds(self.connect_long, self.stopping)
        for attempt in Retrying(
            retry=retry_if_exception_type(RetryableError),
            wait=wait_random_exponential(multiplier=0.2, max=5),
            sleep=self._sleep,
            before_sleep=self._report_failure,
        ):
            with attempt:
                self._serve(background)
        background.join()

    def _sleep(self, seconds: float) -> None:
        self.stopping.wait(seconds)

    def _report_failure(self, state: RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome else None
        reason = in_words(error)
        log.warning("projector waits to retry: %s", reason)
        self._waiting = True
        self.report(False, reason)

    def _serve(self, background: BackgroundRebuilds) -> None:
        with self.connect() as connection:
            following = LiveTables(connection, self._stopped)
            listener = CommitListener(connection)
            measured_at = -MEASURE_EVERY_S
            while not self.stopping.is_set():
                began = time.monotonic()
                following.lock_free(self.projections)
                moved = following.round()
                require_writable(connection)
                if self._waiting:
                    self._waiting = False
                    log.info("the database can be reached again: the projector continues")
                for one in following.outdated:
                    if failure := background.ensure(one):
                        following.problems[one.name] = failure
                self._report(following)
                if began >= measured_at + MEASURE_EVERY_S:
                    measured_at = began
                    _measure(connection, following.held)
                if moved:
                    listener.unlisten()
                    self._sleep(began + ROUND_S - time.monotonic())
                else:
                    listener.wait(IDLE_S)

    def _report(self, following: "LiveTables") -> None:
        problems = [f"{name}: {why}" for name, why in following.problems.items()]
        held = f"holds {len(following.held)} of {len(self.projections)} projections"
        self.report(not problems, "; ".join(problems) or held)


class LiveTables:
    """The live tables, updated by one connection.

    `problems` has the reason for each projection that is not updated; those in `stopped` need
    a restart with a newer release. `outdated` projections have a table of an older version
    than this release, or was never built.
    """

    def __init__(self, conn: psycopg.Connection, stopped: dict[str, str]) -> None:
        """Lock nothing yet."""
        self._conn = conn
        self._writer = ProjectionWriter(conn, TableSchema.LIVE)
        self._stopped = stopped
        self.held: list[Projection] = []
        self.problems: dict[str, str] = {}
        self.outdated: list[Projection] = []

    def lock_free(self, projections: Sequence[Projection]) -> None:
        """Lock the projections that no other projector has locked."""
        for one in projections:
            if one not in self.held and try_lock(self._conn, "projector", one.name):
                self.held.append(one)

    def release(self) -> None:
        """Unlock all projections, so that another projector can continue."""
        while self.held:
            unlock(self._conn, "projector", self.held.pop().name)

    def round(self) -> int:
        """Apply the events since the last round; return the sum over all projections.

        Projections at the same position share one read, as they nearly always do.
        """
        self.problems = dict(self._stopped)
        self.outdated = []
        progress = stored_progress(self._conn, TableSchema.LIVE)
        until = last_position(self._conn)
        groups: dict[int, list[Projection]] = {}
        for one in self.held:
            current = progress.get(one.name, ProjectionProgress(0, 0))
            if self._fits(one, current.version) and current.position < until:
                groups.setdefault(current.position, []).append(one)
        return sum(self._follow(group, after, until) for after, group in groups.items())

    def _fits(self, one: Projection, version: int) -> bool:
        if version < one.version:
            self.outdated.append(one)
        elif version > one.version:
            self.problems[one.name] = (
                f"is of version {version}, made by a newer release; this one needs version "
                f"{one.version} and does not change it"
            )
        return version == one.version and one.name not in self._stopped

    def _follow(self, group: Sequence[Projection], after: int, until: int) -> int:
        stored = read_batch(self._conn, after=after, until=until, limit=BATCH)
        with suppress(ProgressConflict):  # a rebuilt table was swapped in: the next round sees it
            self._apply(group, stored, after)
        return len(stored)

    def _apply(self, group: Sequence[Projection], stored: Sequence[StoredRow], after: int) -> None:
        """Apply a batch to all of the group, or after a failure to each as far as possible."""
        try:
            until = stored[-1][0]
            self._writer.write(group, fold_batch(stored, group), after=after, until=until)
        except (DuplicateRowError, FoldError, StoreDefect) as error:
            if len(group) > 1:
                for one in group:
                    self._apply([one], stored, after)
                return
            before = [e for e in stored if isinstance(error, FoldError) and e[0] < error.position]
            if before:
                self._apply(group, before, after)
            self._stop(group[0], str(error))

    def _stop(self, projection: Projection, reason: str) -> None:
        if projection.name not in self._stopped:
            log.error("%s is not updated any more: %s", projection.name, reason)
        self._stopped[projection.name] = self.problems[projection.name] = reason


class CommitListener:
    """Waits for commits by LISTEN; does not listen while there is work anyway."""

    def __init__(self, conn: psycopg.Connection) -> None:
        """Do not listen yet."""
        self._conn = conn
        self._listening = False

    def wait(self, seconds: float) -> None:
        """Block until something may have been committed, at most this long.

        The first call returns at once: earlier commits sent no notification.
        """
        if self._listening:
            feeds.wait_for_rows(self._conn, seconds)
        else:
            feeds.listen(self._conn)
            self._listening = True

    def unlisten(self) -> None:
        """Receive no notifications until the next `wait`."""
        if self._listening:
            feeds.unlisten(self._conn)
            self._listening = False


def _measure(conn: psycopg.Connection, held: Sequence[Projection]) -> None:
    """Set the lag metrics of the projections that this projector has locked."""
    lags = status.lags(conn)
    for one in held:
        if lag := lags.get(one.name):
            metrics.PROJECTION_LAG.set(lag.events, {"projection": one.name})
            metrics.PROJECTION_AGE.set(lag.seconds, {"projection": one.name})
            # Further behind, acknowledgements would count as overdue that it has not read of.
            if one.name == REQUESTS.name and lag.seconds < _CURRENT_S:
                metrics.ACKS_OVERDUE.set(count_overdue(conn))


def catch_up(conn: psycopg.Connection) -> None:
    """Apply the whole log to the live projections that no projector has locked.

    Blocks. For a log that was filled while no projector ran.
    """
    following = LiveTables(conn, {})
    following.lock_free(tuple(PROJECTIONS.values()))
    try:
        while following.round():
            pass
    finally:
        following.release()
