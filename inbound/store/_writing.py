"""The write of one batch: what can wait first, the log lock last, then only COPY and commit."""

from collections.abc import Iterable, Sequence
from typing import Any, Final

import psycopg

from inbound.handlers.receipts import SentPart
from inbound.store._sql import statement
from inbound.store.errors import Conflict
from inbound.store.rows import Changes, EarlyKey, Missed, NewEvent, NewOutboxRow
from inbound.store.sealing import Sealer

_INSERT_INBOX = statement("insert_inbox")
_MERGE_STATES = statement("merge_states")
_INSERT_VAULT = statement("insert_vault")
_ERASE_VAULT = statement("erase_vault")
_INSERT_PARKED = statement("insert_parked")
_COPY_SENT_PARTS = statement("copy_sent_parts")
_UPDATE_SENT_PARTS = statement("update_sent_parts")
_INSERT_EARLY_RECEIPTS = statement("insert_early_receipts")
_DELETE_EARLY_RECEIPTS = statement("delete_early_receipts")
_ADD_MISSES = statement("add_misses")
_LOCK_LOG = statement("lock_log")
_LAST_POSITION = statement("last_position")
_APPEND_EVENTS = statement("append_events")
_APPEND_OUTBOX = statement("append_outbox")

MISSES_PER_HOUR: Final = 10_000
"""New rows of all numbers together: a flood keeps below 2 million rows in a week."""

# In binary COPY json travels as its text, so bytes pass through the dumper of bytea unchanged.
_JSON: Final = "bytea"
_EVENT_TYPES: Final = ("int8", "uuid", "int4", "text", "int2", _JSON, _JSON)
_SENT_TYPES: Final = (
    *("uuid", "uuid", "int2", "int2", "uuid", "text", "text", "text", "text"),
    *("timestamptz", "text"),
)
_OUTBOX_TYPES: Final = ("int2", "text", "text", "text", "text", _JSON, "bytea")


async def write(conn: psycopg.AsyncConnection, changes: Changes, sealer: Sealer) -> None:
    """Write all rows inside the transaction that is open on `conn`."""
    merged = last = None
    await _copy(conn, _COPY_SENT_PARTS, _SENT_TYPES, map(_sent_row, changes.sent))
    async with conn.pipeline():
        for query, parameters in (*_unordered(changes, sealer), *_receipts(changes)):
            await conn.execute(query, parameters)
        if changes.states:
            merged = await conn.execute(_MERGE_STATES, _states(changes))
        if changes.events or changes.outbox:
            await conn.execute(_LOCK_LOG)
            last = await conn.execute(_LAST_POSITION)
    if merged is not None and merged.rowcount != len(changes.states):
        raise Conflict("a subject has moved on since its state was read")
    if last is not None:
        row = await last.fetchone()
        position = row[0] if row else 0
        await _copy(conn, _APPEND_EVENTS, _EVENT_TYPES, _event_rows(position, changes.events))
        await _copy(conn, _APPEND_OUTBOX, _OUTBOX_TYPES, map(_outbox_row, changes.outbox))


def _unordered(changes: Changes, sealer: Sealer) -> Iterable[tuple[bytes, dict[str, Any]]]:
    """Yield the statements whose order does not matter and whose answer nobody needs."""
    if changes.inbox:
        yield (
            _INSERT_INBOX,
            {
                "mo_ids": [row.mo_id for row in changes.inbox],
                "received": [row.received_at for row in changes.inbox],
            },
        )
    if changes.vault:
        yield (
            _INSERT_VAULT,
            {
                "message_ids": [row.message_id for row in changes.vault],
                "sealed": [sealer.secret(row.plaintext, row.message_id) for row in changes.vault],
                "expires": [row.expires_at for row in changes.vault],
            },
        )
    if changes.erase_vault:
        yield _ERASE_VAULT, {"message_ids": changes.erase_vault}
    if changes.parked:
        yield (
            _INSERT_PARKED,
            {
                "topics": [row.topic for row in changes.parked],
                "partitions": [row.partition for row in changes.parked],
                "offsets": [row.kafka_offset for row in changes.parked],
                "reasons": [row.reason for row in changes.parked],
                "sealed": [
                    sealer.parked(row.payload, row.topic, row.partition, row.kafka_offset)
                    for row in changes.parked
                ],
            },
        )

    if changes.misses:
        yield _ADD_MISSES, _misses(changes.misses)


def _receipts(changes: Changes) -> Iterable[tuple[bytes, dict[str, Any]]]:
    """Yield what receipts change; the parts they are about are there."""
    if changes.receipts:
        yield _UPDATE_SENT_PARTS, _part_receipts(changes.receipts)
    if changes.early:
        yield (
            _INSERT_EARLY_RECEIPTS,
            {
                **_early_keys([row.key for row in changes.early]),
                "receipts": [row.receipt.decode() for row in changes.early],
                "arrived": [row.arrived_at for row in changes.early],
            },
        )
    if changes.no_longer_early:
        yield _DELETE_EARLY_RECEIPTS, _early_keys(changes.no_longer_early)


def _misses(misses: Sequence[Missed]) -> dict[str, Any]:
    return {
        "hashes": [missed.key.number_hash for missed in misses],
        "minutes": [missed.key.minute for missed in misses],
        "kinds": [missed.key.kind for missed in misses],
        "first": [missed.first_at for missed in misses],
        "last": [missed.last_at for missed in misses],
        "counts": [missed.count for missed in misses],
        "per_hour": MISSES_PER_HOUR,
    }


def _sent_row(part: SentPart) -> tuple[object, ...]:
    return (
        part.subject_id,
        part.message_id,
        part.part,
        part.parts,
        part.request_id,
        part.purpose.value,
        part.template,
        part.centre,
        part.smsc_message_id,
        part.submitted_at,
        part.traceparent,
    )


def _part_receipts(parts: Sequence[SentPart]) -> dict[str, Any]:
    told = [(part, part.receipt) for part in parts if part.receipt is not None]
    return {
        "subject_ids": [part.subject_id for part, _ in told],
        "message_ids": [part.message_id for part, _ in told],
        "part": [part.part for part, _ in told],
        "states": [receipt.state.value for _, receipt in told],
        "final": [receipt.final for _, receipt in told],
        "errors": [receipt.error for _, receipt in told],
        "done": [receipt.done_at for _, receipt in told],
    }


def _early_keys(keys: Sequence[EarlyKey]) -> dict[str, Any]:
    return {
        "subject_ids": [key.subject_id for key in keys],
        "centres": [key.centre for key in keys],
        "smsc_message_ids": [key.smsc_message_id for key in keys],
        "states": [key.state for key in keys],
    }


def _states(changes: Changes) -> dict[str, Any]:
    return {
        "stream_ids": [row.stream_id for row in changes.states],
        "expected": [row.expected_version for row in changes.states],
        "versions": [row.version for row in changes.states],
        "state_versions": [row.state_version for row in changes.states],
        "states": [row.state.decode() for row in changes.states],
    }


def _event_rows(last: int, events: Sequence[NewEvent]) -> Iterable[tuple[object, ...]]:
    for position, event in enumerate(events, start=last + 1):
        yield (
            position,
            event.stream_id,
            event.version,
            event.type,
            event.schema_version,
            event.data,
            event.metadata,
        )


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
