"""One `scserv up` at a time runs in a data folder.

The lock ends with the process that holds it, however it ends.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
from typing import TYPE_CHECKING, Final

from inbound.errors import SetupError
from inbound.private_files import open_descriptor

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LOCK_FILE: Final = "up.lock"
_KEYS: Final = "keys"
_PID_OCTETS: Final = 20


@contextlib.contextmanager
def locked_folder(data_dir: Path) -> Iterator[None]:
    """Hold the lock of an existing data folder.

    Raises `SetupError` if another process has it, and if another user could have planted the lock.
    """
    try:
        lock = open_descriptor(data_dir / LOCK_FILE, os.O_RDWR | os.O_CREAT)
    except OSError as error:
        raise SetupError(
            f"--data-dir {data_dir}: {error.strerror}; choose a folder that you can write to"
        ) from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        owner = os.pread(lock, _PID_OCTETS, 0).decode() or "another one"
        os.close(lock)
        raise SetupError(
            f"--data-dir {data_dir}: `scserv up` runs there already, as process {owner}: stop that,"
            " or choose another folder"
        ) from None
    try:
        os.ftruncate(lock, 0)
        os.pwrite(lock, str(os.getpid()).encode(), 0)
        yield
    finally:
        os.close(lock)


def is_locked(data_dir: Path) -> bool:
    """Whether a `scserv up` runs in this folder, or is starting there."""
    try:
        lock = os.open(data_dir / LOCK_FILE, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(lock)
    return False


def remove_unused(data_dir: Path) -> None:
    """Remove a folder that has nothing in it but what a refused start has put there."""
    with contextlib.suppress(OSError):
        if {entry.name for entry in data_dir.iterdir()} <= {LOCK_FILE, _KEYS}:
            shutil.rmtree(data_dir)
