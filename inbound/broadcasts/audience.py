"""Checks the rows of a table with the recipients of a broadcast. Needs no database.

A row gives a recipient or, with its first fault, an exclusion, so that recipients and exclusions
add up to the rows. The printable part of an exclusion quotes nothing of the row.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

from inbound.directory.client_rows import CLIENT_COLUMNS
from inbound.tables.cells import (
    CellError,
    EmptyNumberCellError,
    NotMobileCellError,
    read_msisdn,
    read_shown,
)
from inbound.tables.columns import Column
from inbound.tables.model import BadRow, Cell, CellKind, Row
from inbound.wording import Bilingual, both
from schemas.documented_enum import DocumentedEnum

MSISDN_COLUMN: Final = CLIENT_COLUMNS[0]


class Exclusion(DocumentedEnum):
    """Why a row of an audience gets no message."""

    ROW = "row", "the row of the table can't be read"
    NO_NUMBER = "no_number", "the row has no number"
    NUMBER = "number", "what stands there is no phone number, or not certainly"
    NOT_MOBILE = "not_mobile", "the number is not a mobile one: a landline, for example"
    FIELDS = "fields", "a field of the text is missing or not certain"
    TOO_LONG = "too_long", "the text with these fields would need too many SMS parts"
    REPEATED = "repeated", "the number is in the audience already"
    NOT_A_CLIENT = "not_a_client", "the number is not in the client directory"
    OPTED_OUT = "opted_out", "the person has switched notifications off"


EXPLANATIONS: Final[Mapping[Exclusion, Bilingual]] = {
    Exclusion.ROW: both("rows that can't be read", "строку не прочитать"),
    Exclusion.NO_NUMBER: both("no number", "нет номера"),
    Exclusion.NUMBER: both(
        "not a phone number, or not certainly one",
        "не номер телефона или нельзя быть в этом уверенным",
    ),
    Exclusion.NOT_MOBILE: both(
        "not a mobile number: a landline, for example", "номер не мобильный: например, городской"
    ),
    Exclusion.FIELDS: both(
        "a field is missing or not certain", "поле пусто или его значение ненадёжно"
    ),
    Exclusion.TOO_LONG: both(
        "the text would need too many SMS parts", "в тексте было бы слишком много частей СМС"
    ),
    Exclusion.REPEATED: both("the number is in the audience already", "номер уже есть в списке"),
    Exclusion.NOT_A_CLIENT: both("not in the client directory", "нет в справочнике клиентов"),
    Exclusion.OPTED_OUT: both(
        "has switched notifications off", "уведомления отключены самим человеком"
    ),
}
"""What people read about each reason; rows of the database have those of the last three."""


_NUMBER_FAULTS: Final[Mapping[type[CellError], Exclusion]] = {
    EmptyNumberCellError: Exclusion.NO_NUMBER,
    NotMobileCellError: Exclusion.NOT_MOBILE,
}


class AudienceRowError(ValueError):
    """The values of a row give no text that may be sent; str() quotes none of them.

    Of a text that is too long, `parts` are the SMS parts that it needs and may have; None if it
    is longer than any text can be.
    """

    def __init__(
        self, reason: Exclusion, detail: str, *, parts: tuple[int, int] | None = None
    ) -> None:
        super().__init__(detail)
        self.reason = reason
        self.parts = parts


class Content(Protocol):
    """The content of a broadcast for each recipient."""

    @property
    def fields(self) -> Sequence[str]:
        """The fields that it takes from the table."""
        ...

    def count_parts(self, values: Mapping[str, str]) -> int:
        """Return how many SMS parts the text with these values needs: in any language at most.

        Raises AudienceRowError if it may not be sent.
        """
        ...


@dataclass(frozen=True, slots=True)
class Held:
    """The content of a row, for the file of excluded rows, which can be corrected and loaded again.

    `cells` are the number, the fields of the text, and the other columns; for a row that can't be
    read they are all its cells, in the order of the table. A cell whose content is not certain is
    empty there, and in `rest` with its name: otherwise it would pass the next time.
    """

    cells: tuple[str, ...] = field(repr=False, default=())
    rest: str = field(repr=False, default="")


@dataclass(frozen=True, slots=True)
class IncludedRow:
    """One recipient, the number in E.164 form."""

    row_no: int
    number: str = field(repr=False)
    fields: Mapping[str, str] = field(repr=False)
    held: Held = field(repr=False)
    parts: int = 1


@dataclass(frozen=True, slots=True)
class ExcludedRow:
    """One row that gets no message; `number` if it could be read."""

    row_no: int
    reason: Exclusion
    detail: str
    held: Held = field(repr=False)
    number: str | None = field(repr=False, default=None)


def audience_columns(fields: Sequence[str]) -> tuple[Column, ...]:
    """Return the columns of a table that has these fields."""
    return (MSISDN_COLUMN, *(Column(name, ()) for name in fields))


def check_row(
    row: Row | BadRow, content: Content, others: Sequence[str] = ()
) -> IncludedRow | ExcludedRow:
    """Check one row of a table with `audience_columns`; `others` are its other columns."""
    if isinstance(row, BadRow):
        held = Held(row.fields) if row.is_in_order else Held(rest=f"it was: {row.held}")
        return ExcludedRow(row.number, Exclusion.ROW, row.reason, held)
    held = _held(row, (*content.fields, *others))
    try:
        number = read_msisdn(row.cells[0])
    except CellError as error:
        reason = _NUMBER_FAULTS.get(type(error), Exclusion.NUMBER)
        return ExcludedRow(row.number, reason, f"{MSISDN_COLUMN.name}: {error}", held)
    values: dict[str, str] = {}
    for name, cell in zip(content.fields, row.cells[1:], strict=True):
        try:
            values[name] = read_shown(cell)
        except CellError as error:
            detail = f"{name} {error}"
            return ExcludedRow(row.number, Exclusion.FIELDS, detail, held, number)
        if not values[name]:
            return ExcludedRow(row.number, Exclusion.FIELDS, f"{name} is empty", held, number)
    try:
        parts = content.count_parts(values)
    except AudienceRowError as fault:
        return ExcludedRow(row.number, fault.reason, str(fault), held, number)
    return IncludedRow(row.number, number, values, held, parts)


def _held(row: Row, names: Sequence[str]) -> Held:
    number = row.cells[0]
    cells = [number.text if number.kind is not CellKind.GUESSED else ""]
    rest = [] if cells[0] == number.text else [f"{MSISDN_COLUMN.name} was {number.text}"]
    for name, cell in zip(names, (*row.cells[1:], *row.others), strict=True):
        text = _certain(cell)
        if text is None:
            rest.append(f"{name} was {cell.text}")
        cells.append(text or "")
    return Held(tuple(cells), "; ".join(rest))


def _certain(cell: Cell) -> str | None:
    try:
        return read_shown(cell)
    except CellError:
        return None
