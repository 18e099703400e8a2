"""Rebuilds that the projector starts for tables of an older version.

Readers use the old table until the new one is complete; it is not updated meanwhile, because
this release lacks the rules of the older version.
"""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

import psycopg

from inbound.errors import ScservError
from inbound.projections.model import Projection
from inbound.projections.rebuild import rebuild

log = logging.getLogger(__name__)

RETRY_AFTER_S: Final = 10.0
STOP_WITHIN_S: Final = 5.0


@dataclass(slots=True)
class _Run:
    """One rebuild on its own thread."""

    thread: threading.Thread | None = None
    failure: str | None = None
    not_before: float = float("-inf")


@dataclass(slots=True)
class BackgroundRebuilds:
    """Rebuilds on threads until `stopping` is set; a stopped rebuild can be resumed.

    `connect` opens a connection without a statement timeout.
    """

    connect: Callable[[], psycopg.Connection]
    stopping: threading.Event
    clock: Callable[[], float] = time.monotonic
    _runs: dict[str, _Run] = field(default_factory=dict, init=False)

    def ensure(self, projection: Projection) -> str | None:
        """Start a rebuild unless one is running; return the last failure, None if there is none.

        Does not block. Retries a failed rebuild after `RETRY_AFTER_S`.
        """
        run = self._runs.setdefault(projection.name, _Run())
        alive = run.thread is not None and run.thread.is_alive()
        if not alive and self.clock() >= run.not_before and not self.stopping.is_set():
            log.info("rebuilding %s for version %d", projection.name, projection.version)
            run.thread = threading.Thread(
                target=self._rebuild, args=(projection, run), name="rebuild", daemon=True
            )
            run.thread.start()
        return run.failure

    def join(self) -> None:
        """Wait up to `STOP_WITHIN_S` for each thread after `stopping` was set."""
        for run in self._runs.values():
            if run.thread is not None:
                run.thread.join(STOP_WITHIN_S)

    def _rebuild(self, projection: Projection, run: _Run) -> None:
        try:
            rebuild(self.connect, [projection], stopping=self.stopping)
            run.failure = None
        except ScservError as error:
            if not self.stopping.is_set():
                run.failure = f"can't be rebuilt for version {projection.version}: {error}"
                log.warning("%s %s", projection.name, run.failure)
        finally:
            run.not_before = self.clock() + RETRY_AFTER_S
