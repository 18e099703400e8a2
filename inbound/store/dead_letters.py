"""Dead letters: messages that can't be processed, until an operator retries or discards them.

They are bounded in rows and bytes. At the limit no more are stored, and the partition or shard
with the next one waits: nothing is dropped to make room.

Synchronous, for the relay and the command line; the worker stores dead letters within its
transactions and uses the same limits and columns.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import psycopg
from psycopg.rows import args_row

from inbound.store.connecting import called
from inbound.store.errors import DeadLettersFull
from inbound.store.packing import Packed, pack, unpack
from inbound.store.rows import DeadLetter, DeadLetterSource, DeadLetterUsage
from inbound.store.sealing import Sealer
from inbound.store.statements import statements

MEGABYTE: Final = 1_000_000

RETRIED_HEADER: Final = "scserv-retried"
"""The Kafka header that says how often a message was set aside and published again."""

_SQL: Final = statements(__package__, "dead_letters")
_INSERT = _SQL["insert_dead_letters"]
_DEAD_LETTER_USAGE = _SQL["dead_letter_usage"]
_LIST = _SQL["list_dead_letters"]
_COUNT = _SQL["count_dead_letters"]
_OPEN = _SQL["open_dead_letters"]
_DELETE = _SQL["delete_dead_letters"]
_DISCARD = _SQL["discard_dead_letters"]
_LOCK = _SQL["lock_dead_letters"]


@dataclass(frozen=True, slots=True)
class DeadLetterLimits:
    """The quota for dead letters of all processes together."""

    rows: int
    bytes: int

    def check(self, usage: DeadLetterUsage, messages: Sequence[DeadLetter]) -> None:
        """Raise `DeadLettersFull` when it is full, so that these have to wait.

        One transaction may exceed the limit by 500 messages or 4 MB per process.
        """
        if usage.rows >= self.rows or usage.bytes >= self.bytes:
            raise DeadLettersFull(
                f"no room for {len(messages)} more dead letters: {usage.rows} of {self.rows} "
                f"and {usage.bytes / MEGABYTE:.0f} of {self.bytes / MEGABYTE:.0f} MB are stored. "
                "Their partitions wait; `scserv deadletters` shows, retries and discards"
            )

    def used(self, usage: DeadLetterUsage) -> float:
        """Return how full it is, from 0 to 1."""
        return max(usage.rows / self.rows, usage.bytes / self.bytes)


@dataclass(frozen=True, slots=True)
class StoredDeadLetter:
    """A dead letter as it is listed: everything but its content."""

    id: int
    topic: str
    partition: int
    kafka_offset: int
    part: int
    feed: str
    reason: str
    retried: int
    number_hash: bytes | None
    stored_at: datetime
    size: int

    @property
    def place(self) -> DeadLetterSource:
        """Return where it was read."""
        return DeadLetterSource(self.topic, self.partition, self.kafka_offset, self.part, self.feed)


@dataclass(frozen=True, slots=True)
class Selection:
    """Selects the dead letters that match all given criteria."""

    ids: tuple[int, ...] | None = None
    topic: str | None = None
    reason: str | None = None

    def parameters(self) -> dict[str, Any]:
        """Return the parameters of the statements that choose."""
        ids = None if self.ids is None else list(self.ids)
        return {"ids": ids, "topic": self.topic, "reason": self.reason}


def columns(messages: Sequence[DeadLetter], sealer: Sealer) -> dict[str, Any]:
    """Return the parameters of insert_dead_letters."""
    return {
        "topics": [row.topic for row in messages],
        "partitions": [row.partition for row in messages],
        "offsets": [row.kafka_offset for row in messages],
        "parts": [row.part for row in messages],
        "feeds": [row.feed for row in messages],
        "reasons": [row.reason for row in messages],
        "retried": [row.retried for row in messages],
        "number_hashes": [row.number_hash for row in messages],
        "sealed": [
            sealer.dead_letter(pack(Packed(row.key, row.headers, row.payload)), row.place)
            for row in messages
        ],
    }


@called
def insert(
    conn: psycopg.Connection,
    sealer: Sealer,
    limits: DeadLetterLimits,
    messages: Sequence[DeadLetter],
) -> None:
    """Keep these messages; durable when it returns. Safe to repeat: the first one counts.

    Raises `DeadLettersFull` when there is no room; then none of them is kept.
    """
    with conn.transaction():
        limits.check(usage(conn), messages)
        conn.execute(_INSERT, columns(messages, sealer))


@called
def usage(conn: psycopg.Connection) -> DeadLetterUsage:
    """Return how many dead letters there are. Reads one row, however many."""
    row = conn.execute(_DEAD_LETTER_USAGE).fetchone()
    return DeadLetterUsage(*row) if row else DeadLetterUsage(0, 0)


@called
def find(
    conn: psycopg.Connection,
    chosen: Selection,
    *,
    limit: int,
    after: int = 0,
    upto: int | None = None,
) -> list[StoredDeadLetter]:
    """Return up to `limit` dead letters with ids after `after`, in order."""
    parameters = {**chosen.parameters(), "limit": limit, "after": after, "upto": upto}
    with conn.cursor(row_factory=args_row(StoredDeadLetter)) as cursor:
        return cursor.execute(_LIST, parameters).fetchall()


@called
def count(conn: psycopg.Connection, chosen: Selection) -> tuple[int, int]:
    """Return how many messages are meant, and the highest of their ids."""
    row = conn.execute(_COUNT, chosen.parameters()).fetchone()
    return (int(row[0]), int(row[1])) if row else (0, 0)


def opened(
    conn: psycopg.Connection, sealer: Sealer, rows: Sequence[StoredDeadLetter]
) -> Iterator[tuple[StoredDeadLetter, Packed]]:
    """Yield what those rows hold that are still there. Raises UnsealError for a damaged one."""
    sealed = _sealed(conn, [row.id for row in rows])
    for row in rows:
        if row.id in sealed:
            yield row, unpack(sealer.open_dead_letter(sealed[row.id], row.place))


@called
def _sealed(conn: psycopg.Connection, ids: list[int]) -> dict[int, bytes]:
    return dict(conn.execute(_OPEN, {"ids": ids}).fetchall())


@called
def remove(conn: psycopg.Connection, ids: Sequence[int]) -> int:
    """Remove these rows and return how many there were. Safe to repeat."""
    return conn.execute(_DELETE, {"ids": list(ids)}).rowcount


@called
def discard(conn: psycopg.Connection, chosen: Selection, upto: int) -> int:
    """Remove what is meant, up to an id, in one statement; return how many there were."""
    return conn.execute(_DISCARD, {**chosen.parameters(), "upto": upto}).rowcount


@called
def try_lock(conn: psycopg.Connection) -> bool:
    """Become the only one who retries, for as long as `conn` lives; False when one is."""
    return conn.execute(_LOCK).fetchone() == (True,)
