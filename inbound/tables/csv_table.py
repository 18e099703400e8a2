"""A CSV file as a table: finds its encoding, separator and header."""

from collections.abc import Generator, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import islice
from typing import BinaryIO, Final

from typing_extensions import override

from inbound.tables.columns import Column, Layout, Mismatch
from inbound.tables.delimited import SEPARATOR_NAMES, DelimitedFile, announced_separator
from inbound.tables.encodings import Encoding, find_encodings, find_undecodable, named_encoding
from inbound.tables.faults import TableError, TableFault
from inbound.tables.headers import RowPicker, explain, find_header, is_by_place_only
from inbound.tables.model import (
    BadRow,
    Choices,
    Interpretation,
    Row,
    Table,
    TableRecord,
    understand,
)

UNIT: Final = "line"
_SAMPLE_RECORDS: Final = 200


@dataclass(frozen=True, slots=True)
class _Reading:
    """One way to read the file, with what it finds."""

    encoding: Encoding
    separator: str
    layout: Layout


class CsvTable(Table):
    """A CSV file whose columns are found."""

    def __init__(
        self, file: BinaryIO, name: str, reading: _Reading, size: int, *, keeps_others: bool
    ) -> None:
        self._records = DelimitedFile(file, name, reading.encoding, reading.separator)
        self._layout = reading.layout
        self._size = size
        self._keeps_others = keeps_others
        self.others = tuple(name for _, name in reading.layout.others) if keeps_others else ()
        encoding = reading.encoding
        facts = (
            ("encoding", f"{encoding.name} ({encoding.how})"),
            ("separator", separator_name(reading.separator)),
        )
        self.separator = reading.separator
        self.understood: Interpretation = understand("CSV", facts, reading.layout, UNIT, self)

    @override
    def rows(self) -> Generator[Row | BadRow, None, None]:
        picker = RowPicker(self._layout, keeps_others=self._keeps_others)
        header_row = self._layout.header_row or 0
        self.skipped = 0
        with closing(self._records.records()) as records:
            for record in records:
                if record.number <= header_row:
                    continue
                row = picker.pick(record) if isinstance(record, TableRecord) else record
                if isinstance(row, BadRow) or not row.is_empty or row.note:
                    yield row
                elif isinstance(record, TableRecord) and not record.is_empty:
                    self.skipped += 1

    @override
    def progress(self) -> tuple[int, int]:
        return self._records.bytes_read, self._size


def open_csv(
    file: BinaryIO, name: str, size: int, columns: Sequence[Column], choices: Choices
) -> CsvTable:
    """Find out how to read a CSV file. Reads it once or twice. Raises SetupError."""
    encodings = _encodings(file, choices)
    readings: list[_Reading] = []
    nearest: Mismatch | None = None
    for encoding in encodings:
        for separator in _separators(file, encoding, choices):
            found = _header(file, name, encoding, separator, columns, choices)
            if isinstance(found, Layout):
                readings.append(_Reading(encoding, separator, found))
            elif nearest is None or found.nearness > nearest.nearness:
                nearest = found
    if not readings:
        assert nearest is not None  # noqa: S101  there is always a separator to try
        _check_decodable(file, name, encodings[0])
        raise explain(name, nearest, columns, UNIT)
    reading = _choose(name, readings, by_place=is_by_place_only(columns, choices))
    _check_decodable(file, name, reading.encoding)
    return CsvTable(file, name, reading, size, keeps_others=choices.keeps_others)


def separator_name(separator: str) -> str:
    """Return the word for a separator."""
    return SEPARATOR_NAMES.get(separator, f"“{separator}”")


def _encodings(file: BinaryIO, choices: Choices) -> tuple[Encoding, ...]:
    if choices.encoding is not None:
        return (named_encoding(choices.encoding),)
    return find_encodings(file)


def _separators(file: BinaryIO, encoding: Encoding, choices: Choices) -> tuple[str, ...]:
    if choices.separator is not None:
        return (choices.separator,)
    try:
        announced = announced_separator(file, encoding)
    except UnicodeError:
        announced = None
    return (announced,) if announced else tuple(SEPARATOR_NAMES)


def _header(
    file: BinaryIO,
    name: str,
    encoding: Encoding,
    separator: str,
    columns: Sequence[Column],
    choices: Choices,
) -> Layout | Mismatch:
    records = DelimitedFile(file, name, encoding, separator).records()
    with closing(records):
        try:
            return find_header(islice(records, _SAMPLE_RECORDS), columns, choices)
        except UnicodeError:
            return Mismatch(-1, (), (), ())


def _choose(name: str, readings: Sequence[_Reading], *, by_place: bool) -> _Reading:
    """Return the reading with the most likely encoding; a person chooses between separators."""
    first = readings[0]
    same = [reading for reading in readings if reading.encoding == first.encoding]
    if by_place:
        widest = max(reading.layout.width_max for reading in same)
        same = [reading for reading in same if reading.layout.width_max == widest]
    if all(reading.layout.width_max == 1 for reading in same):
        return same[0]  # a single column has no separator
    if len(same) > 1:
        names = " or ".join(separator_name(reading.separator) for reading in same)
        raise TableError(
            TableFault.SEPARATOR_UNCERTAIN,
            f"{name}: the separator may be {names}; choose with --separator",
        )
    chosen = same[0]
    if by_place or all(placed.header.isascii() for placed in chosen.layout.placed):
        return chosen
    # The names of the columns are known words that a wrong code page does not give.
    certain = chosen.encoding.named({reading.encoding.codec for reading in readings})
    return _Reading(certain, chosen.separator, chosen.layout)


def _check_decodable(file: BinaryIO, name: str, encoding: Encoding) -> None:
    bad = find_undecodable(file, encoding.codec)
    if bad is None:
        return
    raise TableError(
        TableFault.UNDECODABLE,
        f"{name}: line {bad.line} has a byte 0x{bad.byte:02X}, which is not {encoding.name}: save "
        "the file as “CSV UTF-8”, or name its encoding with --encoding",
        line=bad.line,
        encoding=encoding.name,
    )
