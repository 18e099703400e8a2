"""Loads the audience of a broadcast from a table, for commands and pages."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from uuid import UUID

import psycopg

from inbound.broadcasts.audience import (
    Content,
    ExcludedRow,
    IncludedRow,
    audience_columns,
    check_row,
)
from inbound.broadcasts.drafting import CheckedPlan
from inbound.broadcasts.loading import Audience, AudienceKeys, load_rows
from inbound.store.orders.rows import STRANGERS
from inbound.tables.model import Choices, Table
from inbound.tables.reader import open_table

_PROGRESS_EVERY: Final = 500

Advance = Callable[[int, int], None]
"""Called with how much is done, and of how much."""


@dataclass(frozen=True, slots=True)
class TableSource:
    """A table, how it is to be read, and its user's name for it.

    Its other columns are kept for files about its rows, if the choices say so.
    """

    path: Path
    choices: Choices
    name: str | None = None


def load_table(
    conn: psycopg.Connection,
    broadcast_id: UUID,
    source: TableSource,
    prepared: CheckedPlan,
    keys: AudienceKeys,
    advance: Advance,
) -> Audience:
    """Load the rows of a table, within the caller's transaction. Blocks.

    Raises SetupError for a table that can't be read, and errors of the store.
    """
    content = prepared.content
    columns = audience_columns(content.fields)
    with open_table(source.path, columns, source.choices, source.name) as table:
        rows = _checked(table, content, advance)
        strangers = STRANGERS in prepared.account.rights
        return load_rows(conn, broadcast_id, rows, keys, strangers=strangers, shape=table.shape)


def _checked(
    table: Table, content: Content, advance: Advance
) -> Iterator[IncludedRow | ExcludedRow]:
    for count, row in enumerate(table.rows()):
        if count % _PROGRESS_EVERY == 0:
            advance(*table.progress())
        yield check_row(row, content, table.others)
