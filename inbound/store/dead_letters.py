"""Dead letters: messages that can't be processed, until an operator retries or discards them.

They are bounded in rows and bytes. At the limit no more are stored, and the partition or shard
with the next one waits: nothing is dropped to make room. Only those of one sender beyond a limit of
their own are dropped: otherwise one number could stop the partition of an eighth of all clients.

Synchronous, for the relay and the command line; the worker stores dead letters within its
transactions and uses the same limits and columns.
"""

from base64 import urlsafe_b64decode
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, NamedTuple

import psycopg
from psycopg.rows import args_row
from pydantic_core import from_json, to_json

from inbound.keys import UnsealError
from inbound.store.connections import raises_store_errors
from inbound.store.errors import DeadLettersFull
from inbound.store.sealing import Sealer
from inbound.store.statements import Query, statements

KAFKA_FEED: Final = "kafka"
MEGABYTE: Final = 1_000_000

RETRIED_HEADER: Final = "scserv-retried"
"""The Kafka header that says how often a message was set aside and published again."""

_AT_ONCE: Final = 200
_FORM: Final = 1

_SQL: Final = statements(__package__, "dead_letters")
_INSERT = _SQL["insert_dead_letters"]
_DEAD_LETTER_USAGE = _SQL["dead_letter_usage"]
_BY_SENDER = _SQL["dead_letters_by_sender"]
_LIST = _SQL["list_dead_letters"]
_COUNT = _SQL["count_dead_letters"]
_OPEN = _SQL["open_dead_letters"]
_DELETE = _SQL["delete_dead_letters"]
_DISCARD = _SQL["discard_dead_letters"]
_LIST_UNATTRIBUTED = _SQL["list_unattributed_dead_letters"]
_LOCK = _SQL["lock_dead_letters"]


class DeadLetterSource(NamedTuple):
    """Where a dead letter was read: its identity."""

    topic: str
    partition: int
    kafka_offset: int
    part: int = 0
    feed: str = KAFKA_FEED

    @property
    def sealing_context(self) -> bytes:
        """Return the context in which the dead letter is sealed."""
        # The first word and the short form are those of the first release: its rows still open.
        feed = "" if self.feed == KAFKA_FEED else f"{self.feed}:"
        part = f"/{self.part}" if self.part else ""
        return f"parked:{feed}{self.topic}/{self.partition}/{self.kafka_offset}{part}".encode()


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A message that can't be processed, with all that publishing it again takes.

    `feed` is where it was read: from Kafka, or by the relay; then `partition` is the shard,
    `kafka_offset` the position, and `topic` where it should have gone. `part` tells apart
    what one record held. `number_hash` is whose it is, as far as known. The reason must not
    quote the message.
    """

    topic: str
    partition: int
    kafka_offset: int
    reason: str
    payload: bytes = field(repr=False)
    key: bytes | None = field(default=None, repr=False)
    headers: tuple[tuple[str, bytes], ...] = field(default=(), repr=False)
    part: int = 0
    feed: str = KAFKA_FEED
    retried: int = 0
    number_hash: bytes | None = None

    @property
    def place(self) -> DeadLetterSource:
        """Return where it was read."""
        return DeadLetterSource(self.topic, self.partition, self.kafka_offset, self.part, self.feed)


class DeadLetterUsage(NamedTuple):
    """The dead letters stored; `bytes` counts them sealed."""

    rows: int
    bytes: int


class Packed(NamedTuple):
    """What a message had in Kafka; a missing value is an empty one."""

    key: bytes | None
    headers: tuple[tuple[str, bytes], ...]
    value: bytes


def pack(message: Packed) -> bytes:
    """Return a message as one value to seal: key and headers on a line of JSON, then its bytes."""
    about = {"form": _FORM, "key": message.key, "headers": message.headers}
    return to_json(about, bytes_mode="base64") + b"\n" + message.value


def unpack(packed: bytes) -> Packed:
    """Return what `pack` was given, also of the first form, which kept the key as text."""
    line, _, value = packed.partition(b"\n")
    about: dict[str, Any] = from_json(line)
    key = about["key"]
    if "form" not in about:
        key = key.encode("ascii", "replace")
    elif key is not None:
        key = urlsafe_b64decode(key)
    headers = tuple((name, urlsafe_b64decode(coded)) for name, coded in about["headers"])
    return Packed(key, headers, value)


@dataclass(frozen=True, slots=True)
class DeadLetterLimits:
    """The quota for dead letters of all processes together."""

    rows: int
    bytes: int
    sender_rows: int = 1_000
    sender_bytes: int = 10_000_000

    def check(self, usage: DeadLetterUsage, messages: Sequence[DeadLetter]) -> None:
        """Raise `DeadLettersFull` if the quota is used up, so that these have to wait.

        One transaction may exceed the limit by 500 messages or 4 MB per process.
        """
        if usage.rows >= self.rows or usage.bytes >= self.bytes:
            raise DeadLettersFull(
                f"no room for {len(messages)} more dead letters: {usage.rows} of {self.rows} "
                f"and {usage.bytes / MEGABYTE:.0f} of {self.bytes / MEGABYTE:.0f} MB are stored. "
                "Their partitions wait; `scserv deadletters` shows, retries and discards"
            )

    def used(self, usage: DeadLetterUsage) -> float:
        """Return the share of the quota in use, from 0 to 1."""
        return max(usage.rows / self.rows, usage.bytes / self.bytes)


def within_sender_limits(
    limits: DeadLetterLimits,
    messages: Sequence[DeadLetter],
    stored: Mapping[bytes, DeadLetterUsage],
) -> list[DeadLetter]:
    """Return the messages that are within their senders' limits; `stored` counts by sender.

    Those of an unknown sender are.
    """
    left = {
        sender: [limits.sender_rows - usage.rows, limits.sender_bytes - usage.bytes]
        for sender, usage in stored.items()
    }
    kept = []
    for message in messages:
        if message.number_hash is not None:
            room = left.setdefault(message.number_hash, [limits.sender_rows, limits.sender_bytes])
            if min(room) <= 0:
                continue
            room[0] -= 1
            room[1] -= len(message.payload)
        kept.append(message)
    return kept


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
        """Return the parameters of the statements that select."""
        ids = None if self.ids is None else list(self.ids)
        return {"ids": ids, "topic": self.topic, "reason": self.reason}


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
    with conn.cursor(row_factory=args_row(StoredDeadLetter)) as cursor:
        return cursor.execute(_LIST, parameters).fetchall()


@raises_store_errors
def count(conn: psycopg.Connection, selection: Selection) -> tuple[int, int]:
    """Return how many dead letters are selected, and the highest of their ids."""
    row = conn.execute(_COUNT, selection.parameters()).fetchone()
    return (int(row[0]), int(row[1])) if row else (0, 0)


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
