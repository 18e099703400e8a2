import shutil
import socket
import stat
from pathlib import Path
from types import SimpleNamespace

import pytest

from inbound.errors import SetupError
from inbound.local.servers import _process
from inbound.local.servers._folder import DataFolder


@pytest.fixture
def folder(tmp_path: Path) -> DataFolder:
    return DataFolder(tmp_path / "data", "Thing")


def test_a_folder_has_one_owner_until_it_is_released(folder: DataFolder) -> None:
    folder.claim()
    other = DataFolder(folder.path, "Thing")
    with pytest.raises(SetupError, match=r"in use by process \d+; stop it"):
        other.claim()
    folder.release()
    other.claim()
    other.release()


def test_folder_is_private(folder: DataFolder) -> None:
    folder.claim()
    assert stat.S_IMODE(folder.path.stat().st_mode) == 0o700
    assert stat.S_IMODE(folder.write("password", "x").stat().st_mode) == 0o600
    folder.release()


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(SetupError, match=r"Thing: can't use .*/file/data: .*; choose a folder"):
        DataFolder(tmp_path / "file" / "data", "Thing").claim()


def test_full_disk_is_reported_before_the_start(
    folder: DataFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=7 << 20))
    with pytest.raises(SetupError, match=r"only 7 MB are free in .*; make room"):
        folder.claim()
    monkeypatch.undo()
    folder.claim()
    folder.release()


def test_a_free_port_is_kept_for_the_next_start(folder: DataFolder) -> None:
    folder.claim()
    assert folder.port("client") == folder.port("client")
    assert folder.port("client") != folder.port("other")
    folder.release()


def test_a_port_that_was_asked_for_and_is_taken_is_an_error(folder: DataFolder) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(SetupError, match=rf"Thing: port {port} on 127\.0\.0\.1 is in use"):
            folder.port("client", port)


def test_a_kept_port_that_somebody_took_is_replaced(folder: DataFolder) -> None:
    folder.claim()
    kept = folder.port("client")
    with socket.create_server(("127.0.0.1", kept)):
        replaced = folder.port("client")
        assert replaced != kept
    assert folder.port("client") == replaced
    folder.release()


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("FATAL: could not write: No space left on device\nstopping", "the disk is full"),
        ("java.net.BindException: Address already in use", "its port is in use"),
        ("LOG: a\nFATAL: database files are incompatible\nLOG: b", "FATAL: database files are"),
        ("WARNING: of no interest\nthe end", "the end"),
        ("", "no output"),
    ],
)
def test_a_log_is_put_into_one_line(said: str, told: str, tmp_path: Path) -> None:
    log = tmp_path / "server.log"
    log.write_text(said)
    explained = _process.explain(tmp_path / "absent.log", log)
    assert explained.startswith(told)
    assert str(log) in explained
    assert "\n" not in explained
