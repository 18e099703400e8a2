"""A process that stands still at a named point: `python -m tests.e2e.aimed POINT ... -- ROLE`.

`MODULE:NAME` is wrapped where it is looked up; at its n-th call, before it runs or after it
has returned, the process tells so through a named pipe and stops all its threads at once
(SIGSTOP). Whoever waits at the other end of the pipe then kills it with -9. So the blow falls
at this point and at no other, and the program holds no code for it.
"""

import asyncio
import inspect
import os
import shutil
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import wraps
from importlib import import_module
from itertools import count
from pathlib import Path
from typing import Any, Literal

import pytest

from tests.fix_service import Role, RoleProcess, Service, free_port

When = Literal["before", "after"]
REPOSITORY = Path(__file__).parents[2]
REACHED = b"reached\n"


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

    process: asyncio.subprocess.Process
    _pipe: Path
    _log: Path
    _waiting: "asyncio.Task[bytes]" = field(init=False)

    def __post_init__(self) -> None:
        self._waiting = asyncio.create_task(asyncio.to_thread(self._pipe.read_bytes))

    async def reached(self, within_s: float = 40.0) -> None:
        """Wait until the process stands still at its point."""
        done, _ = await asyncio.wait([self._waiting], timeout=within_s)
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
    with log.open("wb") as out:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tests.e2e.aimed", str(pipe)),
            *(point.target, point.when, str(point.nth), "--", *arguments),
            cwd=service.folder,
            env=service.environment(port) | {"PYTHONPATH": str(REPOSITORY)},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=out,
            stderr=out,
        )
    aimed = Aimed(process, pipe, log)
    try:
        yield aimed
    finally:
        await aimed.kill()
        pipe.unlink()


@asynccontextmanager
async def aim_role(service: Service, role: Role, point: Point) -> AsyncIterator[Aimed]:
    """Have an aimed process do the work of a role; afterwards a common one does it again."""
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


# -- in the process ---------------------------------------------------------------------------


def _install(pipe: str, target: str, when: When, nth: int) -> None:
    module, _, name = target.partition(":")
    owner: Any = import_module(module)
    *path, last = name.split(".")
    for part in path:
        owner = getattr(owner, part)
    setattr(owner, last, _wrapped(getattr(owner, last), when, nth, lambda: _stand_still(pipe)))


def _wrapped(
    function: Callable[..., Any], when: When, nth: int, stand_still: Callable[[], None]
) -> Callable[..., Any]:
    calls = count(1)

    def is_it() -> bool:
        return next(calls) == nth

    if inspect.iscoroutinefunction(function):

        @wraps(function)
        async def waiting(*args: Any, **kwargs: Any) -> Any:
            now = is_it()
            if now and when == "before":
                stand_still()
            result = await function(*args, **kwargs)
            if now:
                stand_still()
            return result

        return waiting

    @wraps(function)
    def calling(*args: Any, **kwargs: Any) -> Any:
        now = is_it()
        if now and when == "before":
            stand_still()
        result = function(*args, **kwargs)
        if now:
            stand_still()
        return result

    return calling


def _stand_still(pipe: str) -> None:
    Path(pipe).write_bytes(REACHED)
    os.kill(os.getpid(), signal.SIGSTOP)


if __name__ == "__main__":
    _pipe, _target, _when, _nth, _, *_arguments = sys.argv[1:]
    _install(_pipe, _target, "before" if _when == "before" else "after", int(_nth))
    sys.argv = [shutil.which("scserv") or "scserv", *_arguments]
    from inbound.cli import main

    main()
