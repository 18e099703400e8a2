"""Appends events and outbox rows under the log lock.

The lock is taken last and held to commit: positions appear in commit order and without gaps.
What does not depend on earlier events is encoded before the lock (`EncodedEvent`); under it
each event gets its position, time and digest.
"""

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

import psycopg

from inbound.store.errors import StoreUnavailable
from inbound.store.log.copy_format import SIGNATURE, TRAILER, encode_given, encode_position
from inbound.store.log.rows import NewEvent, NewState
from inbound.store.statements import Query, statements
from schemas.chain import Chains, body, chain_of, microseconds

_SQL: Final = statements(__package__, "log")
_MERGE_STATES: Final = _SQL["merge_states"]
_LOCK_LOG: Final = _SQL["lock_log"]
_LOG_END: Final = _SQL["log_end"]
_APPEND_EVENTS: Final = _SQL["append_events"]
_MOVE_HEADS: Final = _SQL["move_heads"]


class EncodedEvent(NamedTuple):
    """All of an event that can be prepared before the log is locked."""

    chain: int
    digested: bytes
    columns: bytes


class LogEnd(NamedTuple):
    """Where the log ends under the lock: last position, time of the next events, chain ends."""

    position: int
    recorded_us: int
    chains: Chains


def encode(event: NewEvent) -> EncodedEvent:
    """Return an event as it is appended, but for what the log gives it."""
    columns = (
        event.stream_id,
        event.version,
        event.type,
        event.schema_version,
        event.data,
        event.metadata,
    )
    return EncodedEvent(chain_of(event.stream_id), body(*columns), encode_given(*columns))


def merging(states: Sequence[NewState]) -> Query:
    """Return the query that stores these states; it leaves out those that have moved on."""
    return _MERGE_STATES, {
        "stream_ids": [row.stream_id for row in states],
        "expected": [row.expected_version for row in states],
        "versions": [row.version for row in states],
        "state_versions": [row.state_version for row in states],
        "states": [row.state.decode() for row in states],
    }


async def lock(conn: psycopg.AsyncConnection) -> psycopg.AsyncCursor:
    """Lock the log until commit; `log_end` takes the cursor. Fits into a pipeline."""
    await conn.execute(_LOCK_LOG)
    return await conn.execute(_LOG_END)


async def log_end(cursor: psycopg.AsyncCursor) -> LogEnd:
    """Return where the log ends. Raises StoreUnavailable when the heads are lost."""
    row = await cursor.fetchone()
    if row is None:
        raise StoreUnavailable("the table log_heads has lost its row: see `scserv log verify`")
    last, now, *heads = row
    return LogEnd(last, microseconds(now), Chains(*heads))


async def append(
    conn: psycopg.AsyncConnection, end: LogEnd, events: Sequence[EncodedEvent]
) -> None:
    """Append these events; `end.chains` move on with them."""
    if not events:
        return
    rows = _rows(end, events)
    async with conn.cursor() as cursor, cursor.copy(_APPEND_EVENTS) as copy:
        await copy.write(b"".join((SIGNATURE, *rows, TRAILER)))


async def move_heads(conn: psycopg.AsyncConnection, chains: Chains) -> None:
    """Write where the chains end, inside the same transaction."""
    # As text: psycopg is slow at dumping lists.
    positions = ",".join(map(str, chains.positions))
    digests = ",".join(f'"\\\\x{digest.hex()}"' for digest in chains.digests)
    await conn.execute(_MOVE_HEADS, {"positions": f"{{{positions}}}", "digests": f"{{{digests}}}"})


def _rows(end: LogEnd, events: Iterable[EncodedEvent]) -> Iterable[bytes]:
    for position, (chain, digested, columns) in enumerate(events, start=end.position + 1):
        digest = end.chains.append(chain, position, end.recorded_us, digested)
        yield encode_position(position, end.recorded_us, chain, digest)
        yield columns
