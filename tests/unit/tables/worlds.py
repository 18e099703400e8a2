"""Tables made by tests: columns to look for, and files to find them in."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import xlsxwriter

from inbound.tables.columns import Column
from inbound.tables.model import BadRow, Cell, CellKind, Choices, Row
from inbound.tables.reader import open_table

COLUMNS = (
    Column("msisdn", ("телефон", "номер телефона", "mobile phone")),
    Column("code", ("персональный код",), is_secret=True),
)


def read(path: Path, columns: Sequence[Column] = COLUMNS, **choices: Any) -> list[tuple[Any, ...]]:
    """Return number and texts of each row; a row that can't be taken apart is its reason."""
    with open_table(path, columns, Choices(**choices)) as table:
        return [
            (row.number, *(cell.text for cell in row.cells))
            if isinstance(row, Row)
            else (row.number, row.reason)
            for row in table.rows()
        ]


def facts(path: Path, columns: Sequence[Column] = COLUMNS, **choices: Any) -> dict[str, str]:
    """Return what was understood."""
    with open_table(path, columns, Choices(**choices)) as table:
        return dict(table.understood.facts)


def saved(folder: Path, text: str, encoding: str = "utf-8", name: str = "table.csv") -> Path:
    """Write a CSV file."""
    path = folder / name
    path.write_bytes(text.encode(encoding))
    return path


def workbook(folder: Path, *sheets: Sequence[Sequence[Any]], hidden: Sequence[int] = ()) -> Path:
    """Write an XLSX file with the sheets Sheet1, Sheet2, ..."""
    path = folder / "table.xlsx"
    with xlsxwriter.Workbook(path, {"strings_to_numbers": False}) as book:
        for index, rows in enumerate(sheets):
            sheet = book.add_worksheet()
            for number, row in enumerate(rows):
                sheet.write_row(number, 0, row)
            if index in hidden:
                sheet.hide()
    return path


def text(value: str) -> Cell:
    """Return a text cell of a workbook."""
    return Cell(CellKind.TEXT, value)


def printed(value: str) -> Cell:
    """Return a field of a CSV file."""
    return Cell(CellKind.PRINTED, value) if value else Cell(CellKind.EMPTY)


__all__ = ["COLUMNS", "BadRow", "facts", "printed", "read", "saved", "text", "workbook"]
