"""One `scserv up` for all tests of this folder: it takes twenty seconds of a core to start.

`test_stop` ends it, so it comes last.
"""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.up.running import NUMBER, PASSWORD, Up


@pytest.fixture(scope="package")
def up() -> Iterator[Up]:
    """A `scserv up` after it has served a client."""
    # Not pytest's folder: nobody else may enter the one above it.
    above = Path(tempfile.mkdtemp(prefix="scserv-up-"))
    above.chmod(0o755)
    running = Up(above)
    try:
        running.says(" ready: ")
        running.import_client()
        assert PASSWORD in running.run("text", NUMBER, "CLIENT info")
        yield running
    finally:
        running.stop()
        shutil.rmtree(above)
