"""The write of one batch: what can wait first, the log lock last, then only COPY and commit.

Under the lock the events get what depends on those before: position, time, digest.
"""

from collections.abc import Iterable, Sequence
from typing import Any, Final, NamedTuple

import psycopg

from inbound.handlers.receipts import SentPart
from inbound.store import dead_letters
from inbound.store.errors import Conflict, StoreUnavailable
from inbound.store.event_copy import SIGNATURE, TRAILER, given, place
from inbound.store.rows import Changes, EarlyKey, Missed, NewEvent, NewOutboxRow
from inbound.store.sealing import Sealer
from inbound.store.statements import statements
from schemas.chain import Chains, body, chain_of, microseconds

_CLAIMS_SQL: Final = statements(__package__, "claims")
_LOG_SQL: Final = statements(__package__, "log")
_MO_SQL: Final = statements(__package__, "mo")
_OUTBOX_SQL: Final = statements(__package__, "outbox")
_DEAD_LETTERS_SQL: Final = statements(__package__, "dead_letters")
_RECEIPTS_SQL: Final = statements(__package__, "receipts")
_INSERT_INBOX = _MO_SQL["insert_inbox"]
_MERGE_STATES = _LOG_SQL["merge_states"]
_INSERT_VAULT = _CLAIMS_SQL["insert_vault"]
_ERASE_VAULT = _CLAIMS_SQL["erase_vault"]
_INSERT = _DEAD_LETTERS_SQL["insert_dead_letters"]
_COPY_SENT_PARTS = _RECEIPTS_SQL["copy_sent_parts"]
_UPDATE_SENT_PARTS = _RECEIPTS_SQL["update_sent_parts"]
_INSERT_EARLY_RECEIPTS = _RECEIPTS_SQL["insert_early_receipts"]
_DELETE_EARLY_RECEIPTS = _RECEIPTS_SQL["delete_early_receipts"]
_ADD_MISSES = _MO_SQL["add_misses"]
_LOCK_LOG = _LOG_SQL["lock_log"]
_LOG_END = _LOG_SQL["log_end"]
_APPEND_EVENTS = _LOG_SQL["append_events"]
_APPEND_OUTBOX = _OUTBOX_SQL["append_outbox"]
_MOVE_HEADS = _LOG_SQL["move_heads"]

MISSES_PER_HOUR: Final = 10_000
"""New rows of all numbers together: a flood keeps below 2 million rows in a week."""

# In binary COPY json travels as its text, so bytes pass through the dumper of bytea unchanged.
_JSON: Final = "bytea"
_SENT_TYPES: Final = (
    *("uuid", "uuid", "int2", "int2", "uuid", "text", "text", "text", "text"),
    *("timestamptz", "text", "text"),
)
_OUTBOX_TYPES: Final = ("int2", "text", "text", "text", "text", _JSON, "bytea")


class Prepared(NamedTuple):
    """All that can be done with an event before everybody waits."""

    chain: int
    digested: bytes
    columns: bytes


async def write(conn: psycopg.AsyncConnection, changes: Changes, sealer: Sealer) -> Chains | None:
    """Write all rows inside the transaction that is open on `conn`.

    Returns the ends of the chains that `move_heads` has to write before the commit, if any.
    """
    merged = found = None
    events = [_prepared(event) for event in changes.events]
    await _copy(conn, _COPY_SENT_PARTS, _SENT_TYPES, map(_sent_row, changes.sent))
    async with conn.pipeline():
        for query, parameters in (*_unordered(changes, sealer), *_receipts(changes)):
            await conn.execute(query, parameters)
        if changes.states:
            merged = await conn.execute(_MERGE_STATES, _states(changes))
        if changes.events or changes.outbox:
            await conn.execute(_LOCK_LOG)
            found = await conn.execute(_LOG_END)
    if merged is not None and merged.rowcount != len(changes.states):
        raise Conflict("a subject has moved on since its state was read")
    if found is None:
        return None
    row = await found.fetchone()
    if row is None:
        raise StoreUnavailable("the table log_heads has lost its row: see `scserv log verify`")
    last, now, *heads = row
    chains = Chains(*heads)
    await _append(conn, list(_event_rows(last, microseconds(now), chains, events)))
    await _copy(conn, _APPEND_OUTBOX, _OUTBOX_TYPES, map(_outbox_row, changes.outbox))
    return chains if events else None


async def move_heads(conn: psycopg.AsyncConnection, chains: Chains) -> None:
    """Write where the chains end, inside the same transaction."""
    # Text, because psycopg takes its time over lists.
    positions = ",".join(map(str, chains.positions))
    digests = ",".join(f'"\\\\x{digest.hex()}"' for digest in chains.digests)
    await conn.execute(_MOVE_HEADS, {"positions": f"{{{positions}}}", "digests": f"{{{digests}}}"})


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
    if changes.dead_letters:
        yield _INSERT, dead_letters.columns(changes.dead_letters, sealer)

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
        part.written_id,
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


def _prepared(event: NewEvent) -> Prepared:
    columns = (
        event.stream_id,
        event.version,
        event.type,
        event.schema_version,
        event.data,
        event.metadata,
    )
    return Prepared(chain_of(event.stream_id), body(*columns), given(*columns))


def _event_rows(
    last: int, recorded_us: int, chains: Chains, events: Iterable[Prepared]
) -> Iterable[bytes]:
    for position, (chain, digested, columns) in enumerate(events, start=last + 1):
        digest = chains.append(chain, position, recorded_us, digested)
        yield place(position, recorded_us, chain, digest)
        yield columns


def _outbox_row(row: NewOutboxRow) -> tuple[object, ...]:
    return row.shard, row.topic, row.key, row.event_id, row.type, row.headers, row.value


async def _append(conn: psycopg.AsyncConnection, rows: Sequence[bytes]) -> None:
    if not rows:
        return
    async with conn.cursor() as cursor, cursor.copy(_APPEND_EVENTS) as copy:
        await copy.write(b"".join((SIGNATURE, *rows, TRAILER)))


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
