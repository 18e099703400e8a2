"""Runs commands of `scserv`, each in a process of its own that is up at once.

A command takes milliseconds and its imports take a second. So one process, `python -m
tests.commands`, imports everything and forks a child for each command. A child is what `scserv`
would be: it has its own environment, folder, output and exit status, and exits in the usual way.
"""

import asyncio
import json
import os
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import Final

REPOSITORY: Final = Path(__file__).parents[1]

# What commands import only once they run.
_IMPORTED: Final = (
    "aiokafka",
    "kafka",
    "psycopg",
    "uvicorn",
    "inbound.settings",
    "inbound.api.app",
)


@dataclass(frozen=True, slots=True)
class Ran:
    """The result of a command."""

    status: int
    out: str
    err: str


@dataclass(slots=True)
class Commands:
    """Runs commands in one folder, one after the other. Close it."""

    folder: Path
    _process: asyncio.subprocess.Process | None = None
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def run(self, arguments: tuple[str, ...], environment: Mapping[str, str]) -> Ran:
        """Run a command and wait for its end."""
        async with self._turn:
            process = self._process = self._process or await self._start()
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdin.write(json.dumps([arguments, dict(environment)]).encode() + b"\n")
            status = int(await process.stdout.readline())
            out, err = (self._output(name) for name in ("out", "err"))
        return Ran(status, out, err)

    async def _start(self) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tests.commands"),
            cwd=self.folder,
            env=os.environ | {"PYTHONPATH": str(REPOSITORY)},
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )

    def _output(self, name: str) -> str:
        path = self.folder / f"command.{name}"
        text = path.read_text("utf-8")
        path.unlink()  # tests search this folder for secrets that a command may have revealed
        return text

    async def close(self) -> None:
        """End the process that the commands come from."""
        if self._process is not None:
            assert self._process.stdin is not None
            self._process.stdin.close()
            await self._process.wait()
            self._process = None


# -- in the process that the commands come from ------------------------------------------------


def _import_everything() -> None:
    import inbound.cli

    for module in iter_modules(inbound.cli.__path__, "inbound.cli."):
        if not module.name.endswith("__main__"):
            import_module(module.name)
    for name in _IMPORTED:
        import_module(name)


def _become_a_command() -> None:
    """Fork a child for each line that comes, and say how it ended; return in the child."""
    while line := sys.stdin.readline():
        arguments, environment = json.loads(line)
        child = os.fork()
        if child == 0:
            _take(arguments, environment)
            return
        _, status = os.waitpid(child, 0)
        sys.stdout.write(f"{os.waitstatus_to_exitcode(status)}\n")
        sys.stdout.flush()
    os._exit(0)


def _take(arguments: list[str], environment: dict[str, str]) -> None:
    """Put this process in the place of one that was started for this command."""
    sys.argv = ["scserv", *arguments]
    os.environ.clear()
    os.environ.update(environment)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    for descriptor, name in ((1, "out"), (2, "err")):
        os.dup2(os.open(f"command.{name}", os.O_WRONLY | os.O_CREAT | os.O_TRUNC), descriptor)


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        _import_everything()
        _become_a_command()
    from inbound.cli import main

    main()
