"""Runs roles and commands of `scserv`, each in a process of its own that is up at once.

Most commands take milliseconds, and their imports take a second. So each test worker has a
process that has imported everything (`inbound.local.fork_server`), and forks them from it.
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

from inbound.local.forks import Forked, ForkServer, ProcessSpec
from inbound.local.forks import start as start_forked

__all__ = ["REPOSITORY", "ForkServer", "Forked", "Ran", "Wanted", "run", "run_blocking", "start"]

REPOSITORY: Final = Path(__file__).parents[1]


@dataclass(frozen=True, slots=True)
class Wanted:
    """A process of `scserv`: its arguments, environment and folder, and where its output goes.

    `module` has the function `main` that the process runs.
    """

    arguments: Sequence[str]
    environment: Mapping[str, str]
    folder: str
    out: str
    err: str
    module: str = "inbound.cli"


@dataclass(frozen=True, slots=True)
class Ran:
    """The result of a command."""

    status: int
    out: str
    err: str


async def start(wanted: Wanted, fork_server: ForkServer | None = None) -> Forked:
    """Start a process and return it."""
    with _output(wanted.out) as out, _output(wanted.err) as err:
        return await start_forked(
            fork_server or _current(), _process(wanted), out.fileno(), err.fileno()
        )


async def run(arguments: Sequence[str], environment: Mapping[str, str], folder: Path) -> Ran:
    """Run a command in a folder and wait for its end."""
    wanted = _command(arguments, environment, folder)
    return _result(wanted, await (await start(wanted)).wait())


def run_blocking(arguments: Sequence[str], environment: Mapping[str, str], folder: Path) -> Ran:
    """Run a command in a folder. Blocks until its end; needs no event loop."""
    wanted = _command(arguments, environment, folder)
    with _output(wanted.out) as out, _output(wanted.err) as err:
        pid = _current().fork(_process(wanted), out.fileno(), err.fileno())
    _, status = os.waitpid(pid, 0)
    return _result(wanted, os.waitstatus_to_exitcode(status))


def _command(arguments: Sequence[str], environment: Mapping[str, str], folder: Path) -> Wanted:
    mark = os.urandom(4).hex()
    paths = (str(folder / f"command-{mark}.{name}") for name in ("out", "err"))
    return Wanted(arguments, environment, str(folder), *paths)


def _result(wanted: Wanted, status: int) -> Ran:
    paths = Path(wanted.out), Path(wanted.err)
    out, err = (path.read_text("utf-8") for path in paths)
    for path in paths:
        path.unlink()  # tests search this folder for secrets that a command may have revealed
    return Ran(status, out, err)


def _process(wanted: Wanted) -> ProcessSpec:
    return ProcessSpec(wanted.arguments, wanted.environment, wanted.folder, wanted.module)


def _output(path: str) -> IO[bytes]:
    return Path(path).open("ab")


def fork_server_of(tree: Path) -> ForkServer:
    """Return the process that roles and commands of a source tree are forked from.

    It is started by the first that is wanted.
    """
    names = sorted(path.stem for path in (tree / "inbound" / "cli").glob("*.py"))
    commands = [f"inbound.cli.{name}" for name in names if not name.startswith("__")]
    return ForkServer(["inbound.startup", *commands], tree)


_fork_servers: Final = [fork_server_of(REPOSITORY)]


def _current() -> ForkServer:
    """Return the process that has imported everything, a new one after a start was cancelled."""
    if _fork_servers[-1].is_closed:
        _fork_servers.append(fork_server_of(REPOSITORY))
    return _fork_servers[-1]


def close() -> None:
    """End it."""
    _current().close()
