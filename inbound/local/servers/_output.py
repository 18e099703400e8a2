"""The log of a server's output: bounded, and without a character that could steer a terminal.

Strangers who can connect to a server choose a part of what it prints, such as the name they log in
with. So its output comes through a pipe and is written here, line by line. The server never waits
for a reader that is gone: it then loses its output.
"""

from __future__ import annotations

import contextlib
import os
import threading
from typing import IO, TYPE_CHECKING, Final

from inbound.printing import printable
from inbound.private_files import open_file

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LIMIT_BYTES: Final = 10 * 1024 * 1024
_LINE_MAX: Final = 16 * 1024
_READ_BYTES: Final = 64 * 1024


class OutputLog:
    """The output of one run of a server. A log over the limit becomes `.1`; another one begins."""

    def __init__(self, path: Path, limit_bytes: int = LIMIT_BYTES) -> None:
        """Take the path; its file is emptied by `writer`."""
        self._path = path
        self._limit_bytes = limit_bytes
        self._thread: threading.Thread | None = None

    @contextlib.contextmanager
    def writer(self) -> Iterator[int]:
        """Yield the descriptor for the server's output, and close it here afterwards.

        Until the server has ended, a thread writes what it prints.
        """
        file = open_file(self._path, "wb")
        source, sink = os.pipe()
        self._thread = threading.Thread(
            target=self._copy, args=(source, file), name=self._path.name, daemon=True
        )
        self._thread.start()
        try:
            yield sink
        finally:
            os.close(sink)

    def drain(self, timeout_s: float = 2.0) -> None:
        """Wait until everything is written that a server printed before it ended."""
        if self._thread is not None:
            self._thread.join(timeout_s)

    def _copy(self, source: int, file: IO[bytes]) -> None:
        rest = b""
        try:
            while octets := os.read(source, _READ_BYTES):
                *lines, rest = (rest + octets).split(b"\n")
                if len(rest) > _LINE_MAX:
                    lines, rest = [*lines, rest], b""
                file = self._write(lines, file)
            file = self._write([rest] if rest else [], file)
        finally:
            os.close(source)
            with contextlib.suppress(OSError):  # closing writes what is left, perhaps in vain
                file.close()

    def _write(self, lines: list[bytes], file: IO[bytes]) -> IO[bytes]:
        with contextlib.suppress(OSError):  # a full disk: the server must not wait
            if file.closed:
                file = open_file(self._path, "wb")
            for line in lines:
                text = printable(line.decode("utf-8", "backslashreplace"), keep="\t")
                file.write(text.encode("utf-8") + b"\n")
            file.flush()
            if file.tell() > self._limit_bytes:
                file.close()
                self._path.replace(self._path.with_name(f"{self._path.name}.1"))
                file = open_file(self._path, "wb")
        return file
