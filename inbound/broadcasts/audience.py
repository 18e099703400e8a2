"""Checks the rows of a table with the recipients of a broadcast. Needs no database.

A row gives a recipient or, with its first fault, an exclusion. What can be printed of an
exclusion quotes nothing of the row.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

from inbound.directory.client_rows import CLIENT_COLUMNS
from inbound.tables.cells import CellError, read_msisdn, read_shown
from inbound.tables.columns import Column
from inbound.tables.model import BadRow, Row
from schemas.documented_enum import DocumentedEnum

MSISDN_COLUMN: Final = CLIENT_COLUMNS[0]


class Exclusion(DocumentedEnum):
    """Why a row of an audience gets no message."""

    ROW = "row", "the row of the table can't be read"
    NUMBER = "number", "the row has no mobile number"
    FIELDS = "fields", "a field of the text is missing or not certain"
    TOO_LONG = "too_long", "the text with these fields would need too many SMS parts"
    REPEATED = "repeated", "the number is in the audience already"
    NOT_A_CLIENT = "not_a_client", "the number is not in the client directory"
    OPTED_OUT = "opted_out", "the person has switched notifications off"


EXPLANATIONS: Final[Mapping[Exclusion, str]] = {
    Exclusion.ROW: "rows that can't be read",
    Exclusion.NUMBER: "no mobile number",
    Exclusion.FIELDS: "a field is missing or not certain",
    Exclusion.TOO_LONG: "the text would need too many SMS parts",
    Exclusion.REPEATED: "the number is in the audience already",
    Exclusion.NOT_A_CLIENT: "not in the client directory",
    Exclusion.OPTED_OUT: "has switched notifications off",
}
"""What people read about each reason; rows of the database have those of the last three."""


class Content(Protocol):
    """What a broadcast says to each recipient."""

    @property
    def fields(self) -> Sequence[str]:
        """The fields that it takes from the table."""
        ...

    @property
    def iso_dates(self) -> bool:
        """Whether date cells of a workbook have a meaning for it."""
        ...

    def fault(self, values: Mapping[str, str]) -> tuple[Exclusion, str] | None:
        """Return why these values give no text that may be sent."""
        ...


@dataclass(frozen=True, slots=True)
class GoodRow:
    """One recipient, the number in E.164 form."""

    row_no: int
    number: str = field(repr=False)
    fields: Mapping[str, str] = field(repr=False)
    cells: tuple[str, ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class ExcludedRow:
    """One row that gets no message; `number` if it could be read."""

    row_no: int
    reason: Exclusion
    detail: str
    cells: tuple[str, ...] = field(repr=False)
    number: str | None = field(repr=False, default=None)


def audience_columns(fields: Sequence[str]) -> tuple[Column, ...]:
    """Return the columns of a table that has these fields."""
    return (MSISDN_COLUMN, *(Column(name, ()) for name in fields))


def check_row(row: Row | BadRow, content: Content) -> GoodRow | ExcludedRow:
    """Check one row of a table with `audience_columns`."""
    if isinstance(row, BadRow):
        return ExcludedRow(row.number, Exclusion.ROW, row.reason, row.fields)
    cells = tuple(cell.text for cell in row.cells)
    try:
        number = read_msisdn(row.cells[0])
    except CellError as error:
        return ExcludedRow(row.number, Exclusion.NUMBER, str(error), cells)
    values: dict[str, str] = {}
    for name, cell in zip(content.fields, row.cells[1:], strict=True):
        try:
            values[name] = read_shown(cell, iso_dates=content.iso_dates)
        except CellError as error:
            detail = f"{name} {error}"
            return ExcludedRow(row.number, Exclusion.FIELDS, detail, cells, number)
        if not values[name]:
            return ExcludedRow(row.number, Exclusion.FIELDS, f"{name} is empty", cells, number)
    if (fault := content.fault(values)) is not None:
        return ExcludedRow(row.number, *fault, cells, number)
    return GoodRow(row.number, number, values, cells)
