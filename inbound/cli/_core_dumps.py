"""No core dump: a crash would write keys, codes and passwords to the disk, in the clear.

A process needs its secrets in memory for as long as it seals or sends them. Nothing can keep
them out of a picture of that memory, so there must be none.
"""

import contextlib
import ctypes
import resource
import sys
from typing import Final

_PR_SET_DUMPABLE: Final = 4
"""linux/prctl.h"""


def forbid_core_dumps() -> None:
    """Let this process leave no core dump, and none of those that it starts.

    Two ways, because each covers what the other doesn't. The limit of no octets (setrlimit(2))
    is inherited, by the servers of `scserv up` too, but a program that core_pattern names may
    pass over it (core(5)). The kernel asks no program about a process that is not dumpable
    (PR_SET_DUMPABLE(2const)); that ends with execve. Nor can others of the same user read
    its memory and environment then. Safe to repeat; never raises.
    """
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":
        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
