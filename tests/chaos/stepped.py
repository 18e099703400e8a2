"""A role whose wall clock can be stepped from outside: `python -m tests.chaos.stepped ROLE`.

The clock is that of the machine plus what the file named in CHAOS_CLOCK says, in seconds
(a double). Changing a machine's clock needs its owner; this steps every reading of the
wall clock that Python code of the role makes, libraries included.
"""

import mmap
import os
import struct
import time
from datetime import UTC, datetime
from pathlib import Path

SIZE = 8


def step(path: Path, seconds: float) -> None:
    """Let every role that reads this file be off by so many seconds from now on."""
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
    import inbound.clock

    inbound.clock.utc_now = lambda: datetime.fromtimestamp(stepped(), UTC)


if __name__ == "__main__":
    _install(Path(os.environ["CHAOS_CLOCK"]))
    from inbound.cli import main

    main()
