"""Many events at once into tables that nobody reads yet: of a rebuild, or of a check.

While one stretch is folded and written, the next is read on a connection of its own, so that
two cores have work. In memory are two stretches, whatever the length of the log.
"""

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Final

import psycopg

from inbound.errors import ScservError
from inbound.projections.model import Projection
from inbound.projections.reading import Stored, fold, read
from inbound.projections.writing import Writer

STRETCH: Final = 20_000


class Stopped(ScservError):  # noqa: N818  says what is the case
    """It was asked to stop; what is done is kept."""


@dataclass(frozen=True, slots=True)
class Told:
    """How far a build is: which position of all, and what it is doing."""

    doing: str
    position: int
    of: int


def silent(told: Told) -> None:
    """Tell nobody."""
    del told


@dataclass(slots=True)
class Builder:
    """Reads on one connection, writes on that of the writer; each is used by it alone."""

    reading: psycopg.Connection
    writer: Writer
    tell: Callable[[Told], None] = silent
    stopping: threading.Event = field(default_factory=threading.Event)

    def advance(self, projections: Sequence[Projection], after: int, until: int, of: int) -> None:
        """Apply what is after one position and up to another, a stretch a transaction.

        `of` is the end of it all, for who is told. Blocks. Raises `Stopped` between two
        stretches, `Moved`, `FoldError` and errors of the store; the stretches before that
        are written then.
        """
        doing = f"events into {', '.join(one.name for one in projections)}"
        for stored in self._stretches(after, until):
            last = stored[-1][0]
            self.writer.write(projections, fold(stored, projections), after=after, until=last)
            after = last
            self.tell(Told(doing, after, of))
            self.check()

    def check(self) -> None:
        """Raise `Stopped` when it was asked to stop."""
        if self.stopping.is_set():
            raise Stopped("it was stopped")

    def _stretches(self, after: int, until: int) -> Iterator[list[Stored]]:
        with ThreadPoolExecutor(1, "projections reader") as pool:

            def begin(after: int) -> Future[list[Stored]]:
                return pool.submit(read, self.reading, after=after, until=until, limit=STRETCH)

            coming = begin(after)
            while stored := coming.result():
                coming = begin(stored[-1][0])
                yield stored
