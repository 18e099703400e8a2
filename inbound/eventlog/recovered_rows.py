"""Updates the other tables from recovered events, in the transaction that restores them.

The tables are as old as the backup. Messages that have ended since are claimed with their results,
so that none is sent again; requests are in the inbox, orders move to where the events leave them,
and people who first texted after the backup get their numbers back.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, NamedTuple
from uuid import UUID

import psycopg

from inbound.eventlog.published_tail import PublishedTail
from inbound.handlers.order_progress import OrderChange, change_of
from inbound.handlers.orders import dispatched_message_id
from inbound.handlers.replay_inputs import result_of
from inbound.keys import SubjectHasher
from inbound.store.claims.rows import RecordedResult, record_of
from inbound.store.orders import orders
from inbound.store.sealing import Sealer
from inbound.store.statements import statements
from schemas.events import DomainEvent
from schemas.message_events import MessageEvent, MessageUnknown
from schemas.messages import Outcome, Purpose, SubmitResult
from schemas.order_events import OrderCancelled, OrderExpired
from schemas.orders import WithheldReason
from schemas.upcasters import read_event

_SQL: Final = statements(__package__, "recovery")
_READ_STAGED: Final = _SQL["read_staged"]
_DROP_STATES: Final = _SQL["drop_states"]
_NOTE_REQUESTS: Final = _SQL["note_requests"]
_NOTE_RESULTS: Final = _SQL["note_results"]
_DROP_ENDED_HOLDS: Final = _SQL["drop_ended_holds"]
_REQUESTS_OF_UNKNOWN: Final = _SQL["requests_of_unknown"]
_PEOPLE_WITHOUT_NUMBER: Final = _SQL["people_without_number"]
_OPEN_REQUESTS: Final = _SQL["open_requests"]
_LOST_ORDERS: Final = _SQL["lost_orders"]
_ADD_SUBJECTS: Final = statements("inbound.store.people", "people")["add_subjects"]

_BATCH: Final = 1_000


class OfSubject(NamedTuple):
    """A request, and the person who made it."""

    subject_id: UUID
    request_id: UUID


class LostOrder(NamedTuple):
    """An order that has lost its text: its account has to place it again, with the same key."""

    account: str
    order_id: UUID


@dataclass(frozen=True, slots=True)
class RecoveredRows:
    """How many rows were made from the events, and what can't be rebuilt from them."""

    messages: int
    numbers: int
    without_number: tuple[UUID, ...]
    open_requests: tuple[OfSubject, ...]
    lost_orders: tuple[LostOrder, ...]


def write_recovered_rows(
    conn: psycopg.Connection,
    tail: PublishedTail,
    since: datetime | None,
    sealer: Sealer,
    hasher: SubjectHasher,
) -> RecoveredRows:
    """Bring the tables up to the events in the temporary table `recovered`. Blocks."""
    for query in (_DROP_STATES, _NOTE_REQUESTS, _DROP_ENDED_HOLDS):
        conn.execute(query)
    messages = 0
    for batch in _batches(conn):
        ends = [end for each in batch if (end := _end_of(*each))]
        messages += _note_results(conn, {end.message_id: end for end in ends}.values())
        _move_orders(conn, filter(None, (change_of(event) for _, event in batch)))
    numbers = _give_numbers_back(conn, tail, since, sealer, hasher)
    return RecoveredRows(
        messages,
        numbers,
        tuple(row[0] for row in conn.execute(_PEOPLE_WITHOUT_NUMBER)),
        tuple(OfSubject(*row) for row in conn.execute(_OPEN_REQUESTS)),
        tuple(LostOrder(*row) for row in conn.execute(_LOST_ORDERS)),
    )


def _batches(conn: psycopg.Connection) -> Iterator[list[tuple[UUID, DomainEvent]]]:
    with conn.cursor(name="recovered") as cursor:
        cursor.execute(_READ_STAGED)
        while rows := cursor.fetchmany(_BATCH):
            yield [(subject_id, read_event(*event)) for subject_id, *event in rows]


def _end_of(subject_id: UUID, event: DomainEvent) -> RecordedResult | None:
    """Return the end of the message that an event is about, or whose sending it prevents."""
    match event:
        case MessageUnknown(final=False):
            return None
        case MessageEvent():
            return record_of(result_of(event, subject_id))
        case OrderCancelled() | OrderExpired():
            # A record of sms.notify.v1 that is read again places the order again.
            result = SubmitResult(
                message_id=dispatched_message_id(event.order_id, 1),
                subject_id=subject_id,
                key="",
                purpose=Purpose.NOTIFICATION,
                template="",
                outcome=Outcome.EXPIRED,
                withheld=WithheldReason.CANCELLED if isinstance(event, OrderCancelled) else None,
                centre="",
                bind="",
                at=event.at,
            )
            return record_of(result)
    return None


def _note_results(conn: psycopg.Connection, ends: Collection[RecordedResult]) -> int:
    if ends:
        conn.execute(
            _NOTE_RESULTS,
            {
                "message_ids": [end.message_id for end in ends],
                "attempts": [end.attempt for end in ends],
                "results": [end.result for end in ends],
            },
        )
    return len(ends)


def _move_orders(conn: psycopg.Connection, changes: Iterable[OrderChange]) -> None:
    """Move orders to the states that the events say; a statement has each order once."""
    together: dict[UUID, OrderChange] = {}
    for change in changes:
        if change.order_id in together:
            _store(conn, list(together.values()))
            together.clear()
        together[change.order_id] = change
    _store(conn, list(together.values()))


def _store(conn: psycopg.Connection, changes: Sequence[OrderChange]) -> None:
    if not changes:
        return
    if (query := orders.refunding(changes)) is not None:
        conn.execute(*query)
    conn.execute(*orders.change(changes))


def _give_numbers_back(
    conn: psycopg.Connection,
    tail: PublishedTail,
    since: datetime | None,
    sealer: Sealer,
    hasher: SubjectHasher,
) -> int:
    """Link people whom the backup doesn't have with their numbers; return how many."""
    wanted: dict[UUID, UUID] = dict(conn.execute(_REQUESTS_OF_UNKNOWN).fetchall())
    found = tail.numbers(wanted, since)
    if not found:
        return 0
    parameters = {
        "subject_ids": list(found),
        "hashes": [hasher.hash(number) for number in found.values()],
        "sealed": [sealer.number(number, subject_id) for subject_id, number in found.items()],
    }
    return conn.execute(_ADD_SUBJECTS, parameters).rowcount
