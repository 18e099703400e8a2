"""Starts a candidate, isolated unless it is trusted. The first line of the output says which.

Three processes: this one waits, so that the asking release sees how the candidate ended; its
child is the first process of a namespace, and when it ends, the kernel kills all others there;
the grandchild is the candidate. Each ends when its parent does.
"""

import json
import os
import signal
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from . import linux, loading, namespaces, restrictions

_REFUSED: Final = 3


@dataclass(frozen=True)
class LaunchPlan:
    """The only argument, as JSON.

    `code` is the wheel or folder, `names` its entries to show, `installed` the folders of the
    installed packages, `readable` further paths, `parent` the process that asks. The working
    folder has to be empty.
    """

    code: str
    names: list[str]
    installed: list[str]
    readable: list[str]
    memory_bytes: int
    trusted: bool
    parent: int


def main() -> None:
    """Run the candidate until its input ends. Exits the way the candidate does."""
    plan = LaunchPlan(**json.loads(sys.argv[1]))
    linux.prctl(linux.PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != plan.parent:  # it ended before the call above
        sys.exit(_REFUSED)
    if plan.trusted:
        restrictions.limit_memory(plan.memory_bytes)
        _announce(isolated=False)
        loading.serve_candidate(plan.code, plan.installed)
        return
    try:
        linux.machine()
        namespaces.enter()
        readable = [*sys.path, *plan.installed, *plan.readable]
        namespaces.show_only(str(Path.cwd()), plan.code, plan.names, readable)
    except OSError as error:
        _refuse(namespaces.explain(error))
    _run_isolated(plan)


def _run_isolated(plan: LaunchPlan) -> None:
    reading, writing = os.pipe()
    if os.fork() == 0:
        os.close(reading)
        _be_first_process(plan, writing)
    os.close(writing)
    for fd in (0, 1):  # these pipes are the candidate's alone: their end means its end
        os.close(fd)
    said = os.read(reading, 4)  # nothing if the first process was killed
    _, status = os.wait()
    if said:
        status = int.from_bytes(said, "big")
    if os.WIFSIGNALED(status):
        with suppress(OSError):  # SIGKILL can't be handled anyway
            signal.signal(os.WTERMSIG(status), signal.SIG_DFL)
        os.kill(os.getpid(), os.WTERMSIG(status))
    os._exit(os.waitstatus_to_exitcode(status))


def _be_first_process(plan: LaunchPlan, writing: int) -> None:
    """Start the candidate, wait for it, and report its status to the parent."""
    linux.prctl(linux.PR_SET_PDEATHSIG, signal.SIGKILL)
    # A signal without a handler can't reach the first process from its own namespace.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    candidate = os.fork()
    if candidate == 0:
        os.close(writing)
        _be_candidate(plan)
        os._exit(0)
    for fd in (0, 1):
        os.close(fd)
    ended = status = 0
    while ended != candidate:  # orphaned processes are reaped here too
        ended, status = os.wait()
    os.write(writing, status.to_bytes(4, "big"))
    os._exit(0)


def _be_candidate(plan: LaunchPlan) -> None:
    try:
        linux.prctl(linux.PR_SET_PDEATHSIG, signal.SIGKILL)
        os.closerange(3, 1024)
        restrictions.limit_memory(plan.memory_bytes)
        restrictions.give_up_rights()
    except OSError as error:
        _refuse(str(error))
    _announce(isolated=True)
    sys.argv[1:] = []
    try:
        loading.serve_candidate(plan.code, plan.installed)
    except SystemExit:
        raise
    except BaseException:  # noqa: BLE001 — written as an interpreter would
        sys.excepthook(*sys.exc_info())
        os._exit(1)


def _announce(*, isolated: bool) -> None:
    _say({"isolated": isolated})


def _refuse(why: str) -> None:
    _say({"refused": why})
    os._exit(_REFUSED)


def _say(what: dict[str, object]) -> None:
    os.write(1, json.dumps(what).encode() + b"\n")
