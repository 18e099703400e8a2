"""The live projector: follows the log and keeps the tables that readers see up to date.

Positions are gap-free and in commit order, so reading on from the last one misses nothing.
A round takes all that has come since the last one, at most `BATCH` events at a time, and is
followed by a pause: few large transactions cost the machine a fraction of what many small
ones would, and replies have the first call on it. Idle, it waits for the NOTIFY that follows
each commit; busy, it doesn't even listen, because being called costs too.

One projector at a time moves a projection, by a lock of its session; a second one waits and
takes over. A projection that can't take an event stops before it and says so; the others go
on. Synchronous, on one thread of a process of its own.
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
from inbound.projections import overview, places
from inbound.projections.background import Background
from inbound.projections.catalogue import PROJECTIONS
from inbound.projections.model import Projection
from inbound.projections.places import Moved, Place, Progress
from inbound.projections.reading import FoldError, Stored, fold, read
from inbound.projections.writing import DoubleError, Writer
from inbound.store.errors import StoreDefect
from inbound.store.log.positions import last_position
from inbound.store.outbox import feeds

log = logging.getLogger(__name__)

BATCH: Final = 10_000
ROUND_S: Final = 0.4
IDLE_S: Final = 1.0
MEASURE_EVERY_S: Final = 10.0


@dataclass(slots=True)
class Projector:
    """Moves its projections on until told to stop.

    `connect` opens a database connection in autocommit mode, `connect_long` one without a
    limit for one statement; `report` is told whether all is well and why not.
    """

    connect: Callable[[], psycopg.Connection]
    connect_long: Callable[[], psycopg.Connection]
    report: Callable[[bool, str], None]
    projections: Sequence[Projection] = tuple(PROJECTIONS.values())
    stopping: threading.Event = field(default_factory=threading.Event)
    _stopped: dict[str, str] = field(default_factory=dict, init=False)

    def run(self) -> None:
        """Follow the log until `stopping` is set. Blocks; survives PostgreSQL going away."""
        background = Background(self.connect_long, self.stopping)
        for attempt in Retrying(
            retry=retry_if_exception_type(RetryableError),
            wait=wait_random_exponential(multiplier=0.2, max=5),
            sleep=self._sleep,
            before_sleep=self._say,
        ):
            with attempt:
                self._serve(background)
        background.join()

    def _sleep(self, seconds: float) -> None:
        self.stopping.wait(seconds)

    def _say(self, state: RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome else None
        reason = f"{type(error).__name__}: {error}"
        log.warning("projecting waits: %s", reason)
        self.report(False, reason)

    def _serve(self, background: Background) -> None:
        with self.connect() as connection:
            following = Following(connection, self._stopped)
            waiting = Waiting(connection)
            measured_at = -MEASURE_EVERY_S
            while not self.stopping.is_set():
                began = time.monotonic()
                following.take_free(self.projections)
                moved = following.round()
                for one in following.outdated:
                    if failure := background.ensure(one):
                        following.problems[one.name] = failure
                self._report(following)
                if began >= measured_at + MEASURE_EVERY_S:
                    measured_at = began
                    _measure(connection, following.held)
                if moved:
                    waiting.stay_awake()
                    self._sleep(began + ROUND_S - time.monotonic())
                else:
                    waiting.wait(IDLE_S)

    def _report(self, following: "Following") -> None:
        problems = [f"{name}: {why}" for name, why in following.problems.items()]
        held = f"holds {len(following.held)} of {len(self.projections)} projections"
        self.report(not problems, "; ".join(problems) or held)


class Following:
    """The live tables as one connection moves them on.

    `problems` says why a projection stands still; those in `stopped` do so until the process
    is started again, with a release that knows better. `outdated` are those whose table is of
    an older version than this release makes, or was never made.
    """

    def __init__(self, conn: psycopg.Connection, stopped: dict[str, str]) -> None:
        """Hold nothing yet."""
        self._conn = conn
        self._writer = Writer(conn, Place.LIVE)
        self._stopped = stopped
        self.held: list[Projection] = []
        self.problems: dict[str, str] = {}
        self.outdated: list[Projection] = []

    def take_free(self, projections: Sequence[Projection]) -> None:
        """Take those projections that no other projector has."""
        for one in projections:
            if one not in self.held and places.try_lock(self._conn, "projector", one.name):
                self.held.append(one)

    def release(self) -> None:
        """Give back what was taken, so that another can go on on this connection too."""
        while self.held:
            places.unlock(self._conn, "projector", self.held.pop().name)

    def round(self) -> int:
        """Apply what has come since the last round; return how many events of all projections.

        Those that stand at the same position share one reading, as they nearly always do.
        """
        self.problems = dict(self._stopped)
        self.outdated = []
        progress = places.progress(self._conn, Place.LIVE)
        until = last_position(self._conn)
        groups: dict[int, list[Projection]] = {}
        for one in self.held:
            stands = progress.get(one.name, Progress(0, 0))
            if self._fits(one, stands.version) and stands.position < until:
                groups.setdefault(stands.position, []).append(one)
        return sum(self._follow(group, after, until) for after, group in groups.items())

    def _fits(self, one: Projection, version: int) -> bool:
        if version < one.version:
            self.outdated.append(one)
        elif version > one.version:
            self.problems[one.name] = (
                f"is of version {version}, made by a newer release; this one makes version "
                f"{one.version} and leaves it alone"
            )
        return version == one.version and one.name not in self._stopped

    def _follow(self, group: Sequence[Projection], after: int, until: int) -> int:
        stored = read(self._conn, after=after, until=until, limit=BATCH)
        with suppress(Moved):  # a rebuilt one was put in its place: the next round sees it
            self._apply(group, stored, after)
        return len(stored)

    def _apply(self, group: Sequence[Projection], stored: Sequence[Stored], after: int) -> None:
        """Apply a stretch to all of the group, or to each as far as it can take it."""
        try:
            until = stored[-1][0]
            self._writer.write(group, fold(stored, group), after=after, until=until)
        except (DoubleError, FoldError, StoreDefect) as error:
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
            log.error("%s stands still: %s", projection.name, reason)
        self._stopped[projection.name] = self.problems[projection.name] = reason


class Waiting:
    """Being woken when something was committed, and not while there is work anyway."""

    def __init__(self, conn: psycopg.Connection) -> None:
        """Not listening yet."""
        self._conn = conn
        self._listening = False

    def wait(self, seconds: float) -> None:
        """Block until something may have been committed, at most so long.

        The first time it returns at once: what was committed before it listened calls nobody.
        """
        if self._listening:
            feeds.wait_for_rows(self._conn, seconds)
        else:
            feeds.listen(self._conn)
            self._listening = True

    def stay_awake(self) -> None:
        """Don't be called any more, until the next `wait`."""
        if self._listening:
            feeds.unlisten(self._conn)
            self._listening = False


def _measure(conn: psycopg.Connection, held: Sequence[Projection]) -> None:
    """Set the lag of the projections that this projector holds."""
    lags = overview.lags(conn)
    for one in held:
        if lag := lags.get(one.name):
            metrics.PROJECTION_LAG.set(lag.events, {"projection": one.name})
            metrics.PROJECTION_AGE.set(lag.seconds, {"projection": one.name})


def catch_up(conn: psycopg.Connection) -> None:
    """Bring the live projections to the end of the log: those that no projector moves.

    Blocks until then. For a log that was filled while no projector ran.
    """
    following = Following(conn, {})
    following.take_free(tuple(PROJECTIONS.values()))
    try:
        while following.round():
            pass
    finally:
        following.release()
