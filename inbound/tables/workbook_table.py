"""An XLSX or ODS file as a table: finds its sheet and header."""

from collections.abc import Generator, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from typing import BinaryIO, Final

from typing_extensions import override

from inbound.tables.columns import Column, Layout, Mismatch
from inbound.tables.faults import TableError, TableFault
from inbound.tables.headers import explain, find_header, nameless_reason
from inbound.tables.model import (
    BadRow,
    Cell,
    Choices,
    Interpretation,
    Row,
    Table,
    TableRecord,
    understand,
)
from inbound.tables.workbook import Sheet, Workbook

UNIT: Final = "row"


class WorkbookTable(Table):
    """A sheet of a workbook whose columns are found."""

    separator = None

    def __init__(
        self,
        book: Workbook,
        sheet: Sheet,
        others: Sequence[Sheet],
        layout: Layout,
        *,
        keeps_others: bool,
    ) -> None:
        self._book = book
        self._sheet = sheet
        self._layout = layout
        self._last_row = 0
        kept = layout.others if keeps_others else ()
        self._others = [index for index, _ in kept]
        self.others = tuple(name for _, name in kept)
        self.sheets = tuple(one.name for one in sorted((sheet, *others), key=lambda one: one.index))
        facts = [("sheet", f"“{sheet.name}”{'' if sheet.is_visible else ' (hidden)'}")]
        if others:
            names = (f"“{s.name}”{'' if s.is_visible else ' (hidden)'}" for s in others)
            facts.append(("other sheets", f"{', '.join(names)}: not read"))
        self.understood: Interpretation = understand(book.format, tuple(facts), layout, UNIT, self)

    @override
    def rows(self) -> Generator[Row | BadRow, None, None]:
        layout = self._layout
        indices = [placed.index for placed in layout.placed]
        header_row = layout.header_row or 0
        self.skipped = 0
        picked = [*indices, *self._others]
        if layout.note is not None:
            picked.append(layout.note)
        with closing(self._book.records(self._sheet.index, picked, layout.known)) as records:
            for record, nameless in records:
                self._last_row = record.number
                if record.number <= header_row:
                    continue
                row = _row(record, len(indices), len(self._others), nameless)
                if isinstance(row, Row) and row.is_empty and not row.note:
                    self.skipped += 1
                else:
                    yield row

    @override
    def progress(self) -> tuple[int, int]:
        return self._last_row, self._book.rows_total


def open_workbook(
    file: BinaryIO, name: str, columns: Sequence[Column], choices: Choices
) -> WorkbookTable:
    """Find the sheet with the columns. Reads the whole workbook once. Raises SetupError."""
    book = Workbook(file, name)
    sheets: list[Sheet] = []
    found: list[tuple[Sheet, Layout]] = []
    nearest: tuple[Sheet, Mismatch] | None = None
    for full in book.sheets():
        sheet = replace(full, head=())  # one head at a time: a hundred may take 600 MB
        sheets.append(sheet)
        if not (sheet.is_visible if choices.sheet is None else sheet.name == choices.sheet):
            continue
        layout = find_header(full.head, columns, choices)
        if isinstance(layout, Layout):
            found.append((sheet, layout))
        elif nearest is None or layout.nearness > nearest[1].nearness:
            nearest = (sheet, layout)
    if len(found) > 1:
        names = " and ".join(f"“{sheet.name}”" for sheet, _ in found)
        raise TableError(
            TableFault.SHEET_UNCERTAIN,
            f"{name}: the sheets {names} have these columns; choose with --sheet",
            names=", ".join(sheet.name for sheet, _ in found),
            sheets=tuple(sheet.name for sheet in sheets),
        )
    if found:
        sheet, layout = found[0]
        unread = [s for s in sheets if s is not sheet]
        return WorkbookTable(book, sheet, unread, layout, keeps_others=choices.keeps_others)
    if nearest is not None:
        error = explain(f"{name}, sheet “{nearest[0].name}”", nearest[1], columns, UNIT)
        if isinstance(error, TableError):
            error.values = {**error.values, "sheets": tuple(sheet.name for sheet in sheets)}
        raise error
    if choices.sheet is None:
        raise TableError(
            TableFault.NO_SHEET, f"{name} has no visible sheet; choose with --sheet", names=""
        )
    names = ", ".join(f"“{sheet.name}”" for sheet in sheets)
    raise TableError(
        TableFault.NO_SHEET,
        f"{name} has no sheet “{choices.sheet}”; it has {names}",
        names=", ".join(sheet.name for sheet in sheets),
        sheets=tuple(sheet.name for sheet in sheets),
    )


def _row(
    record: TableRecord, wanted: int, others: int, nameless: Mapping[int, Cell]
) -> Row | BadRow:
    cells, kept = tuple(record.cells[:wanted]), tuple(record.cells[wanted : wanted + others])
    rest = record.cells[wanted + others :]
    note = rest[0].text if rest else ""
    if not nameless:
        return Row(record.number, cells, note, kept)
    fields = tuple(cell.text for cell in (*cells, *kept, *nameless.values()))
    reason = nameless_reason(list(nameless))
    number = record.number
    return BadRow(number, number, reason, " | ".join(fields), fields, note, tuple(nameless))
