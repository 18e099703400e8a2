"""Ends a child process when its parent ends, even by `kill -9`.

The parent holds the write end of a pipe and never writes. The child reads, and gets end of
file when the parent ends. Unlike the kernel's parent-death signal, this works on every Unix
and does not depend on the thread that started the child.
"""

import os
import signal
import stat
import threading
import time
from typing import Final

PARENT_FD: Final = "SCSERV_PARENT_FD"


def end_with_parent(grace_s: float = 10.0) -> None:
    """End this process when its supervisor ends. Without a supervisor, do nothing.

    Sends SIGTERM to this process, and exits after `grace_s` seconds if it still runs. Call
    it once, at the start. Does not block.
    """
    named = os.environ.pop(PARENT_FD, None)
    if named is None or not _is_pipe(descriptor := int(named)):
        return
    os.set_inheritable(descriptor, False)  # our own children must not inherit it
    threading.Thread(target=_watch, args=(descriptor, grace_s), name="parent", daemon=True).start()


def _is_pipe(descriptor: int) -> bool:
    """Check the descriptor: the variable may outlive the pipe and name another file."""
    try:
        return stat.S_ISFIFO(os.fstat(descriptor).st_mode)
    except OSError:
        return False


def _watch(descriptor: int, grace_s: float) -> None:
    os.read(descriptor, 1)
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(grace_s)
    os._exit(1)
