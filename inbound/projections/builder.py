"""Applies many events to tables without readers: for a rebuild, or for a check.

While one batch is folded and written, the next is read on a second connection, so that two
cores have work. Memory holds two batches, whatever the length of the log.
"""

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Final

import psycopg

from inbound.errors import ScservError
from inbound.projections.model import Projection
from inbound.projections.reader import StoredRow, fold_batch, read_batch
from inbound.projections.writer import ProjectionWriter

BATCH: Final = 20_000


class BuildStopped(ScservError):  # noqa: N818  says what is the case
    """The build was asked to stop; finished batches are kept."""


@dataclass(frozen=True, slots=True)
class BuildProgress:
    """The progress of a build: what it is doing, and its position out of all."""

    doing: str
    position: int
    of: int


def ignore_progress(progress: BuildProgress) -> None:
    """Do nothing."""
    del progress


@dataclass(slots=True)
class Builder:
    """Reads on one connection and writes on that of the writer; it needs both exclusively."""

    reading: psycopg.Connection
    writer: ProjectionWriter
    on_progress: Callable[[BuildProgress], None] = ignore_progress
    stopping: threading.Event = field(default_factory=threading.Event)

    def advance(self, projections: Sequence[Projection], after: int, until: int, of: int) -> None:
        """Apply the events after one position and up to another, a batch per transaction.

        `of` is the end of the whole build, for progress reports. Blocks. Raises `BuildStopped`
        between two batches, `ProgressConflict`, `FoldError` and errors of the store; earlier
        batches are written then.
        """
        doing = f"events into {', '.join(one.name for one in projections)}"
        for stored in self._batches(after, until):
            last = stored[-1][0]
            self.writer.write(projections, fold_batch(stored, projections), after=after, until=last)
            after = last
            self.on_progress(BuildProgress(doing, after, of))
            self.check()

    def check(self) -> None:
        """Raise `BuildStopped` if `stopping` is set."""
        if self.stopping.is_set():
            raise BuildStopped("stopped")

    def _batches(self, after: int, until: int) -> Iterator[list[StoredRow]]:
        with ThreadPoolExecutor(1, "projections reader") as pool:

            def begin(after: int) -> Future[list[StoredRow]]:
                return pool.submit(read_batch, self.reading, after=after, until=until, limit=BATCH)

            coming = begin(after)
            while stored := coming.result():
                coming = begin(stored[-1][0])
                yield stored
