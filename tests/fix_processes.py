"""Ends every process that a test run started, however the run ends.

Tests stop the processes that they start. But an interrupted or crashed worker may not, and servers
run in their own sessions. So every process of a run has a mark in its environment, and the process
that started the run kills the marked ones that are left.
"""

import contextlib
import os
import secrets
import signal
import sys
from collections.abc import Iterator
from typing import Final

import psutil
import pytest

from tests import forks

_MARK: Final = "TEST_RUN"


@pytest.hookimpl(tryfirst=True)  # its clean-up comes last, after that of the shared servers
def pytest_configure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        os.environ[_MARK] = run = secrets.token_hex(8)
        # SIGTERM ends the run like Ctrl-C. A script that begins a run in the background has SIGINT
        # ignored in it, and all commands would inherit that.
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.default_int_handler)
        config.add_cleanup(lambda: _end_leftovers(run))
    config.add_cleanup(forks.close)


def _end_leftovers(run: str) -> None:
    left = list(_processes_of(run))
    for process in left:
        with contextlib.suppress(psutil.NoSuchProcess):
            sys.stderr.write(f"left behind by a test: {' '.join(process.cmdline())[:150]}\n")
            process.kill()
    psutil.wait_procs(left, timeout=10)


def _processes_of(run: str) -> Iterator[psutil.Process]:
    for process in psutil.process_iter():
        # The environment of other users' processes can't be read.
        with contextlib.suppress(psutil.Error):
            if process.pid != os.getpid() and process.environ().get(_MARK) == run:
                yield process
