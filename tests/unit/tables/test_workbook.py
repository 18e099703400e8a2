"""Workbooks: kinds of cells, sheets, and files that are made to harm."""

import datetime as dt
import io
import time
import zipfile
from collections.abc import Iterable
from pathlib import Path

import pytest
import xlsxwriter

from inbound.errors import SetupError
from inbound.tables._workbook_errors import find_errors
from inbound.tables.model import CellKind, Choices, Row
from inbound.tables.reader import open_table
from tests.unit.tables.worlds import COLUMNS, facts, read, workbook

CORPUS = Path(__file__).with_name("corpus")
HEADER = ("msisdn", "code")
SHEET = (
    b'<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>',
    b"</sheetData></worksheet>",
)


def cells(path: Path) -> list[tuple[CellKind, str]]:
    """Return the codes."""
    with open_table(path, COLUMNS) as table:
        return [(r.cells[1].kind, r.cells[1].text) for r in table.rows() if isinstance(r, Row)]


def test_kinds_of_cells(tmp_path: Path) -> None:
    path = tmp_path / "table.xlsx"
    with xlsxwriter.Workbook(path) as book:
        sheet = book.add_worksheet()
        sheet.write_row(0, 0, (*HEADER, "note"))
        date = book.add_format({"num_format": "dd.mm.yyyy"})
        zeros = book.add_format({"num_format": "0000"})
        for row in range(1, 12):
            sheet.write_string(row, 0, "x")
        sheet.write_string(1, 1, "0123")
        sheet.write_number(2, 1, 123, zeros)
        sheet.write_number(3, 1, 0.5)
        sheet.write_number(4, 1, 123456789012345)
        sheet.write_number(5, 1, 1234567890123456)
        sheet.write_datetime(6, 1, dt.datetime(2024, 2, 1), date)  # noqa: DTZ001  has no zone
        sheet.write_boolean(7, 1, True)
        sheet.write_formula(8, 1, "=1+1", None, 2)
        sheet.write_formula(9, 1, '="a"&"b"', None, "ab")
        sheet.write_formula(10, 1, "=NA()", None, "#N/A")
        sheet.merge_range(10, 2, 11, 2, "merged")
    assert cells(path) == [
        (CellKind.TEXT, "0123"),
        (CellKind.NUMBER, "123"),
        (CellKind.NUMBER, "0.5"),
        (CellKind.NUMBER, "123456789012345"),
        (CellKind.NUMBER, "1234567890123456.0"),
        (CellKind.DATE, "2024-02-01"),
        (CellKind.BOOLEAN, "TRUE"),
        (CellKind.NUMBER, "2"),
        (CellKind.TEXT, "ab"),
        (CellKind.ERROR, "#N/A"),
        (CellKind.EMPTY, ""),
    ]


ERRORS = {(3, 1): "#N/A", (5, 0): "#REF!", (6, 1): "#DIV/0!"}
"""By row, from 1, and column."""


def with_errors(folder: Path, kind: str) -> Path:
    """Write a workbook whose first sheet has errors that the second one, which is read, has not."""
    path = folder / "table.xlsx"
    with xlsxwriter.Workbook(path) as book:
        book.add_worksheet("Old").write_formula(1, 1, "=NA()", None, "#N/A")
        sheet = book.add_worksheet("New")
        sheet.write_row(0, 0, HEADER)
        for row in (2, 3, 4, 6):
            sheet.write_row(row - 1, 0, (f"number {row}", f"code {row}"))
        for (row, column), code in ERRORS.items():
            sheet.write_formula(row - 1, column, "=NA()", None, code)
        book.add_worksheet("Newer").write_formula(3, 1, "=NA()", None, "#N/A")
    return path if kind == "XLSX" else as_ods(path)


def as_ods(path: Path) -> Path:
    """Write the sheets of `with_errors` as LibreOffice does, a repeated row among them."""
    word = '<table:table-cell office:value-type="string"><text:p>{}</text:p></table:table-cell>'
    error = (
        '<table:table-cell table:formula="of:=NA()" office:value-type="string" '
        'office:string-value="" calcext:value-type="error"><text:p>{}</text:p></table:table-cell>'
    )
    row = "<table:table-row>{}</table:table-row>"
    lines = [word.format("msisdn") + word.format("code")]
    for n in range(2, 7):
        cells = [
            error.format(ERRORS[n, column])
            if (n, column) in ERRORS
            else word.format(f"{name} {n}")
            if n != 5
            else "<table:table-cell/>"
            for column, name in enumerate(("number", "code"))
        ]
        lines.append("".join(cells))
    of_others = row.format(word.format("x") + error.format("#N/A"))
    sheets = (("Old", of_others), ("New", "".join(map(row.format, lines))), ("Newer", of_others))
    tables = "".join(f'<table:table table:name="{n}">{t}</table:table>' for n, t in sheets)
    ods = path.with_suffix(".ods")
    with (
        zipfile.ZipFile(CORPUS / "libreoffice.ods") as source,
        zipfile.ZipFile(ods, "w", zipfile.ZIP_DEFLATED) as target,
    ):
        for name in source.namelist():
            xml = source.read(name).decode() if name == "content.xml" else ""
            if xml:
                start, end = xml.index("<table:table "), xml.rindex("</table:table>")
                xml = xml[:start] + tables + xml[end + len("</table:table>") :]
            target.writestr(name, xml or source.read(name))
    return ods


