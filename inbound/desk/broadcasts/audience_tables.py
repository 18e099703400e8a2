"""Shows people how an uploaded table of recipients was read, so that they can check it.

Reading blocks: it may start a process that unpacks a workbook. Cells are masked.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from inbound.broadcasts.audience import MSISDN_COLUMN, audience_columns
from inbound.desk.problems import SentForm
from inbound.tables.columns import letter, plain_name
from inbound.tables.encodings import CODE_PAGES, shown_name
from inbound.tables.masking import masked_cell
from inbound.tables.model import Choices, Interpretation, Row
from inbound.tables.reader import open_table

NUMBER: Final = MSISDN_COLUMN.name
READING: Final = ("number", "encoding", "separator", "sheet")
"""What a user may decide in place of the reader."""
ENCODINGS: Final = {name: shown_name(name) for name in ("utf-8", *CODE_PAGES, "utf-16")}
"""Encodings of a CSV file, by the name that `READING` has, as people read them."""
SEPARATORS: Final = {"comma": ",", "semicolon": ";", "tab": "\t", "vertical bar": "|"}
_PHONES: Final = frozenset({NUMBER})


@dataclass(frozen=True, slots=True)
class Understanding:
    """A table as it was read. `fields` are the columns that a text can take values from.

    `header_row` is None for a table without names. Rows have masked cells: the number, then those
    of `fields`. `guessed`: the encoding is a guess.
    """

    format: str
    encoding: str
    separator: str
    sheet: str
    sheets: Sequence[str]
    """All of a workbook."""
    guessed: bool
    unit: str
    header_row: int | None
    number_column: str
    fields: Sequence[str] = ()
    rows: Sequence[tuple[int, Sequence[str]]] = field(repr=False, default=())


def reading_of(chosen: Mapping[str, str], mapping: Mapping[str, str] | None = None) -> Choices:
    """Return how a table is to be read, as its user chose; `mapping` assigns columns to fields."""
    placed = {NUMBER: chosen.get("number", ""), **(mapping or {})}
    return Choices(
        tuple((name, column) for name, column in placed.items() if column),
        chosen_encoding(chosen),
        SEPARATORS.get(chosen.get("separator", "")),
        chosen.get("sheet") or None,
        keeps_others=True,
    )


def chosen_encoding(chosen: Mapping[str, str]) -> str | None:
    """Return the encoding that a user chose; None for what is no choice of the form.

    Python has codecs that are no encodings of a table, and some that take minutes.
    """
    encoding = chosen.get("encoding", "")
    return encoding if encoding in ENCODINGS else None


def read_choices(form: SentForm, names: Iterable[str]) -> dict[str, str]:
    """Return what a form says about how a table is read.

    Raises ErrorPage for an encoding or a separator that no form offers.
    """
    form.choice("encoding", ("", *ENCODINGS))
    form.choice("separator", ("", *SEPARATORS))
    typed = {name: form[name].strip() for name in names}
    return {name: value for name, value in typed.items() if value}


def understand_audience(path: Path, name: str, chosen: Mapping[str, str]) -> Understanding:
    """Return how a table was read. Raises SetupError."""
    with open_table(path, audience_columns(()), reading_of(chosen), name) as table:
        about, others, sheets = table.understood, table.others, table.sheets
    facts = dict(about.facts)
    encoding, _, how = facts.get("encoding", "").partition(" (")
    placed = about.layout.placed[0]
    header = f"{letter(placed.index)} {placed.header}".strip()
    return Understanding(
        about.format,
        encoding,
        facts.get("separator", ""),
        facts.get("sheet", "").removesuffix(" (hidden)").strip("“”"),
        sheets,
        "rejected" in how,
        about.unit,
        about.layout.header_row,
        header,
        others,
        [(row.number, _masked(row, about)) for row in about.first_rows],
    )


def column_names(path: Path, name: str, chosen: Mapping[str, str]) -> list[str]:
    """Return names for the columns of a table whose numbers were not found.

    The names of its first row, unless that has a number; then their letters. Raises SetupError.
    """
    choices = reading_of({**chosen, "number": ""})
    with open_table(path, (), choices, name) as table:
        rows = table.understood.first_rows
    if not rows:
        return []
    cells = [cell.text.strip() for cell in rows[0].others]
    masked = [masked_cell(cell, None, ()) for cell in rows[0].others]
    has_number = any(text not in {"", "***"} and "*" * 5 in text for text in masked)
    if has_number or len(set(cells)) < len(cells) or not all(cells):
        return [f"#{letter(index)}" for index in range(len(cells))]
    return cells


def missing_fields(fields: Sequence[str], table: Understanding, mapping: Mapping[str, str]) -> bool:
    """Whether a field of the text has no column of its name, and was given none."""
    columns = Counter(plain_name(column) for column in table.fields)
    return any(not mapping.get(name) and columns[plain_name(name)] != 1 for name in fields)


def _masked(row: Row, about: Interpretation) -> list[str]:
    placed = about.layout.placed[0]
    number = masked_cell(row.cells[0], placed.column, _PHONES)
    return [number, *(masked_cell(cell, None, _PHONES) for cell in row.others)]
