"""Waits for a server process to start, finds leftovers, and ends them.

A server runs in its own session: Ctrl-C reaches only `scserv up`, which stops clients before
servers. A killed parent leaves its server running (the kernel's parent-death signal depends
on the thread that forked); the next owner of the data folder finds and ends it.
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

# Seconds between checks.
_LOOK_AGAIN_S: Final = 0.02

_KILL_WAIT_S: Final = 5.0

# What servers print when they can't start, and what to tell the operator.
PORT_IN_USE: Final = "its port is in use by another program; choose another port"
_KNOWN_CAUSES: Final = (
    ("No space left on device", "the disk is full; make room on it"),
    ("Address already in use", PORT_IN_USE),
    ("OutOfMemoryError", "it got too little memory; raise heap_mb"),
    ("could not reserve enough space", "the machine has too little free memory"),
    ("Cannot allocate memory", "the machine has too little free memory"),
    ("Permission denied", "it may not use its folder; check the folder's owner and mode"),
)


def find(pid_file: Path, is_ours: Callable[[psutil.Process], bool]) -> psutil.Process | None:
    """Return the running process of a pid file if `is_ours` confirms it, else None.

    The first word of the file is the pid. Pids are reused, hence the check.
    """
    try:
        process = psutil.Process(int(pid_file.read_text(encoding="utf-8").split()[0]))
        return process if not _has_ended(process) and is_ours(process) else None
    except (OSError, ValueError, IndexError, psutil.Error):
        return None


def end(process: psutil.Process, signals: Sequence[tuple[signal.Signals, float]]) -> None:
    """Send each signal and wait its seconds, then SIGKILL. Blocks until the process has ended.

    Does nothing if it has ended already.
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
    """Whether a process has ended. A zombie has: in containers nothing may reap it."""
    if isinstance(process, psutil.Popen):
        return process.poll() is not None
    try:
        return process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def listening_ports(process: psutil.Process) -> set[int]:
    """Return the TCP ports on which a process of this user listens."""
    try:
        connections = process.net_connections("tcp")
    except psutil.Error:
        return set()
    return {found.laddr.port for found in connections if found.status == psutil.CONN_LISTEN}


def wait_until(
    ready: Callable[[], bool],
    process: psutil.Popen,
    *,
    server: str,
    logs: Sequence[Path],
    timeout_s: float,
    drain: Callable[[], None],
) -> None:
    """Block until `ready()`. Raises `SetupError` if the process ends or after `timeout_s`.

    `drain` is called before the logs are read for the reason.
    """
    deadline = time.monotonic() + timeout_s
    while not ready():
        if process.poll() is not None:
            drain()
            raise SetupError(f"{server} did not start: {explain(*logs)}")
        if time.monotonic() > deadline:
            raise SetupError(f"{server} is not ready after {timeout_s:g} s; its log is {logs[-1]}")
        time.sleep(_LOOK_AGAIN_S)


def explain(*logs: Path) -> str:
    """Return in one line why a server ended, from the first log that is not empty."""
    for log in logs:
        lines = [line for line in _last_lines(log) if line and not line.startswith("WARNING")]
        if lines:
            return f"{_cause(lines)} (log: {log})"
    return f"no output (log: {logs[-1]})"


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
