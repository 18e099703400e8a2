"""Masks cells of a table for people to check before it is loaded: recognisable, and no secret.

A number or a password may be in any column by mistake, so every cell is masked.
"""

from collections.abc import Collection
from typing import Final

from inbound.parsers.numbers import mask
from inbound.tables.columns import Column
from inbound.tables.model import Cell, CellKind

MASKED: Final = "***"
_SHOWN_FROM: Final = 6


def masked_cell(cell: Cell, column: Column | None, phones: Collection[str]) -> str:
    """Return a cell of a column, None for one that was not asked for; "" for an empty one.

    `phones` are the columns of phone numbers.
    """
    if cell.kind is CellKind.EMPTY:
        return ""
    if column is not None and column.is_secret:
        return MASKED
    masked = mask(cell.text)
    if (column is not None and column.name in phones) or masked != MASKED:
        return masked  # a number in the wrong column is masked too
    return _hidden(cell.text.strip())


def _hidden(text: str) -> str:
    """Return the first and last character: a password may be in any column by mistake."""
    if len(text) < _SHOWN_FROM:
        return MASKED
    return f"{text[0]}{MASKED}{text[-1]}"
