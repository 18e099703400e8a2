"""What happened to each recipient of a broadcast, for people and programs that follow up.

The states are those that `Progress` counts. A recipient whose person was erased is gone, and one
whose order is no longer kept is left out.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import psycopg

from inbound.broadcasts.audience import Held
from inbound.broadcasts.outcome_reasons import WAITS, reason_in_words
from inbound.broadcasts.sealing import AudienceSealer
from inbound.handlers.broadcasts import BroadcastState
from inbound.store.broadcasts.rows import ORDER_STATES, Broadcast, RecipientState
from inbound.store.connections import raises_store_errors
from inbound.store.statements import statements
from schemas.orders import OrderState, WithheldReason

NOT_REACHED: Final = (
    RecipientState.REFUSED,
    RecipientState.UNDELIVERED,
    RecipientState.UNKNOWN,
    RecipientState.WITHHELD,
)
"""The states of recipients who did not get it, or not certainly."""

SCAN: Final = 5_000
"""The most recipients that are examined for one page."""

_SQL: Final = statements(__package__, "outcomes")
_FIND_OUTCOMES: Final = _SQL["find_outcomes"]
_STATE_OF: Final[Mapping[OrderState, RecipientState]] = {
    of_order: state for state, of_orders in ORDER_STATES.items() for of_order in of_orders
}


@dataclass(frozen=True, slots=True)
class RecipientOutcome:
    """What happened to one recipient. Without an order it has not been placed."""

    no: int
    row_no: int | None
    state: RecipientState
    reason: str | None
    detail: str
    at: datetime | None
    order_id: UUID | None
    sealed: "SealedRecipient" = field(repr=False)


@dataclass(frozen=True, slots=True)
class SealedRecipient:
    """A recipient and the content of their row."""

    number_hash: bytes
    number: bytes
    fields: bytes | None
    row: bytes | None


@dataclass(frozen=True, slots=True)
class Page:
    """Outcomes in the order of the audience; `next_after` is None on the last page.

    A page may be empty without being the last one: it examines a bounded number of recipients.
    """

    outcomes: list[RecipientOutcome]
    next_after: int | None


@raises_store_errors
def find_outcomes(
    conn: psycopg.Connection,
    one: Broadcast,
    states: Collection[RecipientState],
    *,
    after: int = 0,
    limit: int = SCAN,
) -> Page:
    """Return the recipients behind a number that are in one of these states. Blocks."""
    is_cancelled = one.state is BroadcastState.CANCELLED
    unplaced = RecipientState.WITHHELD if is_cancelled else RecipientState.WAITING
    rows = conn.execute(
        _FIND_OUTCOMES,
        {
            "broadcast_id": one.broadcast_id,
            "after": after,
            "scan": SCAN,
            "limit": limit,
            "states": [found.value for state in states for found in ORDER_STATES[state]],
            "unplaced": unplaced in states,
            "cursor_no": one.cursor_no,
        },
    ).fetchall()
    last_no, scanned, *_ = rows[0]
    outcomes = [_outcome(row, one, unplaced) for row in rows if row[2] is not None]
    if len(outcomes) == limit:
        return Page(outcomes, outcomes[-1].no)
    return Page(outcomes, last_no if scanned == SCAN else None)


def every_outcome(
    conn: psycopg.Connection, one: Broadcast, states: Collection[RecipientState]
) -> Iterator[RecipientOutcome]:
    """Yield all of them, page by page: memory stays flat, and no transaction stays open."""
    after: int | None = 0
    while after is not None:
        page = find_outcomes(conn, one, states, after=after)
        yield from page.outcomes
        after = page.next_after


def opened(outcome: RecipientOutcome, one: Broadcast, sealer: AudienceSealer) -> tuple[str, Held]:
    """Return the number of a recipient, and the content of their row. Raises UnsealError."""
    sealed = outcome.sealed
    number = sealer.open_number(sealed.number, sealed.number_hash)
    if sealed.row is not None and outcome.row_no is not None:
        held = sealer.open_row(sealed.row, one.broadcast_id, outcome.row_no)
        return number, Held((number, *held.cells[1:]), held.rest)
    fields: dict[str, str] = {}
    if sealed.fields is not None:
        fields = sealer.open_fields(sealed.fields, one.broadcast_id, sealed.number_hash)
    return number, Held((number, *(fields.get(name, "") for name in one.columns)))


def _outcome(row: tuple[Any, ...], one: Broadcast, unplaced: RecipientState) -> RecipientOutcome:
    _, _, no, row_no, number_hash, number, fields, held, order_id, state, reason, at = row
    sealed = SealedRecipient(number_hash, number, fields, held)
    if order_id is None:
        is_cancelled = unplaced is RecipientState.WITHHELD
        cancelled = WithheldReason.CANCELLED if is_cancelled else None
        ended_at = one.ended_at if is_cancelled else None
        detail = reason_in_words(OrderState.CANCELLED, None) if cancelled else WAITS
        return RecipientOutcome(no, row_no, unplaced, cancelled, detail, ended_at, None, sealed)
    found = OrderState(state)
    of = _STATE_OF[found]
    code, detail = _code(found, of, reason), reason_in_words(found, reason)
    return RecipientOutcome(no, row_no, of, code, detail, at, order_id, sealed)


def _code(found: OrderState, of: RecipientState, reason: str | None) -> str | None:
    """Return the reason that `Progress` counts, or the state that is counted with others."""
    if found in {OrderState.REFUSED, OrderState.WITHHELD} and reason:
        return reason
    return None if found.value == of.value else found.value
