"""A process that works on one thread stops, wherever a signal interrupts it."""

import subprocess
import sys
import textwrap

import pytest

from tests.patience import PATIENCE_S

PROGRAM = textwrap.dedent("""
    import os, signal
    from inbound.cli._signals import stop_event
    stopping = stop_event()
    with stopping._cond:  # as `wait` and `set` do for a moment
        os.kill(os.getpid(), signal.{first})
        os.kill(os.getpid(), signal.{second})
    assert stopping.wait({patience})
    os.kill(os.getpid(), signal.{first})
    print("stopped")
""")


@pytest.mark.parametrize("first", ["SIGINT", "SIGTERM"])
@pytest.mark.parametrize("second", ["SIGINT", "SIGTERM"])
def test_a_signal_where_the_lock_is_held_stops_it(first: str, second: str) -> None:
    program = PROGRAM.format(first=first, second=second, patience=PATIENCE_S)
    ran = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert (ran.returncode, ran.stdout) == (0, "stopped\n"), ran.stderr
