"""Writes files about a broadcast: its excluded rows, and its recipients with their outcomes.

Both have the columns of the table that was loaded, in its order, and before them the row, the
state, the reason in words and the time. So both can be corrected and loaded again. They hold
numbers, so each is recorded in the audit before it is written.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from uuid import UUID

import psycopg

from inbound.broadcasts.audience import EXPLANATIONS, MSISDN_COLUMN, ExcludedRow, Exclusion
from inbound.broadcasts.control import found, progress_of, written_time
from inbound.broadcasts.loading import find_exclusions
from inbound.broadcasts.outcomes import every_outcome, opened
from inbound.broadcasts.sealing import AudienceSealer
from inbound.errors import SetupError
from inbound.store.access.audit import MAX_LENGTH, check_reason, record
from inbound.store.broadcasts.rows import Broadcast, RecipientState
from inbound.tables.reasons import in_russian
from inbound.tables.rejected import (
    EXCLUDED_FILE,
    EXCLUDED_FILE_RU,
    RECIPIENTS_FILE,
    RECIPIENTS_FILE_RU,
    RejectedFile,
    RejectedFileLabels,
)
from inbound.wording import Bilingual, both, joined

_EXCLUDED: Final = "excluded"
_NUMBER_RU: Final = "Телефон"
"""Headers of the column of numbers that the reader knows."""
_STATES_RU: Final[Mapping[str, str]] = {
    _EXCLUDED: "исключена",
    RecipientState.WAITING: "ожидает",
    RecipientState.SENT: "в пути",
    RecipientState.DELIVERED: "доставлено",
    RecipientState.UNDELIVERED: "не доставлено",
    RecipientState.UNKNOWN: "неизвестно",
    RecipientState.WITHHELD: "не отправлено",
    RecipientState.REFUSED: "отказано",
}
_PROGRESS_EVERY: Final = 500


class AudienceDeletedError(SetupError):
    """The audience of a broadcast is no longer kept."""

    def __init__(self) -> None:
        super().__init__(
            both(
                "the audience of this broadcast was deleted: it had been kept long enough",
                "получатели этой рассылки удалены: срок их хранения истёк",
            )
        )


def _advance_nothing(done: int, total: int) -> None:
    del done, total


@dataclass(frozen=True, slots=True)
class FileOrder:
    """A file that somebody wants. `why` is recorded beside the broadcast's name, if given.

    Times in it are in `zone`; `advance` is told how much is written, and how much there is.
    """

    sealer: AudienceSealer
    path: Path
    zone: str
    by: str
    why: str = ""
    advance: Callable[[int, int], None] = _advance_nothing
    in_russian: bool = False
    """The language of the reasons, states and headers."""

    def reason(self, *parts: str) -> str:
        """Return a reason in the language of the file."""
        reason = joined("; ", filter(None, parts))
        return reason.russian if self.in_russian else str(reason)


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
    is_placed: bool = False
    """Whether the cells are in the order of the table."""


def write_exclusions(conn: psycopg.Connection, broadcast_id: UUID, order: FileOrder) -> Written:
    """Write the excluded rows into a file. Blocks.

    Raises SetupError, ReasonError, and errors of the store.
    """
    one = _with_audience(conn, broadcast_id)
    created = written_time(one.created_at, order.zone)
    lines = (
        _excluded_line(row, one, order, created)
        for row in find_exclusions(conn, broadcast_id, order.sealer)
    )
    _record(conn, one, order, "broadcast.excluded", one.name)
    purpose = EXCLUDED_FILE_RU if order.in_russian else EXCLUDED_FILE
    return _write(one, order, purpose, lines, sum(one.excluded.values()))


def write_recipients(
    conn: psycopg.Connection,
    broadcast_id: UUID,
    states: Collection[RecipientState],
    order: FileOrder,
) -> Written:
    """Write the recipients that are in one of these states into a file. Blocks.

    Raises SetupError, ReasonError, and errors of the store.
    """
    one = _with_audience(conn, broadcast_id)
    progress = progress_of(conn, [one])[broadcast_id]
    total = sum(getattr(progress, state.value) for state in states)
    _record(conn, one, order, "broadcast.recipients", f"{one.name}: {', '.join(states)}")
    lines = _recipients(conn, one, states, order)
    purpose = RECIPIENTS_FILE_RU if order.in_russian else RECIPIENTS_FILE
    return _write(one, order, purpose, lines, total)


def _with_audience(conn: psycopg.Connection, broadcast_id: UUID) -> Broadcast:
    one = found(conn, broadcast_id)
    if one.audience_deleted_at is not None:
        raise AudienceDeletedError
    return one


def _record(
    conn: psycopg.Connection, one: Broadcast, order: FileOrder, action: str, what: str
) -> None:
    reason = what
    if order.why:
        # Both are limited, and the purpose of the file comes first.
        reason = check_reason(order.why)
        longer = f"{reason} ({what})"
        reason = longer if len(longer) <= MAX_LENGTH else reason
    record(conn, actor=order.by, action=action, reason=reason, request_id=one.broadcast_id)


def _recipients(
    conn: psycopg.Connection, one: Broadcast, states: Collection[RecipientState], order: FileOrder
) -> Iterator[_Line]:
    for outcome in every_outcome(conn, one, states):
        _, held = opened(outcome, one, order.sealer)
        reason = order.reason(outcome.detail, held.rest)
        time = "" if outcome.at is None else written_time(outcome.at, order.zone)
        row = outcome.no if outcome.row_no is None else outcome.row_no
        yield _Line(row, outcome.state.value, reason, time, held.cells)


def _write(
    one: Broadcast,
    order: FileOrder,
    purpose: RejectedFileLabels,
    lines: Iterable[_Line],
    total: int,
) -> Written:
    # Unless another column has that name, each language has its own name for the numbers.
    number = (
        _NUMBER_RU if order.in_russian and _NUMBER_RU not in one.columns else MSISDN_COLUMN.name
    )
    columns = (number, *one.columns)
    places = one.column_order or range(len(columns))
    names = [columns[index] for index in places]
    file = RejectedFile(order.path, order.path, names, one.separator, purpose)
    counts = Counter[str]()
    try:
        for written, line in enumerate(lines, start=1):
            state = _STATES_RU[line.state] if order.in_russian else line.state
            own = (str(line.row), state, line.reason, line.time)
            placed = line.cells if line.is_placed else [line.cells[index] for index in places]
            file.add(own, placed)
            counts[line.state] += 1
            if written % _PROGRESS_EVERY == 0:
                order.advance(written, max(total, written))
        return Written(file.close(), counts)
    except BaseException:
        file.discard()
        raise


def _excluded_line(row: ExcludedRow, one: Broadcast, order: FileOrder, created: str) -> _Line:
    detail = _in_russian(row, one) if order.in_russian else row.detail
    if row.reason is Exclusion.ROW and row.held.cells:
        cells, reason = _unreadable(row, one)
        return _Line(
            row.row_no, _EXCLUDED, order.reason(detail, *reason), created, cells, is_placed=True
        )
    cells, reason = _excluded(row, 1 + len(one.columns))
    if order.in_russian:
        reason = [_rest_in_russian(part, one) for part in reason]
    return _Line(row.row_no, _EXCLUDED, order.reason(detail, *reason), created, cells)


def _rest_in_russian(rest: str, one: Broadcast) -> str:
    """Return the content of a row beside its cells. It is stored in English."""
    if isinstance(rest, Bilingual):
        return rest
    for name in (MSISDN_COLUMN.name, *one.columns):
        rest = rest.replace(f"{name} was ", f"{name}: ")
    return f"было: {rest.removeprefix('it was: ')}" if rest.startswith("it was: ") else rest


def _in_russian(row: ExcludedRow, one: Broadcast) -> str:
    """Return why a row was excluded. The details of its cells are stored in English."""
    if isinstance(row.detail, Bilingual):
        return row.detail
    why = EXPLANATIONS[row.reason].russian
    named = f"{MSISDN_COLUMN.name}: "
    if row.detail.startswith(named):
        told = in_russian(row.detail.removeprefix(named))
        return f"номер: {told}" if told else why
    if row.reason is not Exclusion.FIELDS:
        return why
    name = next((name for name in one.columns if row.detail.startswith(f"{name} ")), None)
    if name is None:
        return why
    return f"«{name}»: {in_russian(row.detail.removeprefix(f'{name} ')) or why}"


def _unreadable(row: ExcludedRow, one: Broadcast) -> tuple[list[str], list[str]]:
    """Return the cells of a row that has too few or too many, and the details of its reason.

    Too many stay too many, so an uncorrected row is refused again. One with too few might pass
    with its cells in wrong columns: it gets no number.
    """
    cells = list(row.held.cells)
    lacking = 1 + len(one.columns) - len(cells)
    if lacking <= 0:
        return cells, []
    cells += [""] * lacking
    place = list(one.column_order or (0,)).index(0)
    number, cells[place] = cells[place], ""
    told = both("{name} was {text}", "{name}: {text}", name=MSISDN_COLUMN.name, text=number)
    return cells, [told] if number else []


def _excluded(row: ExcludedRow, width: int) -> tuple[list[str], list[str]]:
    """Return the cells of an excluded row, and the details of its reason.

    A repeated row has its number in the reason only. Nothing else is wrong with the row, so in
    another audience it would be a recipient, and the person would get a second message.
    """
    cells = list(row.held.cells) or [row.number or ""]
    cells += [""] * (width - len(cells))
    parts = [row.held.rest]
    if row.reason is Exclusion.REPEATED and cells[0]:
        parts.append(
            both("{name} was {text}", "{name}: {text}", name=MSISDN_COLUMN.name, text=cells[0])
        )
        cells[0] = ""
    return cells, parts
