"""Writes the corpus of tables again: python -m tests.unit.tables.make_corpus.

Needs LibreOffice (Debian: libreoffice-calc), which no test does. corpus/README.md says how each
file is made.
"""

import csv
import io
import subprocess
import tempfile
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final
from xml.sax.saxutils import escape

import xlsxwriter

CORPUS: Final = Path(__file__).with_name("corpus")
HEADER: Final = ("Телефон", "Код клиента", "Персональный код", "Логин", "Пароль", "Комментарий")
ROWS: Final = (
    ("+7 916 123-45-67", "C-1001", "0123", "ivanov", 'a;b,"c', "первая строка;\nвторая, «Ещё»"),
    (79031112233, "C-1002", "5678", "Петрова", "Пароль1", ""),
    ("8 (926) 555-44-33", "C-1003", "0000", "sidorov", "q1w2e3r4", "Договор № 7"),
)
BAD_ROW: Final = (7916123456.0, "C-1004", "1234", "kozlov", "x7", "в номере не хватает цифры")
"""What a program makes of a number that lacks a digit."""

# Numbers of LibreOffice's character sets (rtl/textenc.h).
UTF_8, UTF_16, WINDOWS_1251, KOI8_R = 76, 65535, 34, 74
LIBREOFFICE: Final = (
    ("libreoffice.xlsx", "xlsx:Calc MS Excel 2007 XML"),
    ("libreoffice.ods", "ods:calc8"),
    ("libreoffice-comma-utf8.csv", f"csv:Text - txt - csv (StarCalc):44,34,{UTF_8}"),
    (
        "libreoffice-semicolon-1251-all-quoted.csv",
        f"csv:Text - txt - csv (StarCalc):59,34,{WINDOWS_1251},1,,0,true",
    ),
    ("libreoffice-tab-utf16.csv", f"csv:Text - txt - csv (StarCalc):9,34,{UTF_16}"),
    ("libreoffice-koi8.csv", f"csv:Text - txt - csv (StarCalc):59,34,{KOI8_R}"),
)


def flat_ods(rows: Sequence[Sequence[Any]], *, sheets: str = "") -> str:
    """Return a workbook as one XML document, which LibreOffice opens."""
    lines = "".join(
        f"<table:table-row>{''.join(map(_ods_cell, row))}</table:table-row>" for row in rows
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?>'
        '<office:document xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0" '
        'xmlns:table="urn:oasis:names:tc:opendocument:xmlns:table:1.0" '
        'xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0" office:version="1.2" '
        'office:mimetype="application/vnd.oasis.opendocument.spreadsheet"><office:body>'
        f'<office:spreadsheet><table:table table:name="Клиенты">{lines}</table:table>{sheets}'
        "</office:spreadsheet></office:body></office:document>"
    )


def _ods_cell(value: object) -> str:
    if isinstance(value, float | int):
        return f'<table:table-cell office:value-type="float" office:value="{value!r}"/>'
    if value == "":
        return "<table:table-cell/>"
    lines = "".join(f"<text:p>{escape(line)}</text:p>" for line in str(value).split("\n"))
    return f'<table:table-cell office:value-type="string">{lines}</table:table-cell>'


def write_libreoffice() -> None:
    """Let LibreOffice save the rows in its formats."""
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "source.fods"
        source.write_text(flat_ods((HEADER, *ROWS, BAD_ROW)), "utf-8")
        for name, target in LIBREOFFICE:
            profile = f"-env:UserInstallation=file://{folder}/profile"
            command = ["soffice", "--headless", profile, "--convert-to", target, "--outdir", folder]
            subprocess.run([*command, str(source)], check=True, capture_output=True)
            suffix = name.rpartition(".")[2]
            (Path(folder) / f"source.{suffix}").rename(CORPUS / name)


def csv_text(separator: str, *, quoting: int = csv.QUOTE_MINIMAL, end: str = "\r\n") -> str:
    """Return the rows as CSV."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=separator, quoting=quoting, lineterminator=end)  # type: ignore[arg-type]
    writer.writerows((HEADER, *ROWS, BAD_ROW))
    return text.getvalue()


def write_csvs() -> None:
    """Write what Excel, 1C and Google Sheets save as text."""
    empty = ";;;;;\r\n" * 3
    files = {
        "excel-csv-1251.csv": (csv_text(";") + empty, "cp1251"),
        "excel-csv-utf8.csv": (csv_text(";") + empty, "utf-8-sig"),
        "excel-csv-msdos.csv": (csv_text(";").replace("«", "").replace("»", ""), "cp866"),
        "excel-csv-macintosh.csv": (csv_text(";", end="\r"), "mac_cyrillic"),
        "excel-unicode-text.txt": (csv_text("\t"), "utf-16"),
        "excel-sep-line.csv": ("sep=|\r\n" + csv_text("|"), "cp1251"),
        "google-sheets.csv": (csv_text(",").rstrip("\r\n"), "utf-8"),
        "google-sheets.tsv": (csv_text("\t").rstrip("\r\n"), "utf-8"),
        "1c-text-1251.txt": ("Список клиентов\t\t\t\t\t\r\n" + csv_text("\t"), "cp1251"),
        "1c-all-quoted.csv": (csv_text(";", quoting=csv.QUOTE_ALL), "utf-8-sig"),
        "pandas.csv": (csv_text(",", end="\n"), "utf-8"),
    }
    for name, (text, encoding) in files.items():
        (CORPUS / name).write_bytes(text.encode(encoding))


def write_workbooks() -> None:
    """Write what Excel and 1C save as workbooks."""
    with xlsxwriter.Workbook(CORPUS / "excel.xlsx") as book:
        _fill(book.add_worksheet("Лист1"), 0)
        hidden = book.add_worksheet("Старые")
        _fill(hidden, 0)
        hidden.hide()
        book.add_worksheet("Лист2").write_string(0, 0, "пусто")
    with xlsxwriter.Workbook(CORPUS / "1c.xlsx") as book:
        sheet = book.add_worksheet("TDSheet")
        sheet.merge_range(0, 0, 0, 5, "Список клиентов на 01.02.2026")
        last = _fill(sheet, 3)
        sheet.write_string(last + 1, 5, "Итого: 4")
    _write_poi()


def _fill(sheet: Any, row: int) -> int:
    for values in (HEADER, *ROWS, BAD_ROW):
        for column, value in enumerate(values):
            if value != "":
                sheet.write(row, column, value) if isinstance(value, float | int) else (
                    sheet.write_string(row, column, value)
                )
        row += 1
    return row


def _write_poi() -> None:
    """Write numbers as Java programs do: 7.9031112233E10."""
    with zipfile.ZipFile(CORPUS / "excel.xlsx") as source:
        parts = {name: source.read(name) for name in source.namelist()}
    sheet = "xl/worksheets/sheet1.xml"
    assert b"<v>79031112233</v>" in parts[sheet]
    parts[sheet] = parts[sheet].replace(b"<v>79031112233</v>", b"<v>7.9031112233E10</v>")
    parts[sheet] = parts[sheet].replace(b"<v>7916123456</v>", b"<v>7.916123456E9</v>")
    with zipfile.ZipFile(CORPUS / "java.xlsx", "w", zipfile.ZIP_DEFLATED) as target:
        for name, content in parts.items():
            target.writestr(name, content)


if __name__ == "__main__":
    CORPUS.mkdir(exist_ok=True)
    write_libreoffice()
    write_csvs()
    write_workbooks()
