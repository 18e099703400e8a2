"""Starting a server as a child, knowing when it is up, and ending it for certain.

A server runs in a session of its own: Ctrl-C in the terminal reaches this service alone,
which then stops its clients before the servers. Nothing ties a server's life to its
parent's (the kernel's parent-death signal follows the thread that forked, not the
process), so a parent that is killed leaves its server behind; the next owner of the data
folder finds it here and ends it.
"""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING, Final

import psutil

from inbound.errors import SetupError

if TYPE_CHECKING:
    import signal
    from collections.abc import Callable, Sequence
    from pathlib import Path

# Short against a start of a second, long against the cost of a look.
_LOOK_AGAIN_S: Final = 0.02

_KILL_WAIT_S: Final = 5.0

# What servers print when they can't start, and what to tell the operator.
_KNOWN_CAUSES: Final = (
    ("No space left on device", "the disk is full; make room on it"),
    ("Address already in use", "its port is in use by another program; choose another port"),
    ("OutOfMemoryError", "it got too little memory; raise heap_mb"),
    ("could not reserve enough space", "the machine has too little free memory"),
    ("Cannot allocate memory", "the machine has too little free memory"),
    ("Permission denied", "it may not use its folder; check the folder's owner and mode"),
)


def find(pid_file: Path, is_ours: Callable[[psutil.Process], bool]) -> psutil.Process | None:
    """Return the running process that a pid file names, if it is what `is_ours` says.

    The first word of the file is the pid. Process numbers are used again, hence the check.
    """
    try:
        process = psutil.Process(int(pid_file.read_text(encoding="utf-8").split()[0]))
        return process if not _has_ended(process) and is_ours(process) else None
    except (OSError, ValueError, IndexError, psutil.Error):
        return None


def end(process: psutil.Process, signals: Sequence[tuple[signal.Signals, float]]) -> None:
    """Send each signal and wait that many seconds, then kill; return when it is gone.

    Blocks until then. A process that has ended already is fine.
    """
    with contextlib.suppress(psutil.NoSuchProcess):
        for number, seconds in signals:
            process.send_signal(number)
            if _ends_within(process, seconds):
                return
        process.kill()
        _ends_within(process, _KILL_WAIT_S)


def _ends_within(process: psutil.Process, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while not _has_ended(process):
        if time.monotonic() > deadline:
            return False
        time.sleep(_LOOK_AGAIN_S)
    return True


def _has_ended(process: psutil.Process) -> bool:
    """Also when nobody takes note: in a container the process that should may never do it."""
    if isinstance(process, psutil.Popen):
        return process.poll() is not None
    try:
        return process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def wait_until(
    ready: Callable[[], bool],
    process: psutil.Popen,
    *,
    server: str,
    logs: Sequence[Path],
    timeout_s: float,
) -> None:
    """Block until `ready()`; raise SetupError when the process ends or time runs out."""
    deadline = time.monotonic() + timeout_s
    while not ready():
        if process.poll() is not None:
            raise SetupError(f"{server} did not start: {explain(*logs)}")
        if time.monotonic() > deadline:
            raise SetupError(f"{server} is not ready after {timeout_s:g} s; its log is {logs[-1]}")
        time.sleep(_LOOK_AGAIN_S)


def explain(*logs: Path) -> str:
    """Say in one line why a server ended: from the end of the first log that says something."""
    for log in logs:
        lines = [line for line in _last_lines(log) if line and not line.startswith("WARNING")]
        if lines:
            return f"{_cause(lines)} (log: {log})"
    return f"it said nothing (log: {logs[-1]})"


def _cause(lines: Sequence[str]) -> str:
    text = "\n".join(lines).casefold()
    for sign, cause in _KNOWN_CAUSES:
        if sign.casefold() in text:
            return cause
    telling = [line for line in lines if "FATAL" in line or "ERROR" in line or "rror:" in line]
    return (telling or lines)[-1].strip()


def _last_lines(log: Path, size: int = 16_384) -> list[str]:
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - size))
            return file.read().decode(errors="replace").splitlines()
    except OSError:
        return []
