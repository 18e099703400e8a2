"""A small file system that a test can fill: a tmpfs of its own, where that is allowed."""

import errno
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class Disk:
    """A mounted file system; `full` is False again after `free`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._ballast = path / "ballast"

    def fill(self, leave: int = 0) -> None:
        """Leave so many bytes free. What a server takes meanwhile is not there to be taken."""
        with self._ballast.open("wb") as file:
            while (size := self._free() - leave) > 0:
                try:
                    os.posix_fallocate(file.fileno(), 0, size)
                except OSError as error:
                    if error.errno != errno.ENOSPC:
                        raise
                else:
                    return

    def _free(self) -> int:
        left = os.statvfs(self.path)
        return left.f_bavail * left.f_frsize

    def free(self) -> None:
        """Give back what `fill` took, as an operator makes room."""
        self._ballast.unlink(missing_ok=True)


@contextmanager
def small_disk(path: Path, megabytes: int) -> Iterator[Disk | None]:
    """Mount a file system at `path`; yield None where the machine does not let us."""
    path.mkdir()
    size = f"size={megabytes}m,mode=755"
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", size, "scserv-tests", str(path)],
        capture_output=True,
        check=False,
    )
    if mounted.returncode:
        yield None
        return
    try:
        yield Disk(path)
    finally:
        # Lazily: a server that did not stop in time may still have a file open.
        subprocess.run(["umount", "-l", str(path)], check=True)
