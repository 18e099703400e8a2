"""The data folder of a server: its owner and its port.

One process at a time owns a folder. Ownership is a file lock, so it ends with its process.
A server that still runs in a folder without an owner is a leftover of a killed process.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import shutil
from typing import TYPE_CHECKING, Final

from inbound.errors import SetupError
from inbound.local.ports import LOOPBACK, free_port, is_free
from inbound.private_files import open_descriptor, prepare_subfolder, read_secret, write_file

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

# A new PostgreSQL takes 40 MB; its first WAL segments under load take the rest.
_ENOUGH_BYTES: Final = 300 * 1024 * 1024


class DataFolder:
    """A folder on this machine that belongs to one server of one running process."""

    def __init__(self, path: Path, server: str) -> None:
        self.path = path.expanduser().absolute()
        self._server = server
        self._lock: int | None = None

    def claim(self) -> None:
        """Create the folder (mode 0700) and own it until `release()` or the process ends.

        Raises `SetupError` if it can't be written, has too little space, or has an owner, and if
        another user could change it.
        """
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            prepare_subfolder(self.path)
            lock = open_descriptor(self.path / "owner.lock", os.O_RDWR | os.O_CREAT)
        except OSError as error:
            raise self.refused(error) from error
        try:
            self._own(lock)
            self._require_room()
        except BaseException:
            os.close(lock)
            raise
        self._lock = lock

    def _own(self, lock: int) -> None:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            owner = os.pread(lock, 20, 0).decode() or "another process"
            raise SetupError(
                f"{self._server}: {self.path} is in use by process {owner}; stop it, or choose"
                " another folder"
            ) from None
        os.ftruncate(lock, 0)
        os.pwrite(lock, str(os.getpid()).encode(), 0)

    def _require_room(self) -> None:
        if (free := shutil.disk_usage(self.path).free) < _ENOUGH_BYTES:
            raise SetupError(
                f"{self._server}: only {free >> 20} MB are free in {self.path}, it takes"
                f" {_ENOUGH_BYTES >> 20} MB to start; make room, or choose another folder"
            )

    def release(self) -> None:
        """Release the folder. Safe to repeat."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def port(self, name: str, wanted: int = 0) -> int:
        """Return the port to listen on: `wanted`, else the stored port, else a free one.

        A free port is stored, so that the next start has the same address. A stored port that
        is in use is replaced. Raises `SetupError` if `wanted` is in use.
        """
        if wanted:
            if not is_free(wanted):
                raise SetupError(
                    f"{self._server}: port {wanted} on {LOOPBACK} is in use by another"
                    " program; stop that program, or choose another port (0 finds a free one)"
                )
            return wanted
        kept, stored = self.path / f"{name}.port", 0
        with contextlib.suppress(OSError, ValueError):
            stored = int(kept.read_text(encoding="ascii"))
        port = free_port(stored)
        if port != stored:
            self.write(kept.name, f"{port}\n")
        return port

    def write(self, name: str, text: str) -> Path:
        """Write a small file atomically, readable by the owner only."""
        target = self.path / name
        try:
            write_file(target, text)
        except OSError as error:
            raise self.refused(error) from error
        return target

    def password(self, new: Callable[[], str]) -> str:
        """Return the stored password; `new` makes the first one."""
        file = self.path / "password"
        if not file.exists():
            self.write(file.name, f"{new()}\n")
        return read_secret(file).strip()

    def refused(self, error: OSError) -> SetupError:
        """Return a one-line error: why the folder can't be used, and the fix."""
        why = error.strerror or str(error)
        way_out = (
            "make room on that disk"
            if error.errno in {errno.ENOSPC, errno.EDQUOT}
            else "choose a folder that this user may write to"
        )
        return SetupError(f"{self._server}: can't use {self.path}: {why}; {way_out}")
