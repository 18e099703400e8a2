"""The file of rejected rows is private, replaces nothing and can be read again."""

import stat
from pathlib import Path

import pytest

from inbound.errors import SetupError
from inbound.tables.cells import read_text
from inbound.tables.model import Row
from inbound.tables.reader import open_table
from inbound.tables.rejected import RejectedFile
from tests.unit.tables.worlds import COLUMNS, read

NAMES = ("msisdn", "code")
ROW = (("7", "code", "code: is empty"), ("+79161234567", "0123"))


@pytest.mark.parametrize(
    ("source", "separator", "written"),
    [
        ("clients.csv", ";", "clients.rejected.xlsx"),
        ("clients.txt", "\t", "clients.rejected.xlsx"),
        ("clients.xlsx", None, "clients.rejected.xlsx"),
        ("clients.ods", None, "clients.rejected.xlsx"),
        ("clients.xlsm", None, "clients.rejected.xlsx"),
        ("clients", None, "clients.rejected.xlsx"),
        ("clients.rejected.csv", ";", "clients.rejected.xlsx"),
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
    for expected in ("clients.rejected.xlsx", "clients.rejected-2.xlsx"):
        file = RejectedFile(tmp_path / "clients.csv", None, NAMES, ",")
        file.add(*ROW)
        assert file.close() == tmp_path / expected
    file = RejectedFile(tmp_path / "clients.csv", tmp_path / "clients.rejected.xlsx", NAMES, ",")
    with pytest.raises(SetupError, match="it exists"):
        file.add(*ROW)
    file.discard()
    assert (tmp_path / "clients.rejected.xlsx").exists()


def test_values_that_look_like_dates_can_be_corrected(tmp_path: Path) -> None:
    file = RejectedFile(tmp_path / "clients.csv", None, NAMES, ",")
    file.add(("7", "code", "code: looks like a date"), ("+79161234567", "01.02.2024"))
    path = file.close()
    assert path is not None
    with open_table(path, COLUMNS) as table:
        (row,) = table.rows()
    assert isinstance(row, Row)
    assert read_text(row.cells[1]) == "01.02.2024"


@pytest.mark.parametrize("name", ["rejected.ods", "rejected.xls", "rejected"])
def test_name_that_is_no_format_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(SetupError, match=r"has to end with \.xlsx or \.csv"):
        RejectedFile(tmp_path / "clients.csv", tmp_path / name, NAMES, ",")


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
