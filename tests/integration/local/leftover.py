"""Start a server in a process of its own, kill that process, leave the server behind."""

import subprocess
import sys

import psutil

_START = """
import sys
from pathlib import Path
from {module} import {server}
server = {server}(Path(sys.argv[1]), **{options})
server.start()
print(server.pid, flush=True)
sys.stdin.read()
"""


def leave_behind(module: str, server: str, data_dir: str, **options: object) -> int:
    """Return the process id of a server whose parent was killed with -9."""
    script = _START.format(module=module, server=server, options=options)
    with subprocess.Popen(
        [sys.executable, "-c", script, data_dir],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        parent.kill()
    return pid


def runs(pid: int) -> bool:
    """Whether a process has not ended; nobody may have taken note of its end."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
