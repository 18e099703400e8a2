"""What a process does last, also when it gives up stopping."""

import atexit
import os
import threading
from collections.abc import Callable
from typing import Final, NoReturn

WITHIN_S: Final = 2.0

_last: list[Callable[[], None]] = []


def at_end(do: Callable[[], None]) -> None:
    """Have this done when the process ends; it has to be safe to repeat."""
    _last.append(do)
    atexit.register(do)


def end_now(status: int) -> NoReturn:
    """Do what `at_end` was told, for a moment at most, and end the process: no thread delays it."""
    ending = threading.Thread(target=_do_all, name="end", daemon=True)
    ending.start()
    ending.join(WITHIN_S)
    os._exit(status)


def _do_all() -> None:
    for do in _last:
        do()
