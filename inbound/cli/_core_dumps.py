"""Forbids core dumps, which would write keys, codes and passwords to disk in the clear."""

import contextlib
import ctypes
import resource
import sys
from typing import Final

_PR_SET_DUMPABLE: Final = 4
"""linux/prctl.h"""


def forbid_core_dumps() -> None:
    """Forbid core dumps of this process and of its children. Safe to repeat; never raises.

    Two mechanisms, because neither is enough. A limit of 0 bytes (setrlimit(2)) is inherited
    by children, the servers of `scserv up` included, but a core_pattern program may ignore it
    (core(5)). A process that is not dumpable (PR_SET_DUMPABLE(2const)) is never dumped, and
    other processes of its user can't read its memory or environment, but execve resets it.
    """
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":
        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
