"""Runs roles and commands of `scserv`, each in a process of its own that is up at once.

Most commands take milliseconds, and their imports take a second. So one process for each test
worker, `python -m tests.forks`, imports everything and forks a child for each role or command. A
child is what `scserv` would be: it has its own environment, folder, output and exit status. At its
end it waits for its threads and runs what is registered for the exit.
"""

import asyncio
import atexit
import ctypes
import gc
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import Final

REPOSITORY: Final = Path(__file__).parents[1]

# What roles and commands import only once they run.
_IMPORTED: Final = (
    "aiokafka",
    "kafka",
    "psycopg",
    "uvicorn",
    "inbound.settings",
    "inbound.api.app",
    "inbound.directory.postgres",
    "inbound.gateway.process",
    "inbound.outbox.relay",
    "inbound.projections.projector",
    "streams.worker",
)
_PR_SET_CHILD_SUBREAPER: Final = 36


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


class Forked:
    """A running process of `scserv`; behaves as `asyncio.subprocess.Process` does."""

    def __init__(self, pid: int) -> None:
        """Watch a process until its end, in the running loop."""
        self.pid = pid
        self.returncode: int | None = None
        self._ended = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._descriptor = os.pidfd_open(pid)
        self._loop.add_reader(self._descriptor, self._collect)

    def _collect(self) -> None:
        self._loop.remove_reader(self._descriptor)
        os.close(self._descriptor)
        _, status = os.waitpid(self.pid, 0)
        self.returncode = os.waitstatus_to_exitcode(status)
        self._ended.set()

    async def wait(self) -> int:
        """Wait for its end and return its exit status, or the negative signal that ended it."""
        await self._ended.wait()
        assert self.returncode is not None
        return self.returncode

    def send_signal(self, number: int) -> None:
        """Send a signal, unless it has ended. Raises ProcessLookupError if it just has."""
        if self.returncode is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """Send SIGKILL."""
        self.send_signal(signal.SIGKILL)

    def terminate(self) -> None:
        """Send SIGTERM."""
        self.send_signal(signal.SIGTERM)


@dataclass(frozen=True, slots=True)
class Ran:
    """The result of a command."""

    status: int
    out: str
    err: str


async def start(wanted: Wanted, server: "ForkServer | None" = None) -> Forked:
    """Start a process and return it."""
    return Forked(await asyncio.to_thread((server or _fork_server).fork, wanted))


async def run(arguments: Sequence[str], environment: Mapping[str, str], folder: Path) -> Ran:
    """Run a command in a folder and wait for its end."""
    wanted = _command(arguments, environment, folder)
    return _result(wanted, await (await start(wanted)).wait())


def run_blocking(arguments: Sequence[str], environment: Mapping[str, str], folder: Path) -> Ran:
    """Run a command in a folder. Blocks until its end; needs no event loop."""
    wanted = _command(arguments, environment, folder)
    _, status = os.waitpid(_fork_server.fork(wanted), 0)
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


class ForkServer:
    """The process that the others come from; started by the first that is wanted."""

    def __init__(self, tree: Path = REPOSITORY) -> None:
        """Run the code of a source tree that has this module."""
        self._tree = tree
        self._process: subprocess.Popen[bytes] | None = None
        self._turn = threading.Lock()

    def fork(self, wanted: Wanted) -> int:
        """Return the id of a new process, a child of this one. Blocks until it is there."""
        with self._turn:
            process = self._process = self._process or self._start()
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdin.write(json.dumps(asdict(wanted)).encode() + b"\n")
            process.stdin.flush()
            return int(process.stdout.readline())

    def _start(self) -> subprocess.Popen[bytes]:
        # What it forks is orphaned at once, and becomes a child of the process that waits for it.
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
            raise OSError(ctypes.get_errno(), "prctl")
        return subprocess.Popen(
            (sys.executable, "-m", "tests.forks"),
            cwd=self._tree,
            env=os.environ | {"PYTHONPATH": str(self._tree)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )

    def close(self) -> None:
        """End the process; those that came from it go on."""
        if self._process is not None:
            assert self._process.stdin is not None
            assert self._process.stdout is not None
            self._process.stdin.close()
            self._process.wait()
            self._process.stdout.close()
            self._process = None


_fork_server: Final = ForkServer()
close = _fork_server.close


# -- in the process that the others come from ---------------------------------------------------


def _import_everything() -> None:
    import inbound.cli

    for module in iter_modules(inbound.cli.__path__, "inbound.cli."):
        if not module.name.endswith("__main__"):
            import_module(module.name)
    for name in _IMPORTED:
        import_module(name)
    gc.freeze()  # a collection in a child would copy every page


def _become_wanted() -> Wanted:
    """Fork an orphan for each line that comes, and say its id; return in the orphan."""
    while line := sys.stdin.readline():
        reader, writer = os.pipe()
        parent = os.fork()
        if parent == 0:
            if pid := os.fork():
                os.write(writer, b"%d\n" % pid)
                os._exit(0)
            os.close(reader)
            os.close(writer)
            wanted = Wanted(**json.loads(line))
            _take(wanted)
            return wanted
        os.close(writer)
        os.waitpid(parent, 0)
        sys.stdout.write(os.read(reader, 32).decode())
        sys.stdout.flush()
        os.close(reader)
    os._exit(0)


def _take(wanted: Wanted) -> None:
    """Put this process in the place of one that was started as wanted."""
    sys.argv = ["scserv", *wanted.arguments]
    os.environ.clear()
    os.environ.update(wanted.environment)
    os.chdir(wanted.folder)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    for descriptor, path in ((1, wanted.out), (2, wanted.err)):
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
        os.dup2(os.open(path, flags, 0o644), descriptor)


def _run(main: Callable[[], object]) -> None:
    """Run a command and exit with its status.

    As Python does, except that the modules are not torn down: with all of them imported that takes
    100 ms of CPU, ten times as long as the fork.
    """
    try:
        main()
        status = 0
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else int(end.code is not None)
        if isinstance(end.code, str):
            sys.stderr.write(f"{end.code}\n")
    threading._shutdown()  # type: ignore[attr-defined]  # nothing public waits for all threads
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        _import_everything()
        _run(import_module(_become_wanted().module).main)