@pytest.mark.parametrize("kind", ["XLSX", "ODS"])
def test_errors_of_formulas_are_no_empty_cells(tmp_path: Path, kind: str) -> None:
    with open_table(with_errors(tmp_path, kind), COLUMNS, Choices(sheet="New")) as table:
        found = {
            (row.number, column): cell.text
            for row in table.rows()
            if isinstance(row, Row)
            for column, cell in enumerate(row.cells)
            if cell.kind is CellKind.ERROR
        }
    assert found == ERRORS


def test_repeated_cells_and_rows_of_an_ods_file_have_its_error_too(tmp_path: Path) -> None:
    path = with_errors(tmp_path, "ODS")
    with zipfile.ZipFile(path) as source:
        archive = {name: source.read(name) for name in source.namelist()}
    third = archive["content.xml"].index(b"number 3")
    head, tail = archive["content.xml"][:third], archive["content.xml"][third:]
    at = head.rindex(b"<table:table-row>")
    archive["content.xml"] = (
        head[:at]
        + b'<table:table-row table:number-rows-repeated="3">'
        + head[at + len(b"<table:table-row>") :]
        + tail
    )
    with zipfile.ZipFile(path, "w") as target:
        for name, content in archive.items():
            target.writestr(name, content)
    with open_table(path, COLUMNS, Choices(sheet="New")) as table:
        rows = [row for row in table.rows() if isinstance(row, Row)]
    errors = [row.number for row in rows for cell in row.cells if cell.kind is CellKind.ERROR]
    assert errors == [3, 4, 5, 7, 8]


@pytest.mark.parametrize("content", [b"<!DOCTYPE value-type='error'", b"<a>value-type='error'</b>"])
def test_errors_of_a_damaged_sheet_are_not_known(tmp_path: Path, content: bytes) -> None:
    path = workbook(tmp_path, [HEADER, ("1", "2")])
    limits = {"rows_max": 9, "columns_max": 9}
    assert find_errors(io.BytesIO(path.read_bytes()), "XLSX", 7, **limits) == {}
    assert find_errors(io.BytesIO(content), "ODS", 0, **limits) == {}
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("content.xml", content)
    assert find_errors(io.BytesIO(path.read_bytes()), "ODS", 0, **limits) == {}


def test_table_that_begins_in_another_corner(tmp_path: Path) -> None:
    rows = [("",), ("", "", *HEADER), ("",), ("", "", "1", "2")]
    assert read(workbook(tmp_path, rows)) == [(4, "1", "2")]


def test_columns_by_place_need_no_names(tmp_path: Path) -> None:
    path = workbook(tmp_path, [("1", "2"), ("3", "4")])
    mapping = (("msisdn", "#B"), ("code", "#A"))
    assert read(path, mapping=mapping) == [(1, "2", "1"), (2, "4", "3")]


def test_content_in_a_column_without_a_name_rejects_the_row(tmp_path: Path) -> None:
    path = workbook(tmp_path, [(*HEADER, "", "x"), ("1", "pe", "tr"), ("2", "a", "", "b", 5)])
    reason = "has content in column {} without a name, so a value may be cut in two"
    assert read(path) == [(2, reason.format("C")), (3, reason.format("E"))]


def test_reason_of_a_rejected_row_stays_with_it(tmp_path: Path) -> None:
    names = ("row", "field", "reason", *HEADER)
    path = workbook(tmp_path, [names, ("7", "code", "was 0123"), ("8", "code", "was 1", "1", "2")])
    with open_table(path, COLUMNS) as table:
        rows = [row for row in table.rows() if isinstance(row, Row)]
    assert [(row.note, row.is_empty) for row in rows] == [("was 0123", True), ("was 1", False)]


def test_visible_sheet_with_the_columns_is_read(tmp_path: Path) -> None:
    other, table = [("a", "b")], [HEADER, ("1", "2")]
    path = workbook(tmp_path, other, [HEADER, ("3", "4")], table, hidden=[1])
    assert read(path) == [(2, "1", "2")]
    assert facts(path)["other sheets"] == "“Sheet1”, “Sheet2” (hidden): not read"
    assert read(path, sheet="Sheet2") == [(2, "3", "4")]


