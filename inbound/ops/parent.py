"""A child process that ends when its parent is gone, however the parent died.

The parent holds the write end of a pipe and never writes; a child that reads sees the end
of file in the moment the parent ends, `kill -9` included. Unlike the kernel's parent-death
signal this works on every Unix and does not care which thread started the child.
"""

import os
import signal
import stat
import threading
import time
from typing import Final

PARENT_FD: Final = "SCSERV_PARENT_FD"


def end_with_parent(grace_s: float = 10.0) -> None:
    """End this process when the supervisor that started it ends; elsewhere do nothing.

    Sends SIGTERM to this process, so that it stops as it always does, and after `grace_s`
    exits the hard way. Call it once, first thing; it does not block.
    """
    named = os.environ.pop(PARENT_FD, None)
    if named is None or not _is_pipe(descriptor := int(named)):
        return
    os.set_inheritable(descriptor, False)  # what we start ourselves is none of its business
    threading.Thread(target=_watch, args=(descriptor, grace_s), name="parent", daemon=True).start()


def _is_pipe(descriptor: int) -> bool:
    """A variable that outlived its pipe must not make us read somebody's socket."""
    try:
        return stat.S_ISFIFO(os.fstat(descriptor).st_mode)
    except OSError:
        return False


def _watch(descriptor: int, grace_s: float) -> None:
    os.read(descriptor, 1)
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(grace_s)
    os._exit(1)
