"""Tables about clients: a row each, with the client's id first.

A table with anything unclear in it is not used. The error names its first faulty rows and
repeats no cell.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final, TypeVar

from inbound.directory.client_rows import CLIENT_COLUMNS, CLIENT_ID
from inbound.directory.port import FIELD_LIMITS
from inbound.errors import SetupError
from inbound.tables.cells import CellError, read_text
from inbound.tables.columns import Column
from inbound.tables.model import BadRow, Cell, Row

CLIENT_ID_COLUMN: Final[Column] = next(one for one in CLIENT_COLUMNS if one.name == CLIENT_ID)

MOST_FAULTS: Final = 20
"""Rows that an error names."""

Read = TypeVar("Read")


class ClientRowError(ValueError):
    """A row is not clear; str() repeats no cell."""


class UnclearRowsError(SetupError):
    """Rows of the table are not clear, so nothing is loaded. `faults` names the first ones."""

    def __init__(self, faults: Sequence[str], count: int) -> None:
        more = count - len(faults)
        super().__init__(
            f"{'; '.join(faults)}{f'; and {more} more rows' if more else ''}; nothing was loaded: "
            "correct them and load the file again"
        )
        self.faults = tuple(faults)


def read_clear_rows(rows: Iterable[Row | BadRow], read: Callable[[Row], Read]) -> Iterator[Read]:
    """Yield what `read` makes of each row; it raises `ClientRowError` for one that is not clear.

    Raises `UnclearRowsError` at the end if there are such rows.
    """
    faults: list[str] = []
    count = 0
    for row in rows:
        try:
            if isinstance(row, BadRow):
                raise ClientRowError(row.reason)  # noqa: TRY301 — counted like the others
            yield read(row)
        except ClientRowError as error:
            count += 1
            if count <= MOST_FAULTS:
                faults.append(f"row {row.number}: {error}")
    if count:
        raise UnclearRowsError(faults, count)


def read_client_id(cell: Cell) -> str:
    """Return the client id in a cell. Raises `ClientRowError`."""
    try:
        client_id = read_text(cell)
    except CellError as error:
        raise ClientRowError(f"{CLIENT_ID} {error}") from None
    if not client_id:
        raise ClientRowError(f"{CLIENT_ID} is empty")
    if len(client_id) > FIELD_LIMITS[CLIENT_ID]:
        raise ClientRowError(f"{CLIENT_ID} is longer than {FIELD_LIMITS[CLIENT_ID]} characters")
    return client_id
