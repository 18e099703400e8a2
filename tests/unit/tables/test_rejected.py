"""The file of rejected rows is private, replaces nothing and can be read again."""

import stat
from pathlib import Path

import pytest

from inbound.errors import SetupError
from inbound.tables.rejected import RejectedFile
from tests.unit.tables.worlds import read

NAMES = ("msisdn", "code")
ROW = (7, "code", "code: is empty", ("+79161234567", "0123"))


@pytest.mark.parametrize(
    ("source", "separator", "written"),
    [
        ("clients.csv", ";", "clients.rejected.csv"),
        ("clients.txt", "\t", "clients.rejected.txt"),
        ("clients.xlsx", None, "clients.rejected.xlsx"),
        ("clients.ods", None, "clients.rejected.xlsx"),
        ("clients.xlsm", None, "clients.rejected.xlsx"),
        ("clients", None, "clients.rejected.xlsx"),
        ("clients.rejected.csv", ";", "clients.rejected.csv"),
        ("clients.rejected-2.xlsx", None, "clients.rejected.xlsx"),
    ],
)
def test_file_beside_the_table_is_private_and_readable(
    tmp_path: Path, source: str, separator: str | None, written: str
) -> None:
    file = RejectedFile(tmp_path / source, None, NAMES, separator)
    file.add(*ROW)
    path = file.close()
    assert path == tmp_path / written
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert read(path) == [(2, "+79161234567", "0123")]
    assert [p.name for p in tmp_path.iterdir()] == [written]


def test_other_files_are_never_replaced(tmp_path: Path) -> None:
    for expected in ("clients.rejected.csv", "clients.rejected-2.csv", "clients.rejected-3.csv"):
        file = RejectedFile(tmp_path / "clients.csv", None, NAMES, ",")
        file.add(*ROW)
        assert file.close() == tmp_path / expected
    file = RejectedFile(tmp_path / "clients.csv", tmp_path / "clients.rejected.csv", NAMES, ",")
    with pytest.raises(SetupError, match="it exists"):
        file.add(*ROW)
    file.discard()
    assert (tmp_path / "clients.rejected.csv").exists()


def test_no_rows_no_file(tmp_path: Path) -> None:
    file = RejectedFile(tmp_path / "clients.csv", None, NAMES, ",")
    assert file.close() is None
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("source", ["clients.csv", "clients.xlsx"])
def test_discarded_file_is_gone(tmp_path: Path, source: str) -> None:
    file = RejectedFile(tmp_path / source, None, NAMES, ",")
    file.add(*ROW)
    file.discard()
    assert list(tmp_path.iterdir()) == []
