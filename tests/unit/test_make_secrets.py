"""deploy/make-secrets.sh: safe to repeat, whatever happened in between."""

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.compose_file import DEPLOY, make_secrets


def test_a_key_that_exists_is_never_made_again(tmp_path: Path) -> None:
    make_secrets(tmp_path, "first\n")
    folder = tmp_path / "secrets"
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    said = make_secrets(tmp_path, "second\n")
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    assert "made" not in said
    assert folder.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o444}


@pytest.mark.parametrize("password", ["", "\n"], ids=["none", "an empty line"])
def test_no_secret_is_made_of_nothing(tmp_path: Path, password: str) -> None:
    with pytest.raises(subprocess.CalledProcessError) as failed:
        make_secrets(tmp_path, password)
    assert "nothing to write" in failed.value.stderr
    assert not (tmp_path / "secrets" / "smpp.key").exists()
    make_secrets(tmp_path, "late\n")
    assert (tmp_path / "secrets" / "smpp.key").read_text() == "late\n"


def test_no_key_is_made_without_openssl(tmp_path: Path) -> None:
    """An empty key would never be replaced."""
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in ("sh", "cat", "chmod", "grep", "mkdir", "mv", "rm"):
        (programs / name).symlink_to(shutil.which(name) or name)
    done = subprocess.run(
        ["sh", str(DEPLOY / "make-secrets.sh")],
        cwd=tmp_path,
        env={"PATH": str(programs)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1, done.stderr
    assert list((tmp_path / "secrets").iterdir()) == []


def test_a_run_that_was_interrupted_is_resumed(tmp_path: Path) -> None:
    (tmp_path / "secrets").mkdir()
    left = tmp_path / "secrets" / ".vault.new"
    left.touch(mode=0o444)
    make_secrets(tmp_path, "late\n")
    assert (tmp_path / "secrets" / "vault.key").stat().st_size == 45
    assert not left.exists()
