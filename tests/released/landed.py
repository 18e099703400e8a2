"""The release that landed last, as a source tree of its own.

`LANDED` is its commit. Whoever lands a release writes its commit there with the next change, so
that CI upgrades from it. It runs with the packages that this tree requires.

    python -m tests.released.landed     # fetches the commit into a clone that lacks it
"""

import subprocess
import sys
import tarfile
from io import BytesIO
from pathlib import Path
from typing import Final

import pytest

LANDED: Final = "5fdf67373a2bdd4daf0f12c13d6cac9c327f0600"

_ROOT: Final = Path(__file__).parents[2]
_PARTS: Final = ("inbound", "schemas", "streams", "pyproject.toml")
_LACKING: Final = (
    f"this clone lacks {LANDED}, the release that landed last: run `git fetch --unshallow`, or "
    "`python -m tests.released.landed`, which fetches this commit alone"
)


def extract_landed(folder: Path) -> Path:
    """Write the landed release into a folder and return it.

    Skips the test in a tree that lacks the commit: a shallow clone, say. `.ci/run` fetches it, and
    says what it has not run if it can't.
    """
    archive = _git("archive", LANDED, *_PARTS)
    if archive.returncode:
        pytest.skip(f"{_LACKING}. git says: {archive.stderr.decode().strip()}")
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
    # The tree of a container may belong to another user.
    command = ["git", "-c", f"safe.directory={_ROOT}", "-C", str(_ROOT), *arguments]
    return subprocess.run(command, capture_output=True, check=False)


if __name__ == "__main__":
    main()
