"""What a process does last is done, too, when it gives up stopping."""

import subprocess
import sys

import pytest

from tests.patience import PATIENCE_S

PROGRAM = """
import sys, threading
from inbound.ops import ending
ending.WITHIN_S = 0.5
ending.at_end(lambda: print("withdrawn", flush=True))
{hang}
threading.Thread(target=threading.Event().wait).start()  # does not stop
ending.end_now(3)
"""


@pytest.mark.parametrize("hang", ["", "ending.at_end(threading.Event().wait)"])
def test_the_last_things_are_done_and_delay_nothing(hang: str) -> None:
    argv = [sys.executable, "-c", PROGRAM.format(hang=hang)]
    ran = subprocess.run(argv, capture_output=True, timeout=PATIENCE_S, check=False)
    assert (ran.returncode, ran.stdout) == (3, b"withdrawn\n"), ran.stderr
