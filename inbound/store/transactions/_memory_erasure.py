"""Erasing a person in the in-memory store."""

from dataclasses import replace
from datetime import datetime
from uuid import UUID

from inbound.handlers.order_progress import OrderChange
from inbound.store.dead_letters.rows import DeadLetter
from inbound.store.people.rows import ErasedRows, PersonToErase
from inbound.store.transactions import _memory_orders
from inbound.store.transactions.memory_tables import Tables, remove
from schemas.orders import OrderState


def erase(tables: Tables, person: PersonToErase, now: datetime) -> ErasedRows:
    """Remove what is stored of a person and return how many rows there were."""
    subject_id = tables.subjects.pop(person.number_hash, None)
    if subject_id is not None:
        tables.numbers.pop(subject_id, None)
        remove(tables.held, lambda _, row: row.subject_id == subject_id)
    hash_ = person.number_hash
    parts = sum(
        len(kept.pop(key))
        for kept in (tables.parts, tables.whole_parts)
        for key in [key for key in kept if key.number_hash == hash_]
    )
    return ErasedRows(
        subjects=int(subject_id is not None),
        parts=parts,
        rejected_mos=remove(tables.rejected_mos, lambda key, _: key.number_hash == hash_),
        sent=remove(tables.sent, lambda key, _: key[0] == person.subject_id),
        early=remove(tables.early, lambda key, _: key.subject_id == person.subject_id),
        secrets=remove(tables.vault, lambda key, _: key in person.secrets),
        dead_letters=remove(tables.dead_letters, lambda _, row: _is_about(row, person)),
        texts=remove(tables.contents, lambda _, row: row.subject_id == person.subject_id),
        orders=_erase_scheduled(tables, person.subject_id, now),
        refused_orders=_unlink_orders(tables, person.number_hash),
        account_texts=remove(tables.account_texts, lambda _, row: row.number_hash == hash_),
    )


def _unlink_orders(tables: Tables, number_hash: bytes) -> int:
    linked = [row for row in tables.orders.values() if row.stranger_hash == number_hash]
    for row in linked:
        tables.orders[row.order_id] = replace(row, stranger_hash=None)
    return len(linked)


def _erase_scheduled(tables: Tables, subject_id: UUID | None, now: datetime) -> int:
    waiting = [
        row
        for row in tables.orders.values()
        if row.state is OrderState.SCHEDULED and row.subject_id == subject_id is not None
    ]
    for row in waiting:
        change = OrderChange(row.order_id, OrderState.ERASED, now, unsent=True)
        _memory_orders.change_order(tables, change)
    return len(waiting)


def _is_about(row: DeadLetter, person: PersonToErase) -> bool:
    """Whether a dead letter is of this person, or names them when its sender is unknown."""
    if row.number_hash is not None:
        return row.number_hash == person.number_hash
    return person.is_named_in(row.key, row.payload, *dict(row.headers).values())