def test_two_sheets_with_the_columns_are_a_persons_choice(tmp_path: Path) -> None:
    path = workbook(tmp_path, [HEADER, ("1", "2")], [HEADER, ("3", "4")])
    with pytest.raises(SetupError, match="“Sheet1” and “Sheet2” have these columns"):
        read(path)
    assert read(path, sheet="Sheet2") == [(2, "3", "4")]
    with pytest.raises(SetupError, match="no sheet “Sheet3”; it has “Sheet1”, “Sheet2”"):
        read(path, sheet="Sheet3")


def test_archive_that_is_no_workbook_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "table.xlsx"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("word/document.xml", "CANARY")
    with pytest.raises(SetupError, match="neither an XLSX nor an ODS workbook"):
        read(path)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.99])
@pytest.mark.parametrize("name", ["excel.xlsx", "libreoffice.ods"])
def test_cut_workbook_is_an_error(tmp_path: Path, name: str, share: float) -> None:
    content = (CORPUS / name).read_bytes()
    path = tmp_path / name
    path.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(SetupError, match="is a damaged workbook"):
        read(path)


def hostile_xlsx(folder: Path, rows: Iterable[bytes]) -> Path:
    """Write a workbook whose sheet has these rows of XML."""
    path = folder / "hostile.xlsx"
    with zipfile.ZipFile(CORPUS / "libreoffice.xlsx") as source:
        parts = {name: source.read(name) for name in source.namelist()}
    (sheet,) = (name for name in parts if name.startswith("xl/worksheets/sheet"))
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as target:
        for name, content in parts.items():
            if name != sheet:
                target.writestr(name, content)
        with target.open(sheet, "w", force_zip64=True) as file:
            file.write(SHEET[0])
            for row in rows:
                file.write(row)
            file.write(SHEET[1])
    return path


def far_corner() -> Iterable[bytes]:
    """Two cells that span 17 thousand million."""
    yield b'<row r="1"><c r="A1"><v>1</v></c></row>'
    yield b'<row r="1048576"><c r="XFD1048576"><v>1</v></c></row>'


def endless_cell() -> Iterable[bytes]:
    """One cell of 2 GiB, from a file of 10 MB."""
    yield b'<row r="1"><c r="A1" t="inlineStr"><is><t>'
    for _ in range(2048):
        yield b"x" * (1 << 20)
    yield b"</t></is></c></row>"


@pytest.mark.drill
@pytest.mark.parametrize("rows", [far_corner, endless_cell], ids=lambda rows: rows.__name__)
def test_workbook_that_unpacks_to_more_than_memory_is_an_error(
    tmp_path: Path, rows: object
) -> None:
    assert callable(rows)
    with pytest.raises(SetupError, match="takes more than 1 GiB of memory"):
        read(hostile_xlsx(tmp_path, rows()))


@pytest.mark.parametrize("content", [b"", b' office:value-type="string"><text:p>x</text:p>'])
def test_repeated_rows_of_an_ods_file_end_soon(tmp_path: Path, content: bytes) -> None:
    """Rows without end in a file of 1 KB, between rows that have content."""
    path = tmp_path / "hostile.ods"
    cell = b"<table:table-cell" + (content + b"</table:table-cell>" if content else b"/>")
    row = b'<table:table-row table:number-rows-repeated="%d">' + cell + b"</table:table-row>"
    last = (
        b'<table:table-row><table:table-cell office:value-type="string"><text:p>x</text:p>'
        b"</table:table-cell></table:table-row>"
    )
    with (
        zipfile.ZipFile(CORPUS / "libreoffice.ods") as source,
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as target,
    ):
        for name in source.namelist():
            xml = source.read(name)
            if name == "content.xml":
                at = xml.index(b"</table:table>")
                xml = xml[:at] + row % 900_000_000 + last + xml[at:]
            target.writestr(name, xml)
    began = time.process_time()
    with pytest.raises(SetupError, match=r"more than 1000000 rows"):
        read(path)
    assert time.process_time() - began < 60


def test_repeated_cells_of_an_ods_file_are_no_harm(tmp_path: Path) -> None:
    path = tmp_path / "hostile.ods"
    repeated = (
        b'<table:table-row table:number-rows-repeated="1048576"><table:table-cell '
        b'office:value-type="string" table:number-columns-repeated="16384"><text:p>x</text:p>'
        b"</table:table-cell></table:table-row>"
    )
    with (
        zipfile.ZipFile(CORPUS / "libreoffice.ods") as source,
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as target,
    ):
        for name in source.namelist():
            content = source.read(name)
            if name == "content.xml":
                at = content.index(b"<table:table-row")
                content = content[:at] + repeated + content[at:]
            target.writestr(name, content)
    with pytest.raises(SetupError, match=r"damaged workbook|GiB of memory"):
        read(path)


def test_reading_stops_with_the_block(tmp_path: Path) -> None:
    path = workbook(tmp_path, [HEADER, *((str(n), "x") for n in range(5000))])
    with open_table(path, COLUMNS, Choices()) as table:
        rows = table.rows()
        assert next(rows).number == 2
        rows.close()
        assert sum(1 for _ in table.rows()) == 5000
