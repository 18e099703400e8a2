"""Finds the header among the first records, and picks the wanted cells from the others."""

import contextlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from typing import Final

from inbound.errors import SetupError
from inbound.parsers.numbers import NumberError, parse_msisdn
from inbound.printing import printable
from inbound.similar_names import MOST_COMPARED, most_similar
from inbound.tables.columns import (
    Column,
    Layout,
    Mismatch,
    letter,
    match_header,
    place,
    place_columns,
    plain_name,
)
from inbound.tables.faults import TableError, TableFault
from inbound.tables.formulas import unmarked
from inbound.tables.model import EMPTY, BadRow, Choices, Row, TableRecord

HEADER_WITHIN: Final = 20
"""Records that are not empty: reports have their title above the table."""
# A record with fewer known names may be no header, and then its cells may be secrets.
_NAMES_CERTAIN: Final = 2
_NAMED_SHARE: Final = 3
_NUMBER_CHARS_MAX: Final = 40
_NAMES_SHOWN: Final = 12
_LETTERS_SHOWN: Final = 5
_NAME_CHARS_SHOWN: Final = 30
_EMPTY_TABLE: Final = Mismatch(-1, (), (), ())


def find_header(
    records: Iterable[TableRecord | BadRow], columns: Sequence[Column], choices: Choices
) -> Layout | Mismatch:
    """Return the layout from the first record that names all columns, or the nearest miss.

    When a person gave the place of every column, no record is a header: if there is one after
    all, it is rejected like any row that has no number, and no client is taken for a header.
    """
    mapping = dict(choices.mapping)
    filled = (r for r in records if isinstance(r, TableRecord) and not r.is_empty)
    if is_by_place_only(columns, choices):
        first = next(filled, None)
        if first is None:
            return _EMPTY_TABLE
        return place_columns([c.text for c in first.cells], columns, mapping, first.number)
    nearest = _EMPTY_TABLE
    for record in islice(filled, HEADER_WITHIN):
        names = [cell.text for cell in record.cells]
        found = match_header(names, columns, mapping, record.number)
        if isinstance(found, Layout):
            if not _has_number(names) and _has_names(columns, mapping):
                return found
            continue
        has_number = _has_number(names)
        if found.found >= _NAMES_CERTAIN and has_number:
            continue
        if found.nearness > nearest.nearness:
            is_header = not has_number and _may_be_told(found, columns)
            nearest = replace(found, is_header=is_header)
    return nearest


def _may_be_told(found: Mismatch, columns: Sequence[Column]) -> bool:
    """Whether a row without a number may be shown: it is a header, or has no secret."""
    is_audience = not any(column.is_secret for column in columns)
    return is_audience or found.found >= _NAMES_CERTAIN


def _has_number(names: Sequence[str]) -> bool:
    """Whether a cell is a phone number, so that the row is data and its cells may be secrets."""
    for name in names:
        if len(name) <= _NUMBER_CHARS_MAX and any(char.isdigit() for char in name):
            with contextlib.suppress(NumberError):
                parse_msisdn(name)
                return True
    return False


def _has_names(columns: Sequence[Column], mapping: Mapping[str, str]) -> bool:
    """Whether enough columns are found by name to call the row a header.

    One column of many whose place a person forgot is found by a login such as "user", too.
    """
    named = sum(place(mapping.get(column.name, "")) is None for column in columns)
    return named * _NAMED_SHARE >= len(columns)


def explain(name: str, mismatch: Mismatch, columns: Sequence[Column], unit: str) -> SetupError:
    """Return the error for a file without the wanted columns; it repeats names, not data."""
    wanted = ", ".join(column.name for column in columns)
    if mismatch.found < 0:
        return TableError(
            TableFault.EMPTY, f"{name} is empty; it needs the names of the columns first: {wanted}"
        )
    if mismatch.uncertain:
        return TableError(
            TableFault.COLUMN_UNCERTAIN,
            f"{name}, {unit} {mismatch.row}: {'; '.join(mismatch.uncertain)}",
            row=mismatch.row,
        )
    if not mismatch.is_header:
        lacking = mismatch.missing if mismatch.found else [column.name for column in columns]
        noun = "column" if len(lacking) == 1 else "columns"
        return TableError(
            TableFault.NO_COLUMN,
            f"{name}: none of the first {HEADER_WITHIN} {unit}s names the {noun} "
            f"{', '.join(lacking)}; "
            "if the file calls them otherwise, use --map COLUMN=NAME for each; if it has no "
            "names, --map COLUMN=#A for every one of them",
        )
    missing = " and ".join(mismatch.missing)
    return TableError(
        TableFault.NO_COLUMN,
        f"{name}, {unit} {mismatch.row}: no column for {missing}; its columns are "
        f"{_listed(mismatch.names)}; {_advice(mismatch)}",
    )


