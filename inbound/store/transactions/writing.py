"""Writes one batch: what can wait for others first, the log lock last.

A small batch takes two round trips, the second of which is the commit: what needs no answer is
returned to travel with it. A large one is copied, which is cheaper for many rows.
"""

from collections.abc import Iterable, Sequence
from typing import Final

import psycopg

from inbound.store import usage
from inbound.store.access import audit
from inbound.store.broadcasts import cursors
from inbound.store.callbacks import callbacks
from inbound.store.claims import vault
from inbound.store.dead_letters import dead_letters
from inbound.store.errors import Conflict
from inbound.store.log import appender
from inbound.store.log.appender import FEW, LogEnd
from inbound.store.mo import account_texts, inbox, rejected, unknown_numbers
from inbound.store.orders import accounts, orders
from inbound.store.orders.rows import OrderWrites
from inbound.store.outbox.rows import NewOutboxRow
from inbound.store.quotas import Quotas
from inbound.store.receipts import early_receipts, sent_parts
from inbound.store.registrations import registrations
from inbound.store.sealing import Sealer
from inbound.store.smpp import messages as smpp_messages
from inbound.store.statements import Query, statements
from inbound.store.transactions.changes import Changes

_OUTBOX_SQL: Final = statements("inbound.store.outbox", "outbox")
_APPEND_OUTBOX: Final = _OUTBOX_SQL["append_outbox"]
_INSERT_OUTBOX: Final = _OUTBOX_SQL["insert_outbox"]

# In binary COPY json travels as its text, so bytes pass through the dumper of bytea unchanged.
_JSON: Final = "bytea"
_OUTBOX_TYPES: Final = ("int2", "text", "text", "text", "text", _JSON, "bytea")


async def write(
    conn: psycopg.AsyncConnection, changes: Changes, sealer: Sealer, quotas: Quotas
) -> list[Query]:
    """Write all rows inside the open transaction, but for those of the queries that it returns.

    They are the last of the transaction. Raises Conflict, StoreUnavailable, and errors of psycopg.
    """
    merged = locked = None
    is_small = max(len(changes.events), len(changes.outbox)) <= FEW
    encoded = [] if is_small else [appender.encode(event) for event in changes.events]
    if len(changes.sent) > FEW:
        new_parts = map(sent_parts.copy_row, changes.sent)
        await _copy(conn, sent_parts.COPY_SENT_PARTS, sent_parts.COPY_TYPES, new_parts)
    contents = (orders.content_row(content, sealer) for content in changes.orders.contents)
    await _copy(
        conn, orders.COPY_ORDERS, orders.ORDER_TYPES, map(orders.order_row, changes.orders.orders)
    )
    await _copy(conn, orders.COPY_CONTENTS, orders.CONTENT_TYPES, contents)
    submitted = map(smpp_messages.message_row, changes.orders.smpp.messages)
    await _copy(conn, smpp_messages.COPY_MESSAGES, smpp_messages.MESSAGE_TYPES, submitted)
    async with conn.pipeline():
        for query, parameters in _queries(changes, sealer, quotas):
            await conn.execute(query, parameters)
        if changes.states:
            merged = await conn.execute(*appender.merging(changes.states))
        # Late, because batches with registrations of one SMS centre wait for each other here.
        for query, parameters in _of_registrations(changes):
            await conn.execute(query, parameters)
        if changes.events or changes.outbox:
            locked = await appender.lock(conn)
    if merged is not None and merged.rowcount != len(changes.states):
        raise Conflict("other transactions changed the same people at the same time")
    if locked is None:
        return []
    end = await appender.log_end(locked)
    if is_small:
        return list(_last_queries(end, changes))
    if encoded:
        await appender.copy(conn, end, encoded)
    await _copy(conn, _APPEND_OUTBOX, _OUTBOX_TYPES, map(_outbox_row, changes.outbox))
    return [appender.moving_heads(end.chains)] if encoded else []


def _last_queries(end: LogEnd, changes: Changes) -> Iterable[Query]:
    """Yield what is written under the log lock."""
    if changes.outbox:
        yield _outbox_insertion(changes.outbox)
    if changes.events:
        yield appender.insertion(end, changes.events)


def _queries(changes: Changes, sealer: Sealer, quotas: Quotas) -> Iterable[Query]:
    """Yield what needs no answer."""
    if changes.inbox:
        yield inbox.insertion(changes.inbox)
    if changes.vault:
        yield vault.insertion(changes.vault, sealer)
    if changes.erase_vault:
        yield vault.deletion(changes.erase_vault)
    if changes.dead_letters:
        yield dead_letters.insertion(changes.dead_letters, sealer)
    if changes.rejected_mos:
        yield rejected.addition(changes.rejected_mos, quotas)
    if changes.account_texts:
        yield account_texts.insertion(changes.account_texts, sealer)
    yield from _receipt_queries(changes)
    yield from _order_queries(changes.orders)
    if (
        changes.wants_command_callbacks
        and (query := callbacks.of_commands(changes.events)) is not None
    ):
        yield query


def _receipt_queries(changes: Changes) -> Iterable[Query]:
    """Yield new parts first: receipts may be about them."""
    if 0 < len(changes.sent) <= FEW:
        yield sent_parts.insertion(changes.sent)
    if changes.receipts:
        yield sent_parts.status_update(changes.receipts)
    if changes.no_longer_early:
        yield usage.locking(usage.EARLY_RECEIPTS)
        yield early_receipts.deletion(changes.no_longer_early)


def _order_queries(writes: OrderWrites) -> Iterable[Query]:
    """Yield counters first: transactions that accept orders of one account meet there."""
    if writes.usage:
        yield accounts.addition(writes.usage)
    if writes.charges:
        yield accounts.charging(writes.charges)
    if writes.free_at:
        yield accounts.occupying(writes.free_at)
    if writes.cursors:
        yield cursors.moving(writes.cursors)
    if writes.changes:
        changed = list(writes.changes.values())
        if (query := orders.refunding(changed)) is not None:
            yield query
        yield orders.change(changed)
    if writes.smsc_ids:
        yield callbacks.naming(writes.smsc_ids)
    if (query := callbacks.of_orders(writes)) is not None:
        yield query
    yield from smpp_messages.following(writes.smpp)


def _of_registrations(changes: Changes) -> Iterable[Query]:
    if changes.unknown_numbers:
        yield unknown_numbers.addition(changes.unknown_numbers)
    if changes.registrations:
        yield registrations.count_addition(changes.registrations)
    if changes.held:
        yield registrations.insertion(changes.held)
    if changes.audit:
        yield audit.insertion(changes.audit)


def _outbox_insertion(rows: Sequence[NewOutboxRow]) -> Query:
    return _INSERT_OUTBOX, {
        "shards": [row.shard for row in rows],
        "topics": [row.topic for row in rows],
        "keys": [row.key for row in rows],
        "event_ids": [row.event_id for row in rows],
        "types": [row.type for row in rows],
        "headers": [row.headers.decode() for row in rows],
        "contents": [row.value for row in rows],
    }


def _outbox_row(row: NewOutboxRow) -> tuple[object, ...]:
    return row.shard, row.topic, row.key, row.event_id, row.type, row.headers, row.value


async def _copy(
    conn: psycopg.AsyncConnection,
    query: bytes,
    types: Sequence[str],
    rows: Iterable[tuple[object, ...]],
) -> None:
    rows = list(rows)
    if not rows:
        return
    async with conn.cursor() as cursor, cursor.copy(query) as copy:
        copy.set_types(types)
        for row in rows:
            await copy.write_row(row)
