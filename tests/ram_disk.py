"""Folders in memory for the servers of a test run: tests make and drop thousands of files.

Making the files of a database costs ten times as much CPU on a busy disk. A run without enough
memory keeps its servers on the disk.
"""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

import psutil

_RAM: Final = Path("/dev/shm")  # noqa: S108  the folders in it are ours alone
_PREFIX: Final = "scserv-test-"
_FREE_BYTES: Final = 4 * 1024**3
"""Several times what the servers of a run hold at once."""

_AVAILABLE_BYTES: Final = 8 * 1024**3
"""With what the processes of the tests need."""


@contextmanager
def server_folder(name: str, on_disk: Path) -> Iterator[Path]:
    """Yield a folder in memory, removed afterwards; without room for it, `on_disk`."""
    if not _has_room():
        yield on_disk
        return
    _remove_leftovers()
    folder = Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getpid()}-{name}-", dir=_RAM))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _has_room() -> bool:
    try:
        free = shutil.disk_usage(_RAM).free
    except OSError:  # not Linux
        return False
    return free >= _FREE_BYTES and psutil.virtual_memory().available >= _AVAILABLE_BYTES


def _remove_leftovers() -> None:
    """Remove the folders of runs that were killed."""
    for folder in _RAM.glob(f"{_PREFIX}*"):
        with suppress(ValueError, OSError):
            pid = int(folder.name.removeprefix(_PREFIX).partition("-")[0])
            if folder.stat().st_uid == os.geteuid() and not psutil.pid_exists(pid):
                shutil.rmtree(folder, ignore_errors=True)
