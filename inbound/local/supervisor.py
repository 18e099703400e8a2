"""Supervises the processes of `scserv up`: starts them in order, restarts and stops them.

Every child has its own session, so that Ctrl-C reaches only the supervisor, which stops the
children. A child writes directly to DIR/NAME.log, so that its last output is kept
even if the supervisor hangs or dies. A log that is too long is copied to NAME.log.1 and
truncated; lines written at that moment may be lost.

Children end when their supervisor is killed (`end_with_parent`), so that the next one does
not run a second copy of each.
"""

from __future__ import annotations

import asyncio
import os
import time
from typing import TYPE_CHECKING, Final, Self

from inbound.errors import SetupError
from inbound.local.child import Child, RestartBackoff, SupervisedChild
from inbound.local.child_events import ChildEvent, ChildEventType
from inbound.local.child_logs import bound_log, last_line
from inbound.local.spawning import Spawn, execute
from inbound.ops import process_metrics
from inbound.ops.parent import end_with_parent
from inbound.private_files import prepare_subfolder

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

__all__ = [
    "Child",
    "ChildEvent",
    "ChildEventType",
    "RestartBackoff",
    "Supervisor",
    "end_with_parent",
]

_LOOK_AT_LOGS_S: Final = 2.0
_LAST_SHARE: Final = 0.2
"""The share of the time for stopping that is kept for children that serve others."""


class Supervisor:
    """Runs children until `stop`; an asynchronous context manager.

    `on_event` is called in the event loop and must not block. `start` creates the log folder.
    """

    def __init__(
        self,
        children: Sequence[Child],
        logs: Path,
        on_event: Callable[[ChildEvent], None],
        *,
        backoff: RestartBackoff | None = None,
        spawn: Spawn = execute,
        stop_limit_s: float = 60.0,
        log_limit_bytes: int = 10 * 1024 * 1024,
    ) -> None:
        self._logs = logs
        self._log_limit_bytes = log_limit_bytes
        self._stop_limit_s = stop_limit_s
        self._kept = [
            SupervisedChild(
                child, logs / f"{child.name}.log", on_event, backoff or RestartBackoff(), spawn
            )
            for child in children
        ]
        self._life: tuple[int, int] | None = None
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def pids(self) -> dict[str, int]:
        """The process ids of running children."""
        return {kept.child.name: kept.pid for kept in self._kept if kept.pid is not None}

    async def start(self) -> None:
        """Start all children at once, but for those that wait; return when all are ready.

        Raises `SetupError` and stops all if one is not ready in time or ends with exit status
        2 (a setup error). A child that ends otherwise is restarted within the same time.
        """
        try:
            prepare_subfolder(self._logs)
        except OSError as error:
            raise SetupError(f"no logs can be written to {self._logs}: {error.strerror}") from error
        for kept in self._kept:
            process_metrics.CHILD_DEATHS.set(kept.deaths_in_a_row, {"role": kept.child.name})
        self._life = os.pipe()
        self._tasks = [asyncio.create_task(self._bound_logs(), name="logs")]
        try:
            self._tasks += [
                asyncio.create_task(kept.keep(self._life[0]), name=kept.child.name)
                for kept in self._kept
            ]
            for kept in self._kept:
                await self._wait_ready(kept)
        except BaseException:
            await self.stop()
            raise

    async def watch(self) -> None:
        """Never return; raise an error of the supervision itself."""
        await asyncio.gather(*self._tasks)

    async def stop(self) -> None:
        """Stop all children at once, then those that serve others; safe to repeat.

        Sends SIGTERM, then SIGKILL to the process group of a child that exceeds its own limit
        or the rest of `stop_limit_s`. One after the other they would share that time, and on a
        busy machine most would be killed. If cancelled it kills all that are left at once.
        """
        try:
            await self._stop_all()
        finally:
            for kept in self._kept:
                kept.kill()
            if self._life is not None:
                for descriptor in self._life:
                    os.close(descriptor)
                self._life = None

    async def _stop_all(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks = []
        deadline = time.monotonic() + self._stop_limit_s
        serving = [kept for kept in self._kept if kept.child.serves_others]
        others = [kept for kept in self._kept if not kept.child.serves_others]
        reserved_s = self._stop_limit_s * _LAST_SHARE if serving else 0.0
        for children, kept_back_s in ((others, reserved_s), (serving, 0.0)):
            left_s = deadline - kept_back_s - time.monotonic()
            await asyncio.gather(*(kept.stop(left_s) for kept in reversed(children)))

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def _wait_ready(self, kept: SupervisedChild) -> None:
        await self._wait_for(kept.first_start, None)
        await self._wait_for(kept.first_ready, kept.child.ready_timeout_s)
        if not kept.first_ready.is_set():
            raise SetupError(
                f"{kept.child.name} is not ready after {kept.child.ready_timeout_s:g} s;"
                f" its log {kept.log} says last: {last_line(kept.log)}"
            )

    async def _wait_for(self, event: asyncio.Event, timeout_s: float | None) -> None:
        """Wait for an event; raise what a task has raised meanwhile."""
        coming = asyncio.ensure_future(event.wait())
        try:
            await asyncio.wait(
                {coming, *self._tasks}, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED
            )
        finally:
            coming.cancel()
        for task in self._tasks:
            if task.done():
                await task

    async def _bound_logs(self) -> None:
        while True:
            await asyncio.sleep(_LOOK_AT_LOGS_S)
            for kept in self._kept:
                bound_log(kept.log, self._log_limit_bytes)
