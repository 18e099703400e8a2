"""Cells, rows, and the interpretation of a file."""

from abc import ABC, abstractmethod
from collections.abc import Generator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from enum import Enum, auto
from itertools import islice
from typing import Final

from inbound.tables.columns import Layout

PREVIEW_ROWS = 3
SAMPLE_ROWS = 200


class CellKind(Enum):
    """How much is known about the content of a cell."""

    EMPTY = auto()
    TEXT = auto()
    """A text cell of a workbook: exactly what was typed."""
    PRINTED = auto()
    """A field of a CSV file: what a spreadsheet showed, which may differ from what was typed."""
    GUESSED = auto()
    """A field of a CSV file with letters that another plausible encoding reads differently."""
    NUMBER = auto()
    DATE = auto()
    """A date, time or duration cell of a workbook."""
    BOOLEAN = auto()
    ERROR = auto()
    """A cell of a workbook whose formula failed; its text is the code, such as #N/A."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell. `text` is its content as text; a whole number below 10**15 is its digits."""

    kind: CellKind
    text: str = ""


EMPTY = Cell(CellKind.EMPTY)


@dataclass(frozen=True, slots=True)
class Row:
    """One row: the cells of the wanted columns, in their order."""

    number: int
    cells: tuple[Cell, ...]
    note: str = field(repr=False, default="")
    """Why the row was rejected before, from a file of rejected rows. It may have secrets."""
    others: tuple[Cell, ...] = field(repr=False, default=())
    """The cells of `Table.others`."""

    @property
    def is_empty(self) -> bool:
        """Whether all cells are empty or blank."""
        return not any(cell.text.strip() for cell in (*self.cells, *self.others))


@dataclass(frozen=True, slots=True)
class BadRow:
    """A record that can't be parsed into cells. Its content may have secrets."""

    number: int
    last: int
    reason: str
    held: str = field(repr=False)
    """Its text."""
    fields: tuple[str, ...] = field(repr=False, default=())
    """Its possible fields, in no certain order."""
    note: str = field(repr=False, default="")
    """As in `Row`."""
    nameless: tuple[int, ...] = ()
    """Indices of columns without a name in which it has content."""
    is_in_order: bool = False
    """Whether `fields` are in the order of the columns, each of which has a name."""


@dataclass(frozen=True, slots=True)
class TableRecord:
    """All cells of one record of a file, before columns are chosen."""

    number: int
    cells: Sequence[Cell]

    @property
    def is_empty(self) -> bool:
        """Whether all cells are empty or blank."""
        return not any(cell.text.strip() for cell in self.cells)


@dataclass(frozen=True, slots=True)
class Interpretation:
    """How a file was read, for people to confirm."""

    format: str
    """CSV, XLSX or ODS."""
    facts: tuple[tuple[str, str], ...]
    """Name and value: encoding and separator, or sheet."""
    layout: Layout
    unit: str
    """What row numbers count: lines of a CSV file, rows of a sheet."""
    first_rows: tuple[Row, ...]
    """At most three."""
    nameless: tuple[int, ...] = ()
    """Indices of columns without a name that have content in one of the first rows."""


@dataclass(frozen=True, slots=True)
class Choices:
    """What a person may decide in place of the reader."""

    mapping: tuple[tuple[str, str], ...] = ()
    """Column and the name or `#letter` of the column of the file."""
    encoding: str | None = None
    separator: str | None = None
    sheet: str | None = None
    keeps_others: bool = False
    """Whether rows have the cells of columns that were not asked for."""


@dataclass(frozen=True, slots=True)
class TableShape:
    """The properties of a table that a file with its rows takes over."""

    others: tuple[str, ...] = ()
    """The names of the columns that were not asked for."""
    order: tuple[int, ...] | None = None
    """For each column of the table its index in the wanted columns and `others`."""
    separator: str | None = None
    """Of a CSV file."""


ANY_SHAPE: Final = TableShape()


class Table(ABC):
    """An open table whose columns are found."""

    understood: Interpretation
    others: tuple[str, ...]
    """The names of the other columns whose cells the rows have."""
    separator: str | None
    """Of a CSV file."""
    sheets: tuple[str, ...] = ()
    """All of a workbook."""
    skipped = 0
    """Rows that `rows` has left out because only columns that it doesn't read have content."""

    @property
    def shape(self) -> TableShape:
        """Its other columns, the order of all, and its separator."""
        layout = self.understood.layout
        places = [placed.index for placed in layout.placed]
        places += [index for index, _ in layout.others][: len(self.others)]
        order = tuple(sorted(range(len(places)), key=places.__getitem__))
        return TableShape(self.others, order, self.separator)

    @abstractmethod
    def rows(self) -> Generator[Row | BadRow, None, None]:
        """Yield the rows below the header that have content, from the start at each call.

        Raises SetupError for a file that can't be read to its end.
        """

    @abstractmethod
    def progress(self) -> tuple[int, int]:
        """Return how much of the file `rows` has read, and how much there is."""


def understand(
    format_: str, facts: tuple[tuple[str, str], ...], layout: Layout, unit: str, table: Table
) -> Interpretation:
    """Return the description of a table with its first rows."""
    good: list[Row] = []
    nameless: set[int] = set()
    with closing(table.rows()) as rows:
        for row in islice(rows, SAMPLE_ROWS):
            if isinstance(row, BadRow):
                nameless.update(row.nameless)
            elif len(good) < PREVIEW_ROWS:
                good.append(row)
    return Interpretation(format_, facts, layout, unit, tuple(good), tuple(sorted(nameless)))
