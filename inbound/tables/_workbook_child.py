"""Reads a workbook from standard input and writes its rows as JSON lines.

A process of its own, because a workbook is unpacked in memory: its limits end it before the
importing process notices. `workbook.py` starts it and describes the output.
"""

import contextlib
import datetime as dt
import itertools
import json
import resource
import signal
import sys
import zipfile
from collections.abc import Iterator
from typing import Any, BinaryIO, Final

from python_calamine import (
    CalamineError,
    CalamineSheet,
    CalamineWorkbook,
    PasswordError,
    SheetTypeEnum,
    SheetVisibleEnum,
)

from inbound.tables._workbook_errors import Errors, find_errors

NONE: Final[Errors] = {}
MEMORY_BYTES: Final = 1 << 30
CPU_S: Final = 120
WALL_S: Final = 120
"""The time limit between two lines, without the time in which the reader of the output waits."""
ROWS_MAX: Final = 1_000_000
"""Excel has a few more. An ODS file of 1 KB can repeat a row 900 million times, of which calamine
returns the first million, so such a file is refused and not read in part.
"""
HEAD_ROWS: Final = 30
SHEETS_MAX: Final = 100
COLUMNS_MAX: Final = 1000
OTHERS_MAX: Final = 5
HEAD_CHARS_MAX: Final = 200
CELL_CHARS_MAX: Final = 1 << 15
"""A cell of a sheet has at most 32,767. Longer ones are cut, so that no line is huge."""
_ODS: Final = b"application/vnd.oasis.opendocument.spreadsheet"


class TooManyRowsError(Exception):
    """The sheet has more rows than any table."""


class UnknownFormatError(Exception):
    """The archive is no workbook that is read here."""


def main() -> int:
    """Run `heads` or `rows SHEET COLUMN,... KNOWN,...`; the last line says how it ended."""
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # secrets are in memory
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
        resource.setrlimit(resource.RLIMIT_CPU, (CPU_S, CPU_S + 1))
    signal.alarm(WALL_S)  # its default action ends the process, whatever calamine is doing
    command, *numbers = sys.argv[1:]
    try:
        if command == "heads":
            write({"format": recognise(sys.stdin.buffer)})
        errors: Errors = {}
        if command == "rows":
            kind, index = recognise(sys.stdin.buffer), int(numbers[0])
            errors = find_errors(
                sys.stdin.buffer, kind, index, rows_max=ROWS_MAX, columns_max=COLUMNS_MAX
            )
        with CalamineWorkbook.from_filelike(sys.stdin.buffer) as book:
            if command == "heads":
                write_heads(book)
            else:
                sheet, columns, known = ([int(n) for n in text.split(",")] for text in numbers)
                write_rows(book.get_sheet_by_index(sheet[0]), columns, set(known), errors)
    except PasswordError:
        write({"failed": "password"})
    except TooManyRowsError:
        write({"failed": "rows"})
    except UnknownFormatError:
        write({"failed": "format"})
    except (CalamineError, zipfile.BadZipFile, ValueError, OSError):
        write({"failed": "damaged"})
    else:
        write({"done": True})
    return 0


def recognise(file: BinaryIO) -> str:
    """Return what kind of workbook a file is."""
    file.seek(0)
    with zipfile.ZipFile(file) as archive:
        names = archive.namelist()
        if "xl/workbook.xml" in names:
            kind = "XLSX"
        elif "mimetype" in names and archive.open("mimetype").read(len(_ODS) + 1).strip() == _ODS:
            kind = "ODS"
        else:
            raise UnknownFormatError
    file.seek(0)
    return kind


def write_heads(book: CalamineWorkbook) -> None:
    """Write each sheet with its first rows that are not empty."""
    for index, about in enumerate(book.sheets_metadata[:SHEETS_MAX]):
        if about.typ is not SheetTypeEnum.WorkSheet:
            continue
        visible = about.visible is SheetVisibleEnum.Visible
        rows = itertools.islice(filled_rows(book.get_sheet_by_index(index)), HEAD_ROWS)
        head = [
            [number, [plain(value, HEAD_CHARS_MAX) for value in row[:COLUMNS_MAX]]]
            for number, row in rows
        ]
        write({"sheet": index, "name": about.name, "visible": visible, "head": head})


def write_rows(sheet: CalamineSheet, columns: list[int], known: set[int], errors: Errors) -> None:
    """Write each row that is not empty: the cells in `columns`, and a few that are not `known`."""
    write({"rows": sheet.total_height})
    for number, row in filled_rows(sheet, errors):
        wrong = errors.get(number, {})
        cells = [
            {"error": wrong[i]} if i in wrong else plain(row[i]) if i < len(row) else ""
            for i in columns
        ]
        others = (i for i, v in enumerate(row) if v != "" and i not in known and str(v).strip())
        write([number, cells, [[i, plain(row[i])] for i in itertools.islice(others, OTHERS_MAX)]])


def filled_rows(sheet: CalamineSheet, errors: Errors = NONE) -> Iterator[tuple[int, list[Any]]]:
    """Yield number, from 1, and values of each row that has a value or an error.

    Raises TooManyRowsError.
    """
    if sheet.total_height > ROWS_MAX:
        raise TooManyRowsError
    for number, row in enumerate(sheet.iter_rows(), 1):
        if number in errors or any(value != "" for value in row):
            yield number, row


def plain(value: object, chars_max: int = CELL_CHARS_MAX) -> object:
    """Return a value as JSON has it: text, number and truth as themselves, the rest tagged."""
    match value:
        case str():
            return value[:chars_max]
        case bool() | int() | float():
            return value
        case dt.date() | dt.time():
            return {"date": value.isoformat()}
        case _:
            return {"date": str(value)}


def write(value: object) -> None:
    """Write one line."""
    signal.alarm(0)
    sys.stdout.write(json.dumps(value) + "\n")
    signal.alarm(WALL_S)


if __name__ == "__main__":
    sys.exit(main())
