"""A temporary folder that a later process deletes if this one is killed.

It is locked as long as its process lives, so one without a lock is abandoned. Creating a folder
deletes abandoned ones of the same kind beside it; they may hold what a command was writing.
"""

import contextlib
import fcntl
import os
import shutil
import stat
import tempfile
import time
from pathlib import Path
from typing import Final

_NEW_S: Final = 60.0
"""A folder may be created and not locked yet for a moment."""


class TemporaryFolder:
    """A folder that only this user can read. `close` deletes it with its content."""

    def __init__(self, kind: str, parent: Path | None = None) -> None:
        """`parent` is the system's folder for temporary files by default. Raises OSError."""
        prefix = f"scserv-{kind}-"
        beside = parent or Path(tempfile.gettempdir())
        _delete_abandoned(beside, prefix)
        self.path = Path(tempfile.mkdtemp(prefix=prefix, dir=beside))
        self._lock: int | None = _open(self.path)
        fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def close(self) -> None:
        """Delete it. Safe to repeat."""
        lock, self._lock = self._lock, None
        if lock is not None:
            shutil.rmtree(self.path, ignore_errors=True)
            os.close(lock)


def _delete_abandoned(beside: Path, prefix: str) -> None:
    with contextlib.suppress(OSError):
        for path in beside.glob(f"{prefix}*"):
            with contextlib.suppress(OSError):
                _delete_if_abandoned(path)


def _delete_if_abandoned(path: Path) -> None:
    found = path.lstat()
    is_ours = stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid()
    if not is_ours or time.time() - found.st_ctime < _NEW_S:
        return
    lock = _open(path)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(path)
    finally:
        os.close(lock)


def _open(path: Path) -> int:
    return os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
