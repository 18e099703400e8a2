"""Core dumps: allowed for what a test starts, and whether a process forbids its own."""

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest

_NONE: Final = "Max core file size        0                    0"


def core_dumps_possible() -> bool:
    """Whether this machine lets a process dump its memory at all."""
    return resource.getrlimit(resource.RLIMIT_CORE)[1] != 0


@contextmanager
def core_dumps_allowed() -> Iterator[None]:
    """Start processes as from a shell with `ulimit -c unlimited`."""
    soft, hard = resource.getrlimit(resource.RLIMIT_CORE)
    if not core_dumps_possible():
        pytest.skip("this machine allows no core dumps")
    resource.setrlimit(resource.RLIMIT_CORE, (hard, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_CORE, (soft, hard))


def forbids(pid: int) -> bool:
    """Whether a process has no right to a core dump. Its own files are then root's, too."""
    return _NONE in Path(f"/proc/{pid}/limits").read_text("ascii")
