"""Cells of CSV files that a spreadsheet would run as a formula.

Files that the service writes mark such a text with an apostrophe, which is removed only when such a
file is read, so that a value reloads as it was. A phone number with its plus is left as it is.
"""

import re
from dataclasses import replace
from typing import Final

from inbound.tables.model import Cell, CellKind

_MARK: Final = "'"
# The wide signs begin a formula in East Asian spreadsheets; a tab or return is skipped by some.
_RISKY: Final = re.compile("['=+\\-@\\t\\r\N{MINUS SIGN}＝＋－＠]")
_PHONE: Final = re.compile(r"\+[0-9][0-9 ()\-]*")


def marked(text: str) -> str:
    """Return a text as it is written: with an apostrophe if a spreadsheet could run it."""
    is_risky = _RISKY.match(text) is not None and _PHONE.fullmatch(text) is None
    return _MARK + text if is_risky else text


def unmarked(cell: Cell) -> Cell:
    """Return a cell of such a file as it was. A marked one is certain: it is text."""
    text = cell.text.removeprefix(_MARK)
    if cell.kind not in {CellKind.PRINTED, CellKind.GUESSED} or text == cell.text:
        return cell
    kind = CellKind.TEXT if cell.kind is CellKind.PRINTED else cell.kind
    return replace(cell, kind=kind, text=text) if _RISKY.match(text) else cell
