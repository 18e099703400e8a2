"""Messages that can't be processed, kept until somebody retries or discards them.

What is parked is bounded in rows and bytes. At the limit nothing more is taken, and whoever
wanted to park waits with its message where it was read: nothing is dropped to make room.

Synchronous, for the relay and the command line; the worker parks within its transactions
and uses the same limits and columns.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import psycopg
from psycopg.rows import args_row

from inbound.store.connecting import called
from inbound.store.errors import ParkingFull
from inbound.store.packing import Packed, pack, unpack
from inbound.store.rows import ParkedMessage, ParkedPlace, ParkedUsage
from inbound.store.sealing import Sealer
from inbound.store.statements import statements

MEGABYTE: Final = 1_000_000

RETRIED_HEADER: Final = "scserv-retried"
"""The Kafka header that says how often a message was parked and published again."""

_SQL: Final = statements(__package__, "parked")
_INSERT_PARKED = _SQL["insert_parked"]
_PARKED_USAGE = _SQL["parked_usage"]
_LIST_PARKED = _SQL["list_parked"]
_COUNT_PARKED = _SQL["count_parked"]
_OPEN_PARKED = _SQL["open_parked"]
_DELETE_PARKED = _SQL["delete_parked"]
_DISCARD_PARKED = _SQL["discard_parked"]
_LOCK_PARKED = _SQL["lock_parked"]


@dataclass(frozen=True, slots=True)
class ParkingLimits:
    """How much may be parked at most, by all processes together."""

    rows: int
    bytes: int

    def check(self, usage: ParkedUsage, messages: Sequence[ParkedMessage]) -> None:
        """Raise `ParkingFull` when it is full, so that these have to wait.

        What one transaction parks may pass the limit: 500 messages or 4 MB of each process.
        """
        if usage.rows >= self.rows or usage.bytes >= self.bytes:
            raise ParkingFull(
                f"no room for {len(messages)} more parked messages: {usage.rows} of {self.rows} "
                f"and {usage.bytes / MEGABYTE:.0f} of {self.bytes / MEGABYTE:.0f} MB are parked. "
                "They wait where they are; `scserv parked` shows, retries and discards"
            )

    def used(self, usage: ParkedUsage) -> float:
        """Return how full it is, from 0 to 1."""
        return max(usage.rows / self.rows, usage.bytes / self.bytes)


@dataclass(frozen=True, slots=True)
class ParkedRow:
    """A parked message as it is listed: everything but what it holds."""

    id: int
    topic: str
    partition: int
    kafka_offset: int
    part: int
    feed: str
    reason: str
    retried: int
    number_hash: bytes | None
    parked_at: datetime
    size: int

    @property
    def place(self) -> ParkedPlace:
        """Return where it was read."""
        return ParkedPlace(self.topic, self.partition, self.kafka_offset, self.part, self.feed)


@dataclass(frozen=True, slots=True)
class Chosen:
    """Which parked messages are meant: those for which all that is given is true."""

    ids: tuple[int, ...] | None = None
    topic: str | None = None
    reason: str | None = None

    def parameters(self) -> dict[str, Any]:
        """Return the parameters of the statements that choose."""
        ids = None if self.ids is None else list(self.ids)
        return {"ids": ids, "topic": self.topic, "reason": self.reason}


def columns(messages: Sequence[ParkedMessage], sealer: Sealer) -> dict[str, Any]:
    """Return the parameters of insert_parked."""
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
            sealer.parked(pack(Packed(row.key, row.headers, row.payload)), row.place)
            for row in messages
        ],
    }


@called
def park(
    conn: psycopg.Connection,
    sealer: Sealer,
    limits: ParkingLimits,
    messages: Sequence[ParkedMessage],
) -> None:
    """Keep these messages; durable when it returns. Safe to repeat: the first one counts.

    Raises `ParkingFull` when there is no room; then none of them is kept.
    """
    with conn.transaction():
        limits.check(usage(conn), messages)
        conn.execute(_INSERT_PARKED, columns(messages, sealer))


@called
def usage(conn: psycopg.Connection) -> ParkedUsage:
    """Return how much is parked. Costs one row, however much it is."""
    row = conn.execute(_PARKED_USAGE).fetchone()
    return ParkedUsage(*row) if row else ParkedUsage(0, 0)


@called
def find(
    conn: psycopg.Connection,
    chosen: Chosen,
    *,
    limit: int,
    after: int = 0,
    upto: int | None = None,
) -> list[ParkedRow]:
    """Return up to `limit` parked messages with ids after `after`, in order."""
    parameters = {**chosen.parameters(), "limit": limit, "after": after, "upto": upto}
    with conn.cursor(row_factory=args_row(ParkedRow)) as cursor:
        return cursor.execute(_LIST_PARKED, parameters).fetchall()


@called
def count(conn: psycopg.Connection, chosen: Chosen) -> tuple[int, int]:
    """Return how many messages are meant, and the highest of their ids."""
    row = conn.execute(_COUNT_PARKED, chosen.parameters()).fetchone()
    return (int(row[0]), int(row[1])) if row else (0, 0)


def opened(
    conn: psycopg.Connection, sealer: Sealer, rows: Sequence[ParkedRow]
) -> Iterator[tuple[ParkedRow, Packed]]:
    """Yield what those rows hold that are still there. Raises UnsealError for a damaged one."""
    sealed = _sealed(conn, [row.id for row in rows])
    for row in rows:
        if row.id in sealed:
            yield row, unpack(sealer.open_parked(sealed[row.id], row.place))


@called
def _sealed(conn: psycopg.Connection, ids: list[int]) -> dict[int, bytes]:
    return dict(conn.execute(_OPEN_PARKED, {"ids": ids}).fetchall())


@called
def remove(conn: psycopg.Connection, ids: Sequence[int]) -> int:
    """Remove these rows and return how many there were. Safe to repeat."""
    return conn.execute(_DELETE_PARKED, {"ids": list(ids)}).rowcount


@called
def discard(conn: psycopg.Connection, chosen: Chosen, upto: int) -> int:
    """Remove what is meant, up to an id, in one statement; return how many there were."""
    return conn.execute(_DISCARD_PARKED, {**chosen.parameters(), "upto": upto}).rowcount


@called
def try_lock(conn: psycopg.Connection) -> bool:
    """Become the only one who retries, for as long as `conn` lives; False when one is."""
    return conn.execute(_LOCK_PARKED).fetchone() == (True,)
