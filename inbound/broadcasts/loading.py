"""Loads the audience of a broadcast, in one transaction with the draft.

Rows stream through COPY into a temporary table and are checked in the database: repeated numbers,
people outside the directory, and people who have opted out are excluded. Memory does not grow with
the audience, and a crash leaves nothing behind.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final
from uuid import UUID

import psycopg

from inbound.broadcasts.audience import EXPLANATIONS, ExcludedRow, Exclusion, Held, IncludedRow
from inbound.broadcasts.sealing import AudienceSealer
from inbound.keys import SubjectHasher
from inbound.store.connections import raises_store_errors
from inbound.store.statements import statements
from inbound.tables.model import ANY_SHAPE, TableShape
from inbound.wording import both

_SQL: Final = statements(__package__, "loading")
_CREATE_INCOMING: Final = _SQL["create_incoming"]
_COPY_INCOMING: Final = _SQL["copy_incoming"]
_ADD_CLIENTS: Final = _SQL["add_clients"]
_ANALYZE_INCOMING: Final = _SQL["analyze_incoming"]
_JUDGE_INCOMING: Final = _SQL["judge_incoming"]
_FIND_EXCLUSION_PAGE: Final = _SQL["find_exclusion_page"]
_FIND_EXCLUSIONS: Final = _SQL["find_exclusions"]

_TYPES: Final = ("int4", "text", "text", "bytea", "bytea", "bytea", "bytea", "int2")
_AT_A_TIME: Final = 1000


@dataclass(frozen=True, slots=True)
class ClientQuery:
    """Which clients of the directory; without a condition all of them."""

    open_case: bool = False
    client_id: str | None = None
    """A client id; a star at its end stands for anything."""
    updated_since: datetime | None = None
    language: str | None = None
    languages: Sequence[str] = ()
    """The languages that are sent."""
    default_language: str = ""
    """The language for clients who have another one, or none."""


@dataclass(frozen=True, slots=True)
class AudienceKeys:
    """The hasher and the sealer that loading uses."""

    hasher: SubjectHasher
    sealer: AudienceSealer


@dataclass(frozen=True, slots=True)
class Audience:
    """The counts of a loaded audience."""

    recipients: int
    excluded: dict[str, int]
    parts: int = 0
    """SMS parts of all recipients: at most, if a template has several languages."""
    most_parts: int = 0
    """SMS parts of the longest text."""
    shape: TableShape = ANY_SHAPE


@raises_store_errors
def load_rows(
    conn: psycopg.Connection,
    broadcast_id: UUID,
    rows: Iterable[IncludedRow | ExcludedRow],
    keys: AudienceKeys,
    *,
    strangers: bool,
    shape: TableShape = ANY_SHAPE,
) -> Audience:
    """Load the rows of a table, within the caller's transaction.

    `strangers` says whether people outside the directory may get it. The content of recipients'
    rows is kept, too, if the text doesn't use all columns. Blocks; raises what `rows` raises, and
    errors of the store.
    """
    conn.execute(_CREATE_INCOMING)
    with conn.cursor() as cursor, cursor.copy(_COPY_INCOMING) as copy:
        copy.set_types(_TYPES)
        for row in rows:
            copy.write_row(_incoming(row, broadcast_id, keys))
    keeps_rows = bool(shape.others)
    judged = _judge(conn, broadcast_id, strangers=strangers, keeps_rows=keeps_rows)
    return replace(judged, shape=shape)


@raises_store_errors
def load_clients(
    conn: psycopg.Connection, broadcast_id: UUID, query: ClientQuery, now: datetime, *, parts: int
) -> Audience:
    """Load clients of the directory, within the caller's transaction.

    `parts` are the SMS parts of the text, which is the same for everybody.
    """
    conn.execute(_CREATE_INCOMING)
    conn.execute(
        _ADD_CLIENTS,
        {
            "open_case": query.open_case,
            "client_id": None if query.client_id is None else _pattern(query.client_id),
            "updated_since": query.updated_since,
            "language": query.language,
            "languages": list(query.languages),
            "default_language": query.default_language,
            "now": now,
            "parts": parts,
        },
    )
    return _judge(conn, broadcast_id, strangers=True, keeps_rows=False)


def find_exclusions(
    conn: psycopg.Connection, broadcast_id: UUID, sealer: AudienceSealer
) -> Iterator[ExcludedRow]:
    """Yield the excluded rows in the order of the audience. Memory stays flat."""
    with conn.transaction(), conn.cursor("exclusions") as cursor:
        cursor.itersize = _AT_A_TIME
        for row in cursor.execute(_FIND_EXCLUSIONS, {"broadcast_id": broadcast_id}):
            row_no, reason, detail, number_hash, number_sealed, row_sealed = row
            number = sealer.open_number(number_sealed, number_hash) if number_sealed else None
            held = sealer.open_row(row_sealed, broadcast_id, row_no) if row_sealed else Held()
            yield ExcludedRow(
                row_no, Exclusion(reason), _detail(Exclusion(reason), detail), held, number
            )


@raises_store_errors
def find_exclusion_page(
    conn: psycopg.Connection, broadcast_id: UUID, after: int, limit: int
) -> list[ExcludedRow]:
    """Return excluded rows behind a row, without what they held."""
    parameters = {"broadcast_id": broadcast_id, "after": after, "limit": limit}
    return [
        ExcludedRow(row_no, Exclusion(reason), _detail(Exclusion(reason), detail), Held())
        for row_no, reason, detail in conn.execute(_FIND_EXCLUSION_PAGE, parameters)
    ]


def _judge(
    conn: psycopg.Connection, broadcast_id: UUID, *, strangers: bool, keeps_rows: bool
) -> Audience:
    conn.execute(_ANALYZE_INCOMING)
    parameters = {"broadcast_id": broadcast_id, "strangers": strangers, "keeps_rows": keeps_rows}
    excluded: dict[str, int] = {}
    included = 0, 0, 0
    for reason, count, parts, most_parts in conn.execute(_JUDGE_INCOMING, parameters):
        if reason is None:
            included = count, int(parts or 0), most_parts or 0
        else:
            excluded[reason] = count
    return Audience(included[0], excluded, *included[1:])


def _incoming(
    row: IncludedRow | ExcludedRow, broadcast_id: UUID, keys: AudienceKeys
) -> tuple[object, ...]:
    number_hash = number_sealed = fields_sealed = None
    if row.number is not None:
        number_hash = keys.hasher.hash(row.number)
        number_sealed = keys.sealer.seal_number(row.number, number_hash)
    if isinstance(row, IncludedRow):
        if row.fields and number_hash is not None:
            fields_sealed = keys.sealer.seal_fields(row.fields, broadcast_id, number_hash)
        # It may still be excluded when all rows are checked.
        row_sealed = None
        if len(row.held.cells) > 1:  # else the number is all of it
            row_sealed = keys.sealer.seal_row(row.held, broadcast_id, row.row_no)
        sealed = number_sealed, fields_sealed, row_sealed
        return row.row_no, None, None, number_hash, *sealed, row.parts
    row_sealed = keys.sealer.seal_row(row.held, broadcast_id, row.row_no)
    sealed = number_sealed, None, row_sealed
    return row.row_no, row.reason.value, row.detail, number_hash, *sealed, None


def _detail(reason: Exclusion, detail: str) -> str:
    match reason:
        case Exclusion.REPEATED:
            return EXPLANATIONS[reason] + both(", in row {row}", " в строке {row}", row=detail)
        case Exclusion.NOT_A_CLIENT | Exclusion.OPTED_OUT:
            return EXPLANATIONS[reason]
        case _:
            return detail


def _pattern(client_id: str) -> str:
    """Return a client id as a pattern of LIKE; a star at its end stands for anything."""
    start = client_id.removesuffix("*")
    escaped = start.replace("\\", r"\\").replace("%", r"\%").replace("_", r"\_")
    return escaped + ("%" if client_id.endswith("*") else "")
