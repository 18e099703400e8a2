"""The garbage collector of a process that lives long and allocates for every message."""

import gc
from typing import Final

_YOUNG: Final = 50_000
"""Objects allocated before a collection. Python's default is 700, several times a batch."""


def collect_rarely() -> None:
    """Collect after batches, not within them, and never examine imported objects again.

    Our objects are freed by their reference counts; the collector is for cycles alone.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_YOUNG, 20, 50)
