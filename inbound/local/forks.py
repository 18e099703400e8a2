"""Starts processes of ours by forking one that has imported everything: `fork_server`.

A role takes up to a second of CPU for its imports, and nine of them import much the same; a fork
takes 10 ms. A forked process is what one with a command line of its own would be: a child of this
process in a session of its own, with its environment, folder, output and exit status. Linux only.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final, Self

from inbound.daemon_threads import to_daemon_thread
from inbound.errors import ScservError
from inbound.local import fork_server

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

_PR_SET_CHILD_SUBREAPER: Final = 36
"""linux/prctl.h"""

_FORK_WITHIN_S: Final = 60.0
"""The first fork waits for the imports; on a busy machine they take long."""

_SECRET_PREFIXES: Final = ("SCSERV_", "PG", "OTEL_")
"""Of variables that may hold passwords or keys, which the fork server does not need."""


class ForkError(ScservError):
    """The fork server does not fork: it has ended, or hangs."""


@dataclass(frozen=True, slots=True)
class ProcessSpec:
    """What a process is to be: arguments, environment and folder.

    `module` has the function `main` that it runs. `passed` are descriptors for it, by the variable
    in which it finds the number.
    """

    arguments: Sequence[str]
    environment: Mapping[str, str]
    folder: str
    module: str = "inbound.cli"
    passed: Mapping[str, int] = field(default_factory=dict)


class Forked:
    """A running process; behaves as `asyncio.subprocess.Process` does."""

    def __init__(self, pid: int) -> None:
        """Watch a child of this process until its end, in the running loop."""
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
        while self.returncode is None:
            await self._ended.wait()
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


class ForkServer:
    """The process that others are forked from; a context manager.

    `modules` are imported there; of MODULE:FUNCTION the function is called, too. `tree` is the
    source tree whose code it runs, this one by default.
    """

    def __init__(self, modules: Sequence[str], tree: Path | None = None) -> None:
        self._modules = modules
        self._tree = tree
        self._turn = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None
        self._is_closed = False

    @property
    def pid(self) -> int | None:
        """The process id while it runs."""
        running = self._process is not None and self._process.poll() is None
        return self._process.pid if self._process is not None and running else None

    @property
    def is_closed(self) -> bool:
        """Whether it forks no more."""
        return self._is_closed

    def start(self) -> Self:
        """Start the process, which begins to import; don't wait for that. Raises OSError."""
        self._control, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                (
                    *(sys.executable, "-P", fork_server.__file__, str(theirs.fileno())),
                    *self._modules,
                ),
                env=_without_secrets(os.environ)
                | ({"PYTHONPATH": str(self._tree)} if self._tree else {}),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                pass_fds=(theirs.fileno(),),
                start_new_session=True,  # Ctrl-C is the supervisor's
            )
        return self

    def fork(self, wanted: ProcessSpec, out: int, err: int) -> int:
        """Return the id of a new process, a child of this one, that writes to two descriptors.

        Blocks until it is there, after the imports. Starts the fork server if that was not done
        yet. Raises `ForkError`; then there is no process.
        """
        with self._turn, _as_subreaper(), contextlib.ExitStack() as stack:
            try:
                if self._control is None and not self._is_closed:
                    self.start()
                talk = stack.enter_context(self._ask_for_one())
                pid = _process_id(talk)
            except OSError as error:
                raise ForkError(f"the fork server does not fork: {error}") from error
            try:
                _tell(talk, wanted, out, err)
            except OSError as error:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
                os.waitpid(pid, 0)
                raise ForkError(f"the forked process has ended: {error}") from error
            return pid

    def _ask_for_one(self) -> socket.socket:
        control, (talk, theirs) = self._control, socket.socketpair()
        with theirs:
            talk.settimeout(_FORK_WITHIN_S)
            try:
                if control is None:
                    raise ConnectionResetError("it was closed")
                socket.send_fds(control, [b"\0"], [theirs.fileno()])
            except OSError:
                talk.close()
                raise
        return talk

    def close(self) -> None:
        """End the process for good; those that came from it go on. Safe to repeat."""
        self._is_closed = True
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None
        if self._control is not None:
            self._control.close()
            self._control = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.close()


async def start(source: ForkServer, wanted: ProcessSpec, out: int, err: int) -> Forked:
    """Fork a process and return it. Raises `ForkError`.

    If cancelled it ends the process and closes the fork server, which may hang; if cancelled once
    more it does not wait for that. The descriptors may be closed as soon as it has ended.
    """
    with contextlib.ExitStack() as stack:
        copies = [os.dup(descriptor) for descriptor in (out, err, *wanted.passed.values())]
        for copy in copies:
            stack.callback(os.close, copy)
        passed = dict(zip(wanted.passed, copies[2:], strict=True))
        copied = replace(wanted, passed=passed), copies[0], copies[1]
        forking = asyncio.ensure_future(to_daemon_thread(_fork, source, copied, stack.pop_all()))
    try:
        return Forked(await asyncio.shield(forking))
    except asyncio.CancelledError:
        source.close()
        with contextlib.suppress(ForkError):
            forked = Forked(await forking)
            forked.kill()
            await forked.wait()
        raise


def _fork(
    source: ForkServer, wanted: tuple[ProcessSpec, int, int], copies: contextlib.ExitStack
) -> int:
    with copies:
        return source.fork(*wanted)


def _without_secrets(environment: Mapping[str, str]) -> dict[str, str]:
    return {
        name: value for name, value in environment.items() if not name.startswith(_SECRET_PREFIXES)
    }


def _process_id(talk: socket.socket) -> int:
    octets = talk.recv(fork_server.HEADER)
    if len(octets) < fork_server.HEADER:
        raise ConnectionResetError("it has ended")
    return int.from_bytes(octets)


def _tell(talk: socket.socket, wanted: ProcessSpec, out: int, err: int) -> None:
    message = json.dumps(
        {
            "arguments": list(wanted.arguments),
            "environment": dict(wanted.environment),
            "folder": wanted.folder,
            "module": wanted.module,
            "passed": list(wanted.passed),
        }
    ).encode("ascii")
    header = len(message).to_bytes(fork_server.HEADER)
    socket.send_fds(talk, [header], [out, err, *wanted.passed.values()])
    talk.sendall(message)


@contextlib.contextmanager
def _as_subreaper() -> Iterator[None]:
    """Become the parent of processes whose parent ends meanwhile, among our descendants.

    Only for that long: those of servers that have been killed are no business of ours.
    """
    _set_subreaper(1)
    try:
        yield
    finally:
        _set_subreaper(0)


def _set_subreaper(value: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_CHILD_SUBREAPER, value, 0, 0, 0) != 0:
        raise ForkError(f"prctl: {os.strerror(ctypes.get_errno())}")
