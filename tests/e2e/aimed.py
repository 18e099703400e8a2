"""Killing a process at one named point and at no other.

The process stops itself there (see `standstill`) and says so through a named pipe. The test
waits at the other end of the pipe, looks at what it wants to see, and kills the process with -9.
"""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, LiteralString

import pytest

from tests import forks
from tests.e2e.standstill import REACHED, When
from tests.fix_service import Role, RoleProcess, Service, eventually, free_port
from tests.patience import PATIENCE_S

REPOSITORY = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True)
class Point:
    """Where a process stands still: the n-th call of `target`, before or after it."""

    target: str
    when: When
    nth: int = 1

    def __str__(self) -> str:
        """As a test's name."""
        return f"{self.when} {self.target.partition(':')[2]}"


@dataclass(slots=True)
class Aimed:
    """A process on its way to its point. Use `aim`."""

    process: forks.Forked
    _pipe: Path
    _log: Path
    _waiting: "asyncio.Task[bytes]" = field(init=False)

    def __post_init__(self) -> None:
        self._waiting = asyncio.create_task(asyncio.to_thread(self._pipe.read_bytes))

    async def reached(self) -> None:
        """Wait until the process stands still at its point."""
        done, _ = await asyncio.wait([self._waiting], timeout=PATIENCE_S)
        if not done or self._waiting.result() != REACHED:
            pytest.fail(f"the point was not reached:\n{self._log.read_text('utf-8')[-3000:]}")

    async def kill(self) -> None:
        """End it with SIGKILL, stopped or not."""
        if self.process.returncode is None:
            self.process.kill()
            await self.process.wait()
        if not self._waiting.done():
            # The other end of the pipe is gone: let the reader go, too.
            os.close(os.open(self._pipe, os.O_WRONLY | os.O_NONBLOCK))
        await self._waiting


@asynccontextmanager
async def aim(service: Service, point: Point, *arguments: str) -> AsyncIterator[Aimed]:
    """Run `scserv ARGUMENTS` up to a point; whatever becomes of it, it is gone afterwards."""
    pipe = service.folder / f"pipe-{os.urandom(4).hex()}"
    os.mkfifo(pipe)
    port = free_port()
    log = service.folder / f"{arguments[0]}-{port}.log"
    process = await forks.start(
        forks.Wanted(
            (str(pipe), point.target, point.when, str(point.nth), "--", *arguments),
            service.environment(port),
            str(service.folder),
            str(log),
            str(log),
            module="tests.e2e.standstill",
        )
    )
    aimed = Aimed(process, pipe, log)
    try:
        yield aimed
    finally:
        await aimed.kill()
        pipe.unlink()


_UNPUBLISHED: Final[LiteralString] = """
    SELECT
        (SELECT count(*) FROM outbox LEFT JOIN outbox_cursors cursors
            ON cursors.feed = 'outbox' AND cursors.shard = outbox.shard
         WHERE outbox.position > coalesce(cursors.position, 0))
        + (SELECT count(*) FROM events
           WHERE position > coalesce(
               (SELECT position FROM outbox_cursors WHERE feed = 'events'), 0))
"""


async def published(service: Service) -> None:
    """Wait until the relay has published everything there is."""
    await eventually(
        lambda: service.value(_UNPUBLISHED) == 0,
        lambda: f"{service.value(_UNPUBLISHED)} rows are not published",
    )


@asynccontextmanager
async def aim_role(service: Service, role: Role, point: Point) -> AsyncIterator[Aimed]:
    """Have an aimed process do the work of a role; afterwards a common one does it again.

    What is left of earlier work must not lead the aimed process to its point.
    """
    if role == "relay":
        await published(service)
    for one in [one for one in service.running if one.role == role]:
        await service.stop(one)
    async with aim(service, point, role) as aimed:
        port = int(aimed._log.stem.partition("-")[2])
        standing_in = RoleProcess(role, aimed.process, port)
        service.running.append(standing_in)
        try:
            await service.ready()
            yield aimed
        finally:
            service.running.remove(standing_in)
    await service.start(role)
