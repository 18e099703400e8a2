"""Temporary folders go with their process, or with the next one."""

import subprocess
import sys
from pathlib import Path

import pytest

from inbound import temporary_folder
from inbound.temporary_folder import TemporaryFolder


@pytest.fixture(autouse=True)
def every_folder_is_old_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(temporary_folder, "_NEW_S", -1.0)


def folders(parent: Path) -> list[str]:
    return sorted(path.name for path in parent.iterdir())


def test_it_is_private_and_goes_with_its_content(tmp_path: Path) -> None:
    folder = TemporaryFolder("rows", tmp_path)
    assert folder.path.stat().st_mode & 0o777 == 0o700
    (folder.path / "row").write_text("x")
    folder.close()
    folder.close()
    assert folders(tmp_path) == []


def test_the_next_one_deletes_that_of_a_killed_process(tmp_path: Path) -> None:
    code = (
        "import os, sys; from pathlib import Path; "
        "from inbound.temporary_folder import TemporaryFolder; "
        "folder = TemporaryFolder('rows', Path(sys.argv[1])); "
        "(folder.path / 'row').write_text('x'); os.kill(os.getpid(), 9)"
    )
    ran = subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=False)
    assert ran.returncode == -9
    assert len(folders(tmp_path)) == 1
    folder = TemporaryFolder("rows", tmp_path)
    assert folders(tmp_path) == [folder.path.name]


def test_one_in_use_and_others_stay(tmp_path: Path) -> None:
    first = TemporaryFolder("rows", tmp_path)
    for other in ("scserv-candidate-1", "notes"):
        (tmp_path / other).mkdir()
    (tmp_path / "scserv-rows-link").symlink_to(tmp_path / "notes")
    TemporaryFolder("rows", tmp_path).close()
    assert folders(tmp_path) == sorted(
        ["notes", "scserv-candidate-1", "scserv-rows-link", first.path.name]
    )


def test_a_new_one_is_left_to_its_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(temporary_folder, "_NEW_S", 60.0)
    (tmp_path / "scserv-rows-x").mkdir()
    TemporaryFolder("rows", tmp_path).close()
    assert folders(tmp_path) == ["scserv-rows-x"]