def _advice(mismatch: Mismatch) -> str:
    """Return how to name the first missing column: the most similar one, if there is one."""
    wanted = mismatch.missing[0]
    names = [plain_name(name) for name in mismatch.names[:MOST_COMPARED]]
    nearest = most_similar(plain_name(wanted), names)
    if nearest is None:
        return f"choose with --map {wanted}=NAME"
    index = names.index(nearest)
    return (
        f"if {letter(index)} “{_cut(mismatch.names[index].strip())}” is {wanted}, "
        f"use --map {wanted}=#{letter(index)}"
    )


class RowPicker:
    """Makes rows from records that have all columns of the file."""

    def __init__(self, layout: Layout, *, keeps_others: bool = False) -> None:
        self._indices = [placed.index for placed in layout.placed]
        self._others = [index for index, _ in layout.others] if keeps_others else []
        self._layout = layout

    def pick(self, record: TableRecord) -> Row | BadRow:
        """Return the wanted cells; a BadRow if the record has too few or too many."""
        count = len(record.cells)
        while count and not record.cells[count - 1].text:
            count -= 1
        layout = self._layout
        if len(record.cells) < layout.width_min or count > layout.width_max:
            if record.is_empty:
                return Row(record.number, (EMPTY,) * len(self._indices))
            fields = max(count, 1) if count > layout.width_max else len(record.cells)
            return _bad(record, f"{fields} fields, but the header has {layout.width_min}", layout)
        nameless = [
            index
            for index, cell in enumerate(record.cells)
            if index not in layout.known and cell.text.strip()
        ]
        if nameless:
            return _bad(record, nameless_reason(nameless), layout, nameless)
        kept = record.cells if not layout.own else [unmarked(cell) for cell in record.cells]
        cells = tuple(kept[i] for i in self._indices)
        others = tuple(kept[i] if i < len(kept) else EMPTY for i in self._others)
        return Row(record.number, cells, _note(record, layout), others)


def nameless_reason(indices: Sequence[int]) -> str:
    """Return why a row with content in columns without a name is rejected."""
    letters = ", ".join(letter(index) for index in indices[:_LETTERS_SHOWN])
    noun = "column" if len(indices) == 1 else "columns"
    return f"has content in {noun} {letters} without a name, so a value may be cut in two"


def _bad(record: TableRecord, reason: str, layout: Layout, nameless: Sequence[int] = ()) -> BadRow:
    own = len(layout.own)
    cells = [unmarked(cell) for cell in record.cells] if own else record.cells
    fields = tuple(cell.text for cell in cells[own:])
    return BadRow(
        record.number,
        record.number,
        reason,
        " | ".join(fields),
        fields,
        _note(record, layout),
        tuple(nameless),
        is_in_order=len(layout.known) == layout.width_max,
    )


def _note(record: TableRecord, layout: Layout) -> str:
    if layout.note is None or layout.note >= len(record.cells):
        return ""
    return record.cells[layout.note].text


def is_by_place_only(columns: Sequence[Column], choices: Choices) -> bool:
    """Whether a person gave the place of every column."""
    mapping = dict(choices.mapping)
    return all(place(mapping.get(column.name, "")) is not None for column in columns)


def _listed(names: Sequence[str]) -> str:
    filled = [(i, name.strip()) for i, name in enumerate(names) if name.strip()]
    shown = [f"{letter(i)} “{_cut(name)}”" for i, name in filled[:_NAMES_SHOWN]]
    more = len(filled) - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more else "")


def _cut(name: str) -> str:
    return printable(name, _NAME_CHARS_SHOWN)
