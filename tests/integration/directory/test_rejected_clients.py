"""Rows that `scserv clients import` rejects: reported, written to a file, corrected."""

import csv
import resource
from pathlib import Path

import psycopg
import pytest
import xlsxwriter

from inbound.directory.client_rows import CLIENT_COLUMNS
from inbound.errors import SetupError
from inbound.tables.model import CellKind, Row
from inbound.tables.reader import open_table
from tests.integration.directory.importing import HEADER, Importer, client, stored


@pytest.fixture
def importer(database_url: str, tmp_path: Path) -> Importer:
    return Importer(database_url, tmp_path)


def test_bad_rows_are_reported_and_the_others_loaded(
    importer: Importer, conn: psycopg.Connection
) -> None:
    assert importer(client(1), "+74951234567,C,1,a,CANARY", client(2, "x" * 65)) == 0
    assert "line 3, +7495*****67: msisdn: a landline, not a mobile number\n" in importer.printed
    assert "line 4, +7916*****02: password: is longer than 64 characters\n" in importer.printed
    assert "CANARY" not in importer.printed
    assert stored(conn) == 1


def test_rows_that_give_a_number_different_data_are_all_rejected(
    importer: Importer, conn: psycopg.Connection
) -> None:
    other = client(1, "CANARY").replace("+7916", "8 (916) ")
    assert importer(client(2), client(1), other, client(1)) == 0
    for line, with_other in ((3, 4), (4, 3), (5, 4)):
        said = f"line {line}, +7916*****01: msisdn: is in line {with_other} with other data\n"
        assert said in importer.printed
    assert "1 added, 0 updated, 0 unchanged, 3 rejected" in importer.printed
    assert "CANARY" not in importer.printed
    assert stored(conn) == 1


@pytest.mark.parametrize(
    "bad",
    [
        "+79160000001,C-9,,b,CANARY",
        "C-9,+79160000001,1,b,CANARY,x",
        '+79160000001,C-9,1,b,"CANARY"x',
    ],
)
def test_number_that_a_rejected_row_claims_is_not_imported(
    importer: Importer, conn: psycopg.Connection, bad: str
) -> None:
    assert importer(client(2), client(1), bad, client(1)) == 0
    for line in (3, 5):
        said = f"line {line}, +7916*****01: msisdn: is in line 4 too, and rejected there\n"
        assert said in importer.printed
    assert "1 added, 0 updated, 0 unchanged, 3 rejected" in importer.printed
    assert stored(conn) == 1


def test_rejected_rows_are_corrected_and_imported_again(
    importer: Importer, conn: psycopg.Connection
) -> None:
    bad = "7916000001.0,C-1,1234,ivanov,CANARY"
    changed = "+79160000012,C-2,1234,petrov,01.02.2024"
    path = importer.path.with_name("clients.rejected.csv")
    lines = (bad, changed, client(3), client(4), client(4, "x"), "a,b")
    assert importer(*lines, rejected=path) == 0
    assert str(path) in importer.printed.replace("\n", "")
    assert path.stat().st_mode & 0o777 == 0o600
    rows = list(csv.DictReader(path.read_text("utf-8-sig").splitlines()))
    assert [row["row"] for row in rows] == ["2", "3", "7", "5", "6"]
    assert rows[0]["password"] == "CANARY"
    assert rows[1]["password"] == ""
    assert "password was 01.02.2024" in rows[1]["reason"]
    assert rows[3]["reason"] == "msisdn: is in line 6 with other data"

    text = path.read_text("utf-8-sig").replace("7916000001.0", "79160000011")
    path.write_text(text, "utf-8")
    again = importer.path.with_name("again.csv")
    assert importer.load(path, rejected=again) == 0
    assert "1 added, 0 updated, 0 unchanged, 4 rejected" in importer.printed
    assert "line 3, +7916*****12: password: is empty" in importer.printed
    assert "CANARY" not in importer.printed
    again_rows = list(csv.DictReader(again.read_text("utf-8-sig").splitlines()))
    assert sorted(row["row"] for row in again_rows) == ["3", "4", "5", "6"]
    held = {row["row"]: row["reason"] for row in again_rows}
    assert "password was 01.02.2024" in held["3"]
    assert "it was: a | b" in held["4"]
    assert stored(conn) == 2


def test_failed_import_leaves_no_file_of_rejected_rows(importer: Importer) -> None:
    path = importer.path.with_name("no such folder") / "rejected.csv"
    with pytest.raises(SetupError, match="name another file with --rejected"):
        importer(client(1), "a,b", rejected=path)
    importer(client(1))
    with pytest.raises(SetupError, match="does not fit this database"):
        importer("a,b", vault_key=bytes(32))
    assert [path.name for path in importer.path.parent.iterdir()] == ["clients.csv"]


# xlsxwriter leaves its unfinished archive to the garbage collector, which can't finish it either.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("name", ["rejected.csv", "rejected.xlsx"])
def test_rejected_rows_that_cannot_be_stored_undo_the_import(importer: Importer, name: str) -> None:
    """The disk is full: nobody would know which rows are missing."""
    path = importer.path.with_name(name)
    largest = resource.getrlimit(resource.RLIMIT_FSIZE)
    importer.path.write_text("\n".join((HEADER, client(1), "a,b")), "utf-8")
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, largest[1]))
    try:
        with pytest.raises(SetupError, match=rf"can't write .*{name} for rejected rows"):
            importer.load(importer.path, rejected=path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, largest)
    assert list(importer.path.parent.iterdir()) == [importer.path], "a file with secrets stays"
    assert importer.load(importer.path) == 0
    assert "1 added, 0 updated, 0 unchanged, 1 rejected" in importer.printed


def test_workbook_is_imported_and_its_rejected_rows_are_text_cells(
    importer: Importer, conn: psycopg.Connection, tmp_path: Path
) -> None:
    path = tmp_path / "clients.xlsx"
    with xlsxwriter.Workbook(path) as book:
        sheet = book.add_worksheet()
        sheet.write_row(0, 0, ("Пароль", "Логин", "Персональный код", "Код клиента", "Телефон"))
        sheet.write_row(1, 0, ("a", "b", "0123", "C-1", 79160000001))
        sheet.write_row(2, 0, ("0777", "b", 123, "C-2", 79160000002))
    assert importer.load(path) == 0
    assert "row 3, +7916*****02: personal_code: is a number and not text" in importer.printed
    assert "--whole-numbers" not in importer.printed
    assert "Number cells of personal_code may have lost the zeros" in importer.printed
    with open_table(tmp_path / "clients.rejected.xlsx", CLIENT_COLUMNS) as table:
        (row,) = (row for row in table.rows() if isinstance(row, Row))
    assert [cell.text for cell in row.cells] == ["+79160000002", "C-2", "", "b", "0777"]
    assert {cell.kind for cell in row.cells} == {CellKind.TEXT, CellKind.EMPTY}

    assert importer.load(path, whole_numbers=("personal_code",)) == 0
    assert "1 added, 0 updated, 1 unchanged, 0 rejected" in importer.printed
    assert stored(conn) == 2


def test_many_rejected_rows_are_summed_up(importer: Importer) -> None:
    assert importer(*(f"{n},C,1,a,b" for n in range(50))) == 1
    assert importer.printed.count("line ") < 25
    assert "... and 30 more rejected rows. In all:" in importer.printed
    assert "       50  msisdn: without a leading + it takes N digits" in importer.printed


def test_file_of_nothing_but_bad_lines_fails(importer: Importer) -> None:
    assert importer("a,b", "c,d") == 1
    assert importer() == 0
