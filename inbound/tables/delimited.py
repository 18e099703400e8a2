"""Records of a CSV file (RFC 4180) with a given encoding and separator.

A quoted field may contain separators, quotes and line ends. A record with wrong quoting is a
`BadRow` that covers all lines it took; reading goes on with the next line. Memory is bounded by
`RECORD_CHARS_MAX`, whatever the file contains.
"""

import contextlib
import csv
import os
import re
from collections.abc import Generator
from typing import BinaryIO, Final, Self

from inbound.errors import SetupError
from inbound.tables.encodings import Encoding
from inbound.tables.faults import TableError, TableFault
from inbound.tables.model import EMPTY, BadRow, Cell, CellKind, TableRecord

RECORD_CHARS_MAX: Final = 1 << 16
SEPARATOR_NAMES: Final = {",": "comma", ";": "semicolon", "\t": "tab", "|": "vertical bar"}
# Excel writes and obeys this first line.
_ANNOUNCED: Final = re.compile(r'\ufeff?"?sep=(.)"?[\r\n]*')
_SPLIT: Final = re.compile(r'[,;|\t\r\n"]+')


class _TooLongError(Exception):
    """A record has more than `RECORD_CHARS_MAX` characters."""


class DelimitedFile:
    """The records of an open file."""

    def __init__(self, file: BinaryIO, name: str, encoding: Encoding, separator: str) -> None:
        """Reads nothing yet. `name` is used in errors."""
        self._file = file
        self._name = name
        self._encoding = encoding
        self._separator = separator

    @property
    def bytes_read(self) -> int:
        """Bytes of the file read so far."""
        return os.lseek(self._file.fileno(), 0, os.SEEK_CUR)

    def records(self) -> Generator[TableRecord | BadRow, None, None]:
        """Yield each record from the start of the file.

        Raises SetupError for a line that is longer than any record of a table.
        """
        with contextlib.closing(_Lines(self._file, self._name, self._encoding.codec)) as lines:
            yield from self._records(lines)

    def _records(self, lines: "_Lines") -> Generator[TableRecord | BadRow, None, None]:
        # `_Lines` has the limits, because `csv.field_size_limit` is one for the whole process.
        reader = csv.reader(lines, delimiter=self._separator, strict=True)
        while True:
            first = lines.number + 1
            lines.record.clear()
            try:
                fields = next(reader, None)
            except (csv.Error, _TooLongError):
                yield _bad(first, lines)
                continue
            if fields is None:
                return
            if first > 1 or not _ANNOUNCED.fullmatch(lines.record[0]):
                yield TableRecord(first, [self._cell(field) for field in fields])

    def _cell(self, field: str) -> Cell:
        if not field:
            return EMPTY
        if self._encoding.is_certain(field):
            return Cell(CellKind.PRINTED, field)
        return Cell(CellKind.GUESSED, field)


def announced_separator(file: BinaryIO, encoding: Encoding) -> str | None:
    """Return the separator that the first line announces (`sep=;`), if it does."""
    with contextlib.closing(_Lines(file, "", encoding.codec)) as lines:
        try:
            match = _ANNOUNCED.fullmatch(next(lines, ""))
        except SetupError:
            return None
    return match[1] if match else None


class _Lines:
    """The lines of a file with their number, and those of the current record.

    An iterator and no generator, so that it survives the exceptions that it raises.
    """

    def __init__(self, file: BinaryIO, name: str, codec: str) -> None:
        file.seek(0)
        # newline="" leaves the line ends inside quoted fields as they are.
        self._text = open(os.dup(file.fileno()), encoding=codec, newline="")  # noqa: PTH123, SIM115
        self._name = name
        self.number = 0
        self.record: list[str] = []
        self._record_chars = 0

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> str:
        if not self.record:
            self._record_chars = 0
        line = self._text.readline(RECORD_CHARS_MAX)
        if not line:
            raise StopIteration
        self.number += 1
        if len(line) == RECORD_CHARS_MAX and not line.endswith(("\n", "\r")):
            raise TableError(
                TableFault.LONG_LINE,
                f"{self._name}: line {self.number} is longer than {RECORD_CHARS_MAX} characters: "
                "is this a table?",
                line=self.number,
            )
        self.record.append(line)
        self._record_chars += len(line)
        if self._record_chars > RECORD_CHARS_MAX:
            raise _TooLongError
        return line

    def close(self) -> None:
        """Close the text, not the file."""
        self._text.close()


def _bad(first: int, lines: _Lines) -> BadRow:
    reason = "the quotes don't match"
    if lines.number > first:
        reason += f", so that it takes the lines up to {lines.number}"
    held = "".join(lines.record).rstrip("\r\n")
    return BadRow(first, lines.number, reason, held, tuple(_SPLIT.split(held)))
