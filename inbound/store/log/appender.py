"""Appends events under the log lock.

The lock is taken last and held to commit: positions appear in commit order and without gaps. Under
it each event gets its position, time and digest. `FEW` events are inserted by a query that travels
with the commit. More are copied; then everything that doesn't depend on earlier events is encoded
before the lock (`EncodedEvent`).
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
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
_INSERT_EVENTS: Final = _SQL["insert_events"]
_MOVE_HEADS: Final = _SQL["move_heads"]

FEW: Final = 4
"""Up to this many rows are inserted rather than copied.

COPY costs two round trips of its own, but psycopg is slow at dumping lists: an INSERT costs more
CPU for each row.
"""


class EncodedEvent(NamedTuple):
    """Everything of an event that can be prepared before the log is locked."""

    chain: int
    digested: bytes
    columns: bytes


class LogEnd(NamedTuple):
    """Where the log ends under the lock: last position, time of the next events, chain ends."""

    position: int
    recorded_at: datetime
    chains: Chains


def encode(event: NewEvent) -> EncodedEvent:
    """Return an event as it is appended, except for what the log assigns."""
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
    return LogEnd(last, now, Chains(*heads))


def insertion(end: LogEnd, events: Sequence[NewEvent]) -> Query:
    """Return the query that appends these events and moves the heads; so do `end.chains`."""
    recorded_us = microseconds(end.recorded_at)
    chains = [chain_of(event.stream_id) for event in events]
    positions = range(end.position + 1, end.position + 1 + len(events))
    digests = [
        end.chains.append(chain, position, recorded_us, _body(event))
        for chain, position, event in zip(chains, positions, events, strict=True)
    ]
    head_positions, heads = _as_text(end.chains)
    return _INSERT_EVENTS, {
        "head_positions": head_positions,
        "heads": heads,
        "last": end.position,
        "recorded_at": end.recorded_at,
        "chains": chains,
        "digests": digests,
        "stream_ids": [event.stream_id for event in events],
        "versions": [event.version for event in events],
        "types": [event.type for event in events],
        "schema_versions": [event.schema_version for event in events],
        "data": [event.data.decode() for event in events],
        "metadata": [event.metadata.decode() for event in events],
    }


async def copy(conn: psycopg.AsyncConnection, end: LogEnd, events: Sequence[EncodedEvent]) -> None:
    """Append these events; `end.chains` move on with them."""
    rows = _rows(end, events)
    async with conn.cursor() as cursor, cursor.copy(_APPEND_EVENTS) as writer:
        await writer.write(b"".join((SIGNATURE, *rows, TRAILER)))


def moving_heads(chains: Chains) -> Query:
    """Return the query that writes where the chains end, for the end of the same transaction."""
    positions, digests = _as_text(chains)
    return _MOVE_HEADS, {"positions": positions, "digests": digests}


def _as_text(chains: Chains) -> tuple[str, str]:
    """Return positions and digests as array literals: psycopg is slow at dumping lists."""
    positions = ",".join(map(str, chains.positions))
    digests = ",".join(f'"\\\\x{digest.hex()}"' for digest in chains.digests)
    return f"{{{positions}}}", f"{{{digests}}}"


def _body(event: NewEvent) -> bytes:
    return body(
        event.stream_id,
        event.version,
        event.type,
        event.schema_version,
        event.data,
        event.metadata,
    )


def _rows(end: LogEnd, events: Iterable[EncodedEvent]) -> Iterable[bytes]:
    recorded_us = microseconds(end.recorded_at)
    for position, (chain, digested, columns) in enumerate(events, start=end.position + 1):
        digest = end.chains.append(chain, position, recorded_us, digested)
        yield encode_position(position, recorded_us, chain, digest)
        yield columns
