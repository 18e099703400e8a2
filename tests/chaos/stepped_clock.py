"""A role whose wall clock a test can step: `python -m tests.chaos.stepped_clock ROLE`.

The clock shows the machine's time plus an offset in seconds (a double), read from the file that
CHAOS_CLOCK names. Setting the machine's clock needs root. This changes only what Python code of
the role reads, libraries included.
"""

import mmap
import os
import struct
import time
from pathlib import Path

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

    time.time = stepped


if __name__ == "__main__":
    _install(Path(os.environ["CHAOS_CLOCK"]))
    from inbound.cli import main

    main()
