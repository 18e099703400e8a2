"""Shows how a command read a table, with secrets masked."""

from collections.abc import Collection
from typing import Final

from rich.table import Table as Grid

from inbound.printing import printable
from inbound.tables.columns import Column, Layout, LocatedColumn, letter
from inbound.tables.masking import masked_cell
from inbound.tables.model import Cell, CellKind, Interpretation
from inbound.terminal import Terminal

_UNREAD_SHOWN: Final = 8
_CHARS_SHOWN: Final = 24
_FACT_WIDTH: Final = 18
_KINDS: Final = {
    CellKind.NUMBER: "number",
    CellKind.DATE: "date",
    CellKind.BOOLEAN: "true/false",
    CellKind.ERROR: "error",
}


def print_understood(
    console: Terminal, name: str, about: Interpretation, phones: Collection[str]
) -> None:
    """Print format, columns and first rows. `phones` are the columns of phone numbers."""
    for fact, value in (("file", f"{name}, {about.format}"), *about.facts, *_columns(about)):
        console.print(f"{fact:<{_FACT_WIDTH}}{value}", soft_wrap=True)
    console.print()
    if not about.first_rows:
        console.print("The table has no rows.")
        return
    placed = about.layout.placed
    grid = Grid(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    grid.add_column(about.unit, justify="right")
    for one in placed:
        grid.add_column(one.column.name, overflow="fold")
    for row in about.first_rows:
        pairs = zip(placed, row.cells, strict=True)
        shown = [_cell(one.column, cell, phones) for one, cell in pairs]
        grid.add_row(str(row.number), *shown)
    console.print(grid)
    console.print()


def _columns(about: Interpretation) -> list[tuple[str, str]]:
    layout = about.layout
    header = f"in {about.unit} {layout.header_row}"
    if layout.header_row is None:
        header = f"none, so the first {about.unit} is data too"
    lines = [("column names", header)]
    lines += [("  " + one.column.name, _source(one)) for one in layout.placed]
    if layout.unread:
        lines.append(("  not read", _unread(layout)))
    if about.nameless:
        letters = ", ".join(letter(index) for index in about.nameless[:_UNREAD_SHOWN])
        lines.append(
            ("  not read", f"{letters}: no name, and rows with content there are rejected")
        )
    return lines


def _source(placed: LocatedColumn) -> str:
    header = f" “{_short(placed.header)}”" if placed.header else ""
    return f"{letter(placed.index)}{header}"


def _unread(layout: Layout) -> str:
    names = [f"{letter(i)} “{_short(header)}”" for i, header in layout.unread[:_UNREAD_SHOWN]]
    more = len(layout.unread) - len(names)
    return ", ".join(names) + (f" and {more} more" if more else "")


def _cell(column: Column, cell: Cell, phones: Collection[str]) -> str:
    if cell.kind is CellKind.EMPTY:
        return "(empty)"
    text, kind = masked_cell(cell, column, phones), _KINDS.get(cell.kind)
    return f"{text} ({kind})" if kind else text


def _short(text: str) -> str:
    return printable(text.strip(), _CHARS_SHOWN)
