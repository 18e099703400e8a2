"""The logs of supervised processes: their last words, and their limit."""

from __future__ import annotations

import contextlib
import re
import shutil
from typing import TYPE_CHECKING, Final

from inbound.private_files import open_file

if TYPE_CHECKING:
    from pathlib import Path

_REFUSAL: Final = "scserv: "
"""How a refusal begins (`inbound.cli.main`)."""
_LOGGED: Final = re.compile(r"\d{4}-\d\d-\d\dT")
"""How a line of the log begins (`inbound.ops.logs`)."""


def last_line(log: Path) -> str:
    """Return the last line of a log that is not empty; of a refusal all lines, as one."""
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - 4096))
        lines = file.read().decode(errors="replace").split("\n")
    said = [line.strip() for line in lines if line.strip()]
    begins = [number for number, line in enumerate(said) if line.startswith(_REFUSAL)]
    if begins and not any(map(_LOGGED.match, said[begins[-1] :])):
        return " ".join(said[begins[-1] :])
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
