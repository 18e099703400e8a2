"""The release that landed last, as a source tree of its own.

`LANDED` is its commit. Whoever lands a release writes its commit there with the next change, so
that CI upgrades from it. It runs with the packages that this tree requires.

    python -m tests.released.landed     # fetches the commit into a clone that lacks it
"""

import os
import subprocess
import sys
import tarfile
from io import BytesIO
from pathlib import Path
from typing import Final

import pytest

LANDED: Final = "43cf3068e057f8731511ece501626b9d61d73dab"

_ROOT: Final = Path(__file__).parents[2]
_PARTS: Final = (
    *("inbound", "schemas", "streams", "pyproject.toml"),
    # What `tests.forks.ForkServer` needs.
    *("tests/__init__.py", "tests/forks.py"),
)
_LACKING: Final = (
    f"this clone lacks {LANDED}, the release that landed last: run `git fetch --unshallow`, or "
    "`python -m tests.released.landed`, which fetches this commit alone"
)


def extract_landed(folder: Path) -> Path:
    """Write the landed release into a folder and return it.

    Fails the test in a clone that lacks the commit: skipped, it would test nothing and look fine.
    Skips it in a tree that is no clone, unless that is CI's.
    """
    if not (_ROOT / ".git").exists() and "CI" not in os.environ:
        pytest.skip("this tree is no clone: it has no landed release to upgrade from")
    archive = _git("archive", LANDED, *_PARTS)
    if archive.returncode:
        pytest.fail(f"{_LACKING}. git says: {archive.stderr.decode().strip()}")
    with tarfile.open(fileobj=BytesIO(archive.stdout)) as tar:
        tar.extractall(folder, filter="data")
    return folder


def main() -> None:
    """Fetch the landed release if this clone lacks it; exit with a reason if that is impossible."""
    if _is_there():
        return
    fetched = _git("fetch", "--quiet", "--depth", "1", "origin", LANDED)
    if not _is_there():
        sys.exit(f"{_LACKING}. git says: {fetched.stderr.decode().strip()}")


def _is_there() -> bool:
    return _git("cat-file", "-e", f"{LANDED}^{{commit}}").returncode == 0


def _git(*arguments: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(["git", "-C", str(_ROOT), *arguments], capture_output=True, check=False)


if __name__ == "__main__":
    main()
