"""A role whose wall clock a test can step: `python -m tests.chaos.stepped_clock ROLE`.

The clock shows the machine's time plus an offset in seconds (a double), read from the file that
CHAOS_CLOCK names. Setting the machine's clock needs root. This changes only what Python code of
the role reads, libraries included, also in a fork that has imported them before.
"""

import mmap
import os
import struct
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import FunctionType, ModuleType

SIZE = 8
"""Size of the offset file in octets."""


def set_offset(path: Path, seconds: float) -> None:
    """Set the offset of every role that reads this file."""
    with path.open("r+b") as file:
        file.write(struct.pack("<d", seconds))


def _install(path: Path) -> None:
    with path.open("rb") as file:
        shared = mmap.mmap(file.fileno(), SIZE, prot=mmap.PROT_READ)
    real = time.time

    def stepped() -> float:
        offset: float = struct.unpack("<d", shared[:SIZE])[0]
        return real() + offset

    for module in list(sys.modules.values()):  # `time` is one of them
        _replace(module, real, stepped)


def _replace(module: ModuleType, real: Callable[[], float], stepped: Callable[[], float]) -> None:
    """Replace the clock where a module has imported it, or has it as a default of a method."""
    for name, value in list(vars(module).items()):
        if value is real:
            setattr(module, name, stepped)
        for method in vars(value).values() if isinstance(value, type) else ():
            defaults = method.__kwdefaults__ if isinstance(method, FunctionType) else None
            for argument, default in (defaults or {}).items():
                if default is real:
                    method.__kwdefaults__[argument] = stepped


def main() -> None:
    """Run the role that `sys.argv` names."""
    _install(Path(os.environ["CHAOS_CLOCK"]))
    from inbound.cli import main as scserv

    scserv()


if __name__ == "__main__":
    main()
