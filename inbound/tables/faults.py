"""Why a file can't be read as a table, for callers with words of their own."""

from collections.abc import Mapping
from enum import StrEnum, auto

from inbound.errors import SetupError


class TableFault(StrEnum):
    """What is wrong with a file."""

    OLD_WORKBOOK = auto()
    PDF = auto()
    IMAGE = auto()
    COMPRESSED = auto()
    MARKUP = auto()
    DAMAGED = auto()
    PASSWORD = auto()
    TOO_LARGE = auto()
    TOO_MANY_ROWS = auto()
    TOO_HEAVY = auto()
    EMPTY = auto()
    LONG_LINE = auto()
    NO_COLUMN = auto()
    COLUMN_UNCERTAIN = auto()
    SEPARATOR_UNCERTAIN = auto()
    SHEET_UNCERTAIN = auto()
    NO_SHEET = auto()
    NO_ENCODING = auto()
    UNDECODABLE = auto()


class TableError(SetupError):
    """A file that can't be read as a table. `values` name places in it, and hold no cell of a row.

    str() is for the command line: it names the options that help.
    """

    def __init__(self, fault: TableFault, text: str, **values: object) -> None:
        super().__init__(text)
        self.fault = fault
        self.values: Mapping[str, object] = values
