"""Dead letters: messages that can't be processed, until an operator retries or discards them.

They are bounded in rows and bytes. At the limit no more are stored, and the partition or shard with
the next one waits: nothing is dropped to make room. Only those of a single sender have a limit
beyond which they are dropped: otherwise one number could stop the partition of an eighth of all
clients.

Synchronous, for the relay and the command line; the worker stores dead letters within its
transactions and uses the same limits and columns.
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Final

import psycopg
from psycopg.rows import args_row

from inbound.keys import UnsealError
from inbound.store.connections import raises_store_errors
from inbound.store.dead_letters.limits import DeadLetterLimits
from inbound.store.dead_letters.rows import (
    DeadLetter,
    DeadLetterSource,
    DeadLetterUsage,
    Packed,
    Selection,
    StoredDeadLetter,
    pack,
    unpack,
)
from inbound.store.fetching import fetch_rows
from inbound.store.sealing import Sealer
from inbound.store.statements import Query, statements

_AT_ONCE: Final = 200

_SQL: Final = statements(__package__, "dead_letters")
_INSERT = _SQL["insert_dead_letters"]
_DEAD_LETTER_USAGE = _SQL["dead_letter_usage"]
_BY_SENDER = _SQL["dead_letters_by_sender"]
_LIST = _SQL["list_dead_letters"]
_COUNT = _SQL["count_dead_letters"]
_COUNT_TEXTS = _SQL["count_dead_texts"]
_OPEN = _SQL["open_dead_letters"]
_DELETE = _SQL["delete_dead_letters"]
_DISCARD = _SQL["discard_dead_letters"]
_LIST_UNATTRIBUTED = _SQL["list_unattributed_dead_letters"]
_LOCK = _SQL["lock_dead_letters"]


def insertion(messages: Sequence[DeadLetter], sealer: Sealer) -> Query:
    """Return the query that stores these messages; one that is stored already is left alone."""
    return _INSERT, {
        "topics": [row.topic for row in messages],
        "partitions": [row.partition for row in messages],
        "offsets": [row.kafka_offset for row in messages],
        "parts": [row.part for row in messages],
        "feeds": [row.feed for row in messages],
        "reasons": [row.reason for row in messages],
        "retried": [row.retried for row in messages],
        "number_hashes": [row.number_hash for row in messages],
        "sealed": [
            sealer.seal(pack(Packed(row.key, row.headers, row.payload)), row.place.sealing_context)
            for row in messages
        ],
    }


@raises_store_errors
def insert(
    conn: psycopg.Connection,
    sealer: Sealer,
    limits: DeadLetterLimits,
    messages: Sequence[DeadLetter],
) -> None:
    """Store these messages; durable when it returns. Safe to repeat: the first one counts.

    Raises `DeadLettersFull` when there is no room; then none of them is stored.
    """
    with conn.transaction():
        limits.check(usage(conn), messages)
        conn.execute(*insertion(messages, sealer))


@raises_store_errors
def usage(conn: psycopg.Connection) -> DeadLetterUsage:
    """Return how many dead letters there are. Reads one row, however many."""
    row = conn.execute(_DEAD_LETTER_USAGE).fetchone()
    return DeadLetterUsage(*row) if row else DeadLetterUsage(0, 0)


async def current_usage(conn: psycopg.AsyncConnection) -> DeadLetterUsage:
    """Return how many dead letters there are, within the open transaction."""
    cursor = conn.cursor(row_factory=args_row(DeadLetterUsage))
    return await (await cursor.execute(_DEAD_LETTER_USAGE)).fetchone() or DeadLetterUsage(0, 0)


async def usage_by_sender(
    conn: psycopg.AsyncConnection, hashes: Collection[bytes]
) -> dict[bytes, DeadLetterUsage]:
    """Return how many dead letters these senders have, within the open transaction."""
    cursor = await conn.execute(_BY_SENDER, {"hashes": list(hashes)})
    return {sender: DeadLetterUsage(rows, size) async for sender, rows, size in cursor}


async def unattributed(
    conn: psycopg.AsyncConnection, sealer: Sealer, matches: Callable[[Packed], bool]
) -> list[int]:
    """Return the ids of matching dead letters whose sender is unknown.

    Opens all of them; one that does not open is left out. Within a transaction.
    """
    found = []
    # A server-side cursor: there may be as many as the quota allows.
    async with conn.cursor("unattributed_dead_letters") as cursor:
        cursor.itersize = _AT_ONCE
        await cursor.execute(_LIST_UNATTRIBUTED)
        async for id_, *source, sealed in cursor:
            context = DeadLetterSource(*source).sealing_context
            try:
                message = unpack(sealer.open(sealed, context))
            except UnsealError:
                continue
            if matches(message):
                found.append(id_)
    return found


@raises_store_errors
def find(
    conn: psycopg.Connection,
    selection: Selection,
    *,
    limit: int,
    after: int = 0,
    upto: int | None = None,
) -> list[StoredDeadLetter]:
    """Return up to `limit` dead letters with ids after `after`, in order."""
    parameters = {**selection.parameters(), "limit": limit, "after": after, "upto": upto}
    return fetch_rows(conn, StoredDeadLetter, _LIST, parameters)


@raises_store_errors
def count(conn: psycopg.Connection, selection: Selection) -> tuple[int, int]:
    """Return how many dead letters are selected, and the highest of their ids."""
    row = conn.execute(_COUNT, selection.parameters()).fetchone()
    return (int(row[0]), int(row[1])) if row else (0, 0)


@raises_store_errors
def count_texts(conn: psycopg.Connection) -> int:
    """Return how many dead letters are texts of phones; not more than 1000 are counted."""
    row = conn.execute(_COUNT_TEXTS).fetchone()
    return int(row[0]) if row else 0


def opened(
    conn: psycopg.Connection, sealer: Sealer, rows: Sequence[StoredDeadLetter]
) -> Iterator[tuple[StoredDeadLetter, Packed]]:
    """Yield the content of the rows that still exist. Raises UnsealError for a damaged one."""
    sealed = _sealed(conn, [row.id for row in rows])
    for row in rows:
        if row.id in sealed:
            yield row, unpack(sealer.open(sealed[row.id], row.place.sealing_context))


@raises_store_errors
def _sealed(conn: psycopg.Connection, ids: list[int]) -> dict[int, bytes]:
    return dict(conn.execute(_OPEN, {"ids": ids}).fetchall())


@raises_store_errors
def remove(conn: psycopg.Connection, ids: Sequence[int]) -> int:
    """Delete these rows and return how many. Safe to repeat."""
    return conn.execute(_DELETE, {"ids": list(ids)}).rowcount


@raises_store_errors
def discard(conn: psycopg.Connection, selection: Selection, upto: int) -> int:
    """Delete the selected dead letters up to an id, in one statement; return how many."""
    return conn.execute(_DISCARD, {**selection.parameters(), "upto": upto}).rowcount


@raises_store_errors
def try_lock(conn: psycopg.Connection) -> bool:
    """Lock retries for as long as `conn` lives; False when another retry is running."""
    return conn.execute(_LOCK).fetchone() == (True,)
