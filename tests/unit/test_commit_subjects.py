"""Subjects of commits fit where they are listed: 72 characters."""

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def test_no_new_subject_is_too_long() -> None:
    if not (ROOT / ".git").exists() or shutil.which("git") is None:
        pytest.skip("no checkout of git")
    # The first commits had longer ones.
    listed = subprocess.run(
        ["git", "log", "-300", "--format=%s"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if listed.returncode:
        pytest.skip(listed.stderr)  # another user's checkout
    assert [one for one in listed.stdout.splitlines() if len(one) > 72] == []
