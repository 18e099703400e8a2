"""The process that the roles of `scserv up` are forked from: it has imported what they need.

    python inbound/local/fork_server.py DESCRIPTOR MODULE[:FUNCTION]...

`inbound.local.forks` starts it and talks to it. It imports each module, and what one of ours
imports within its functions, and calls the function; then it forks a process for each socket that
comes through the descriptor. It has one thread, no connection, and no secret of a role: what a
process is to be goes from the supervisor to that process, through a socket of its own.

It imports nothing of ours by itself, so that tests can run it on the tree of another release.
"""

import ast
import atexit
import ctypes
import gc
import json
import os
import socket
import sys
import threading
import time
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any, Final

HEADER: Final = 4
"""Octets before a message that have its length."""

DESCRIPTORS_MAX: Final = 8

_LOOK_AGAIN_S: Final = 0.0005
_COMMAND_LINE: Final = slice(45, 47)
"""Where in memory the command line begins and ends: fields 48 and 49 of proc_pid_stat(5)."""


def main() -> None:
    """Import the modules of the command line; fork until the supervisor ends."""
    control = socket.socket(fileno=int(sys.argv[1]))
    import_module("inbound.cli._core_dumps").forbid_core_dumps()
    gc.disable()
    for wanted in sys.argv[2:]:
        name, _, function = wanted.partition(":")
        module = import_module(name)
        if name.partition(".")[0] == "inbound":
            import_all(module)
        if function:
            getattr(module, function)()
    _require_one_thread()
    gc.freeze()  # a collection in a child would copy every page
    if (talk := _become_child(control)) is not None:
        gc.enable()
        _run(_take_over(talk))


def import_all(module: ModuleType) -> None:
    """Import what a module imports anywhere: commands do most of it only once they run."""
    if module.__file__ is None:
        return
    for node in ast.walk(ast.parse(Path(module.__file__).read_bytes())):
        if isinstance(node, ast.Import):
            for name in node.names:
                import_module(name.name)
        elif isinstance(node, ast.ImportFrom) and node.module:
            __import__(node.module, fromlist=[name.name for name in node.names])


def _require_one_thread() -> None:
    """A fork copies the thread that forks alone: the locks of the others stay locked."""
    threads = list(Path("/proc/self/task").iterdir())
    if len(threads) != 1:
        sys.exit(f"{len(threads)} threads run after the imports: no process can be forked")


def _become_child(control: socket.socket) -> socket.socket | None:
    """Fork a process for each socket that comes; return that socket in the process.

    Return None when the supervisor has closed its end. The process becomes the supervisor's child,
    which has its exit status, whatever happens to this one.
    """
    while True:
        octets, descriptors, _, _ = socket.recv_fds(control, 1, 1)
        if not octets:
            return None
        try:
            parent = os.fork()
        except OSError:  # no process more: the supervisor sees its socket closed
            parent = -1
        if parent == 0:
            _become_orphan()
            control.close()
            return socket.socket(fileno=descriptors[0])
        os.close(descriptors[0])
        if parent > 0:
            os.waitpid(parent, 0)


def _become_orphan() -> None:
    """Fork once more and end the parent; return when the supervisor has the child."""
    parent = os.getpid()
    try:
        if os.fork():
            os._exit(0)
    except OSError:
        os._exit(1)
    while os.getppid() == parent:  # the kernel tells nobody when it has found another parent
        time.sleep(_LOOK_AGAIN_S)
    os.setsid()


def _take_over(talk: socket.socket) -> Callable[[], object]:
    """Say our process id and become what the supervisor wants; return the function to run.

    Nobody knows of a process whose supervisor has given up meanwhile: it ends.
    """
    try:
        talk.sendall(os.getpid().to_bytes(HEADER))
        wanted, descriptors = _receive(talk)
    except OSError:
        os._exit(1)
    talk.close()
    out, err, *passed = descriptors
    os.environ.clear()
    os.environ.update(wanted["environment"])
    os.environ.update(zip(wanted["passed"], map(str, passed), strict=True))
    os.chdir(wanted["folder"])
    nothing = os.open(os.devnull, os.O_RDONLY)
    for theirs, ours in ((nothing, 0), (out, 1), (err, 2)):
        os.dup2(theirs, ours)
        if theirs > 2:  # what was closed when the fork server began has a low number
            os.close(theirs)
    sys.argv = ["scserv", *wanted["arguments"]]
    _show_command_line([sys.executable, "-m", wanted["module"], *wanted["arguments"]])
    run: Callable[[], object] = import_module(wanted["module"]).main
    return run


def _receive(talk: socket.socket) -> tuple[dict[str, Any], list[int]]:
    header, descriptors, _, _ = socket.recv_fds(talk, HEADER, DESCRIPTORS_MAX)
    left, message = int.from_bytes(header), b""
    while left > len(message):
        octets = talk.recv(left - len(message))
        if not octets:
            break
        message += octets
    if not message or len(message) < left:
        raise ConnectionResetError
    wanted: dict[str, Any] = json.loads(message)
    return wanted, descriptors


def _show_command_line(words: list[str]) -> None:
    """Have `ps` show the command line that this process would have if it had been started by it.

    It is written over that of the fork server, as far as there is room: words with spaces between
    them, and an octet that is not 0 at the end, by which the kernel knows such a title.
    """
    after_name = Path("/proc/self/stat").read_text("ascii").rpartition(")")[2]
    begin, end = map(int, after_name.split()[_COMMAND_LINE])
    shown = b" ".join(map(os.fsencode, words))[: end - begin - 2]
    ctypes.memmove(begin, shown.ljust(end - begin - 1, b"\0") + b" ", end - begin)


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
    except BaseException as error:  # noqa: BLE001 - Python would print it, too
        sys.excepthook(type(error), error, error.__traceback__)
        status = 130 if isinstance(error, KeyboardInterrupt) else 1
    threading._shutdown()  # type: ignore[attr-defined]  # noqa: SLF001 - nothing public does it
    atexit._run_exitfuncs()  # noqa: SLF001 - as Python does
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


if __name__ == "__main__":
    main()
