"""The logs of supervised processes: their last line, and their limit."""

from __future__ import annotations

import contextlib
import shutil
from typing import TYPE_CHECKING

from inbound.private_files import open_file

if TYPE_CHECKING:
    from pathlib import Path


def last_line(log: Path) -> str:
    """Return the last line of a log that is not empty."""
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - 4096))
        lines = file.read().decode(errors="replace").split("\n")
    said = [line.strip() for line in lines if line.strip()]
    return said[-1] if said else f"no output (log: {log})"


def bound_log(log: Path, limit_bytes: int) -> None:
    """Copy a log over `limit_bytes` to `.1` and truncate it; its writers keep it open."""
    with contextlib.suppress(FileNotFoundError):
        if log.stat().st_size > limit_bytes:
            with open_file(log, "r+b") as full, open_file(_previous(log), "wb") as previous:
                shutil.copyfileobj(full, previous)
                full.truncate(0)


def _previous(log: Path) -> Path:
    return log.with_name(f"{log.name}.1")
