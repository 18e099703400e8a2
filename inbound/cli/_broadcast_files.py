"""Writes files about a broadcast: its excluded rows, and its recipients with their outcomes.

Both have the columns of the table that was loaded, in its order, and before them the row, the
state, the reason in words and the time. So both can be corrected and loaded again. They hold
numbers, so each is recorded in the audit before it is written.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from uuid import UUID

import psycopg

from inbound.broadcasts.audience import MSISDN_COLUMN, ExcludedRow, Exclusion
from inbound.broadcasts.control import found, progress_of
from inbound.broadcasts.loading import find_exclusions
from inbound.broadcasts.outcomes import every_outcome, opened
from inbound.broadcasts.sealing import AudienceSealer
from inbound.cli._progress import progress_bar
from inbound.cli._times import local
from inbound.errors import SetupError
from inbound.settings import Settings
from inbound.store.access.audit import record
from inbound.store.broadcasts.rows import Broadcast, RecipientState
from inbound.tables.rejected import EXCLUDED_FILE, RECIPIENTS_FILE, Purpose, RejectedFile

_EXCLUDED: Final = "excluded"
_PROGRESS_EVERY: Final = 500


@dataclass(frozen=True, slots=True)
class Written:
    """A file that was written, without a path if there was nothing to write."""

    path: Path | None
    counts: Mapping[str, int]
    """Rows by state."""


@dataclass(frozen=True, slots=True)
class _Line:
    row: int
    state: str
    reason: str
    time: str
    cells: Sequence[str]


def write_exclusions(
    settings: Settings, conn: psycopg.Connection, broadcast_id: UUID, path: Path | None, *, by: str
) -> Written:
    """Write the excluded rows into a file. Blocks. Raises SetupError."""
    one = _with_audience(conn, broadcast_id)
    sealer = AudienceSealer(settings.vault_key_bytes())
    created = local(one.created_at, settings.time_zone)
    width = 1 + len(one.columns)
    lines = (
        _Line(row.row_no, _EXCLUDED, detail, created, cells)
        for row in find_exclusions(conn, broadcast_id, sealer)
        for cells, detail in (_excluded(row, width),)
    )
    record(conn, actor=by, action="broadcast.excluded", reason=one.name, request_id=broadcast_id)
    wanted = path or Path(f"broadcast-{broadcast_id}.excluded.xlsx")
    return _write(one, wanted, EXCLUDED_FILE, lines, sum(one.excluded.values()))


def write_recipients(
    settings: Settings,
    conn: psycopg.Connection,
    broadcast_id: UUID,
    states: Collection[RecipientState],
    path: Path | None,
    *,
    by: str,
) -> Written:
    """Write the recipients that are in one of these states into a file. Blocks.

    Raises SetupError.
    """
    one = _with_audience(conn, broadcast_id)
    progress = progress_of(conn, [one])[broadcast_id]
    total = sum(getattr(progress, state.value) for state in states)
    reason = f"{one.name}: {', '.join(states)}"
    record(conn, actor=by, action="broadcast.recipients", reason=reason, request_id=broadcast_id)
    lines = _recipients(conn, one, states, settings)
    wanted = path or Path(f"broadcast-{broadcast_id}.recipients.xlsx")
    return _write(one, wanted, RECIPIENTS_FILE, lines, total)


def _with_audience(conn: psycopg.Connection, broadcast_id: UUID) -> Broadcast:
    one = found(conn, broadcast_id)
    if one.audience_deleted_at is not None:
        raise SetupError("the audience of this broadcast was deleted: it had been kept long enough")
    return one


def _recipients(
    conn: psycopg.Connection, one: Broadcast, states: Collection[RecipientState], settings: Settings
) -> Iterator[_Line]:
    sealer = AudienceSealer(settings.vault_key_bytes())
    for outcome in every_outcome(conn, one, states):
        _, held = opened(outcome, one, sealer)
        reason = "; ".join(part for part in (outcome.detail, held.rest) if part)
        time = "" if outcome.at is None else local(outcome.at, settings.time_zone)
        row = outcome.no if outcome.row_no is None else outcome.row_no
        yield _Line(row, outcome.state.value, reason, time, held.cells)


def _write(
    one: Broadcast, path: Path, purpose: Purpose, lines: Iterable[_Line], total: int
) -> Written:
    columns = (MSISDN_COLUMN.name, *one.columns)
    order = one.column_order or range(len(columns))
    names = [columns[index] for index in order]
    file = RejectedFile(path, path, names, one.separator, purpose)
    counts = Counter[str]()
    try:
        with progress_bar("writing", unit="rows") as advance:
            for written, line in enumerate(lines, start=1):
                own = (str(line.row), line.state, line.reason, line.time)
                file.add(own, [line.cells[index] for index in order])
                counts[line.state] += 1
                if written % _PROGRESS_EVERY == 0:
                    advance(written, max(total, written))
        return Written(file.close(), counts)
    except BaseException:
        file.discard()
        raise


def _excluded(row: ExcludedRow, width: int) -> tuple[list[str], str]:
    """Return the cells of an excluded row, and its reason.

    A repeated row has its number in the reason only. Nothing else is wrong with the row, so in
    another audience it would be a recipient, and the person would get a second message.
    """
    cells = list(row.held.cells) or [row.number or ""]
    cells += [""] * (width - len(cells))
    parts = [row.detail, row.held.rest]
    if row.reason is Exclusion.REPEATED and cells[0]:
        parts.append(f"{MSISDN_COLUMN.name} was {cells[0]}")
        cells[0] = ""
    return cells, "; ".join(part for part in parts if part)
