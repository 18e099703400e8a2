"""Starts the processes of a supervisor: by their command line, or forked from a fork server."""

from __future__ import annotations

import asyncio
import os
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final, Protocol

from inbound.errors import SetupError
from inbound.local.forks import Forked, ForkError, ForkServer, ProcessSpec, start
from inbound.ops.parent import PARENT_FD

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from inbound.local.child import Child

SCSERV: Final = (sys.executable, "-m", "inbound.cli")
"""A process of ours begins with these words; only such a one can be forked."""

ROLE_MODULES: Final = (
    "inbound.startup",
    *("inbound.cli._runner", "inbound.cli._sources", "inbound.cli._sign_in"),
    *(f"inbound.cli.{role}" for role in ("simulator", "roles", "scheduler", "api", "desk")),
    *("inbound.cli.ingress", "inbound.cli._dead_letter_retries"),
    # Faust imports these by their names, when the worker makes its app.
    *("faust.app.router", "faust.assignor.partition_assignor", "faust.auth"),
    *("faust.fixups.django", "faust.topics", "faust.transport.drivers.aiokafka", "faust.worker"),
)
"""Modules that a fork server imports for the roles, with what these import."""

_MADE_BEFORE: Final = ("inbound.api.app:openapi_text",)
"""Functions that the fork server of the roles calls once: what they make takes half a second."""

Process = asyncio.subprocess.Process | Forked


@contextmanager
def role_fork_server() -> Iterator[ForkServer | None]:
    """Run the fork server of the roles during the block; None on a system that can't do it."""
    if _can_watch_forks():
        with ForkServer((*ROLE_MODULES, *_MADE_BEFORE)) as fork_server:
            yield fork_server
    else:
        yield None


def _can_watch_forks() -> bool:
    try:
        os.close(os.pidfd_open(os.getpid()))
    except (AttributeError, OSError):  # not Linux, or an old one
        return False
    return True


class Spawn(Protocol):
    """Starts the process of a child, in a session of its own.

    It has the descriptor `life`, and ends when the other end is closed (`inbound.ops.parent`).
    Raises `SetupError` if its program can't be started.
    """

    async def __call__(
        self, child: Child, environment: Mapping[str, str], log: IO[bytes], life: int
    ) -> Process:
        """Start it with this environment; it writes to the log."""


async def execute(
    child: Child, environment: Mapping[str, str], log: IO[bytes], life: int
) -> Process:
    """Start a process by its command line."""
    try:
        return await asyncio.create_subprocess_exec(
            *child.argv,
            env={**environment, PARENT_FD: str(life)},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            pass_fds=(life,),
            start_new_session=True,
        )
    except OSError as error:
        raise SetupError(
            f"{child.name} can't be started: {child.argv[0]}: {error.strerror}"
        ) from error


class FromForkServer:
    """Forks processes of ours from a fork server; executes others, and all once it has failed.

    One that has ended is not started again: that would take as long as most processes that it
    would ever fork, and production starts every process by its command line, too. `say` reports
    it.
    """

    def __init__(self, fork_server: ForkServer, say: Callable[[str], None]) -> None:
        self._fork_server = fork_server
        self._say = say
        self._works = True

    async def __call__(
        self, child: Child, environment: Mapping[str, str], log: IO[bytes], life: int
    ) -> Process:
        """Start it as `Spawn` says."""
        if self._works and _is_ours(child.argv):
            arguments = child.argv[len(SCSERV) :]
            wanted = ProcessSpec(arguments, environment, str(Path.cwd()), passed={PARENT_FD: life})
            try:
                return await start(self._fork_server, wanted, log.fileno(), log.fileno())
            except ForkError as error:
                self._give_up(error)
        return await execute(child, environment, log, life)

    def _give_up(self, why: ForkError) -> None:
        if self._works:
            self._works = False
            self._fork_server.close()
            self._say(f"{why}; from now on processes start without it, which takes longer")


def _is_ours(argv: Sequence[str]) -> bool:
    return tuple(argv[: len(SCSERV)]) == SCSERV
