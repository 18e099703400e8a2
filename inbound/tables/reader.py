"""Opens a table in any format that spreadsheets save."""

import os
from codecs import BOM_UTF8
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Final

from inbound.errors import SetupError
from inbound.tables.columns import Column
from inbound.tables.csv_table import open_csv
from inbound.tables.faults import TableError, TableFault
from inbound.tables.model import Choices, Table
from inbound.tables.workbook_table import open_workbook

_ZIP: Final = b"PK\x03\x04"
_SAVE_AS: Final = "open it in a spreadsheet and save it as XLSX"
_OTHERS: Final = (
    (
        b"\xd0\xcf\x11\xe0",
        TableFault.OLD_WORKBOOK,
        f"an old Excel workbook (.xls) or protected by a password: {_SAVE_AS}",
    ),
    (b"%PDF", TableFault.PDF, "a PDF document: export the table itself"),
    *(
        (magic, TableFault.IMAGE, "a picture, not a table")
        for magic in (b"\x89PNG", b"\xff\xd8\xff", b"GIF8")
    ),
    (b"\x1f\x8b", TableFault.COMPRESSED, "compressed: unpack it first"),
    (b"7z\xbc\xaf", TableFault.COMPRESSED, "compressed: unpack it first"),
    (b"Rar!", TableFault.COMPRESSED, "compressed: unpack it first"),
)
_MARKUP: Final = (b"<!doctype", b"<html", b"<table", b"<?xml", b"<meta", b"{\\rtf")
_WORKBOOKS: Final = (".xlsx", ".xlsm", ".ods")
_HEAD: Final = 1024


@contextmanager
def open_table(
    path: Path,
    columns: Sequence[Column],
    choices: Choices | None = None,
    name: str | None = None,
) -> Iterator[Table]:
    """Open a file and find `columns` in it; they are found before the block begins.

    Blocks while it reads the file once or twice. Raises SetupError for a file that is no table,
    that can be understood in two ways, or that lacks a column. Its text has no cell of a row, and
    calls the file `name`, by default that of its path.
    """
    choices = choices or Choices()
    if not path.is_file():
        raise SetupError(f"{path} does not exist or is not a file")
    try:
        # Unbuffered, because its position is shared: with duplicates and with a child process.
        file = path.open("rb", buffering=0)
    except OSError as error:
        reason = error.strerror
    else:
        with file:
            yield _open(file, name or path.name, columns, choices)
        return
    raise SetupError(f"can't read {path}: {reason}")


def _open(file: BinaryIO, name: str, columns: Sequence[Column], choices: Choices) -> Table:
    head = file.read(_HEAD)
    if head.startswith(_ZIP):
        return open_workbook(file, name, columns, choices)
    for magic, fault, what in _OTHERS:
        if head.startswith(magic):
            raise TableError(fault, f"{name} is {what}")
    if name.lower().endswith(_WORKBOOKS):
        raise TableError(
            TableFault.DAMAGED,
            f"{name} is no workbook, or a damaged one: {_SAVE_AS}; if it is a text file, let its "
            "name end with .csv",
        )
    if head.removeprefix(BOM_UTF8).lstrip().lower().startswith(_MARKUP):
        raise TableError(
            TableFault.MARKUP, f"{name} is a web page or other markup with a table: {_SAVE_AS}"
        )
    size = os.fstat(file.fileno()).st_size
    return open_csv(file, name, size, columns, choices)
