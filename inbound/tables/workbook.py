"""Records of an XLSX or ODS file, read by a process with limits on memory and time.

The process (`_workbook_child.py`) unpacks the workbook with calamine. Its limits are the defence
against files that unpack to more than the machine has; sizes that a ZIP archive states are not,
because they may lie.
"""

import contextlib
import json
import math
import os
import signal
import subprocess
import sys
from collections.abc import Collection, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO, Final

from inbound.tables._workbook_child import CPU_S, MEMORY_BYTES, ROWS_MAX
from inbound.tables.faults import TableError, TableFault
from inbound.tables.model import EMPTY, Cell, CellKind, TableRecord

FILE_BYTES_MAX: Final = 1 << 28
_FAULTS: Final = {"password": TableFault.PASSWORD, "rows": TableFault.TOO_MANY_ROWS}
_EXACT_BELOW: Final = 10**15
"""Excel keeps 15 digits of a number, and a double is exact below 2**53 > 10**15."""


@dataclass(frozen=True, slots=True)
class Sheet:
    """A sheet with its first records that are not empty."""

    index: int
    name: str
    is_visible: bool
    head: tuple[TableRecord, ...]


class Workbook:
    """An open workbook file."""

    def __init__(self, file: BinaryIO, name: str) -> None:
        """Reads nothing yet. `name` is used in errors."""
        self._file = file
        self._name = name
        self.format = ""
        self.rows_total = 0

    def sheets(self) -> Generator[Sheet, None, None]:
        """Yield the sheets with their first records, each of up to 6 MB. Raises SetupError."""
        for line in self._run("heads"):
            if "format" in line:
                self.format = line["format"]
                continue
            head = tuple(map(_record, line["head"]))
            yield Sheet(line["sheet"], line["name"], line["visible"], head)

    def records(
        self, sheet: int, columns: Sequence[int], known: Collection[int]
    ) -> Generator[tuple[TableRecord, Mapping[int, Cell]], None, None]:
        """Yield the cells in `columns` of records that have any cell. Raises SetupError.

        With each record come, by index, a few cells that have content in columns which are not
        `known`.
        """
        picked = ",".join(map(str, columns)), ",".join(map(str, known))
        for line in self._run("rows", str(sheet), *picked):
            if isinstance(line, dict):
                self.rows_total = line["rows"]
            else:
                yield _record(line[:2]), {index: _cell(value) for index, value in line[2]}

    def _run(self, *arguments: str) -> Iterator[Any]:
        self._file.seek(0)
        if os.fstat(self._file.fileno()).st_size > FILE_BYTES_MAX:
            raise TableError(
                TableFault.TOO_LARGE,
                f"{self._name} is larger than {FILE_BYTES_MAX >> 20} MiB: split it, or save it as "
                "CSV",
            )
        command = [sys.executable, "-m", f"{__package__}._workbook_child", *arguments]
        with subprocess.Popen(
            command,
            stdin=self._file,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            encoding="utf-8",
        ) as process:
            try:
                yield from self._lines(process)
            finally:
                with contextlib.suppress(OSError):
                    process.kill()

    def _lines(self, process: subprocess.Popen[str]) -> Iterator[Any]:
        assert process.stdout is not None  # noqa: S101  a pipe was asked for
        for text in process.stdout:
            line = json.loads(text)
            if isinstance(line, dict) and "done" in line:
                return
            if isinstance(line, dict) and "failed" in line:
                failed = line["failed"]
                raise TableError(_FAULTS.get(failed, TableFault.DAMAGED), self._failure(failed))
            yield line
        status = process.wait()
        raise TableError(TableFault.TOO_HEAVY, f"{self._name}: {_death(status)}")

    def _failure(self, failed: str) -> str:
        if failed == "password":
            return f"{self._name} is protected by a password: save it without one"
        if failed == "rows":
            return (
                f"{self._name} has a sheet with more than {ROWS_MAX} rows, empty ones counted: "
                "save the table alone as a new workbook, or as CSV"
            )
        if failed == "format":
            return (
                f"{self._name} is an archive, but neither an XLSX nor an ODS workbook: open it in "
                "a spreadsheet and save it as XLSX"
            )
        return f"{self._name} is a damaged workbook: open it in a spreadsheet and save it again"


def _death(status: int) -> str:
    hint = "is it meant for this? Save the table alone as a new workbook, or as CSV"
    if -status in {signal.SIGXCPU, signal.SIGKILL, signal.SIGALRM}:
        return f"reading it takes more than {CPU_S} s: {hint}"
    return f"it can't be read, or takes more than {MEMORY_BYTES >> 30} GiB of memory: {hint}"


def _record(line: list[Any]) -> TableRecord:
    number, values = line
    return TableRecord(number, [_cell(value) for value in values])


def _cell(value: object) -> Cell:
    match value:
        case "":
            return EMPTY
        case str():
            return Cell(CellKind.TEXT, value)
        case bool():
            return Cell(CellKind.BOOLEAN, str(value).upper())
        case int() | float():
            return Cell(CellKind.NUMBER, _number_text(value))
        case {"date": str(text)}:
            return Cell(CellKind.DATE, text)
        case {"error": str(code)}:
            return Cell(CellKind.ERROR, code)
        case _:
            raise AssertionError("an unknown cell type")


def _number_text(value: float) -> str:
    if math.isfinite(value) and value == int(value) and abs(value) < _EXACT_BELOW:
        return str(int(value))
    # 15 digits, as a spreadsheet shows it: 0.1 + 0.2 is 0.3.
    return f"{value:.15g}" if abs(value) < _EXACT_BELOW else repr(value)
