"""Completes the log of a restored database with the events that were published since the backup.

Kafka outlives the database: `sms.events.v1` has every published event for 90 days, and all that its
digest covers. So the log becomes what it was, byte for byte: no position and no version is used
twice, subscribers continue, and the published heads match. Events that were committed and never
published are lost, but nobody has seen them.

A relay that was killed may have published an event of one partition and not an earlier one of
another. The position of an event that is lost like this gets a `log.restored`, in the chain that
has lost it, so that no other event can take its place.

One transaction: all or nothing, whenever the process is killed; repeating it changes nothing.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime
from itertools import count, islice
from typing import Any, Final
from uuid import UUID, uuid5

import psycopg

from inbound.errors import SetupError
from inbound.eventlog.log_reader import chains_at
from inbound.eventlog.published_events import PublishedEvent
from inbound.eventlog.published_tail import Published, PublishedTail
from inbound.eventlog.recovered_rows import RecoveredRows, write_recovered_rows
from inbound.keys import SubjectHasher
from inbound.store.connections import describe_database, raises_store_errors
from inbound.store.errors import translate
from inbound.store.log.copy_format import (
    SIGNATURE,
    TRAILER,
    StoredEvent,
    encode_position,
    encode_stored,
)
from inbound.store.log.positions import last_position
from inbound.store.outbox import feeds
from inbound.store.people.subjects import numbers_of
from inbound.store.sealing import Sealer
from inbound.store.statements import statements
from schemas.chain import Chains, chain_of, metadata_digest, microseconds, stored_body
from schemas.events import LogRestored
from schemas.topics import PARTITIONS

MOST_LOST: Final = 2_000
"""More positions than this can't be missing because of a killed relay: its rounds are shorter."""

_METADATA: Final = b"{}"
_NAMESPACE: Final = UUID("0d2d3c7e-6b0f-4a7e-9a53-8f5b3f6f2c11")
_BLOCK: Final = 1 << 18
_HEADS: Final = 1_000

_LOG_SQL: Final = statements("inbound.store.log", "log")
_LOCK_LOG: Final = _LOG_SQL["lock_log"]
_MOVE_HEADS: Final = _LOG_SQL["move_heads"]
_RECORDED_AT: Final = statements(__package__, "eventlog")["recorded_at"]
_SQL: Final = statements(__package__, "recovery")
_STAGE: Final = _SQL["stage"]
_COPY_STAGED: Final = _SQL["copy_staged"]
_INDEX_STAGED: Final = _SQL["index_staged"]
_ANALYZE_STAGED: Final = _SQL["analyze_staged"]
_STAGED_END: Final = _SQL["staged_end"]
_MISSING: Final = _SQL["missing"]
_STAGED_BEFORE: Final = _SQL["staged_before"]
_STAGED_DIGESTS: Final = _SQL["staged_digests"]
_STORED_EVENT: Final = _SQL["stored_event"]
_NOW: Final = statements("inbound.store", "database_watch")["database_time"]
_ADOPT: Final = _SQL["adopt"]
_ERASED_AGAIN: Final = _SQL["erased_again"]


@dataclass(frozen=True, slots=True)
class Restore:
    """Who restores the database, why, and when."""

    by: str
    reason: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Recovered:
    """The restored events: those after the position `backup`, up to `last`.

    `lost` are the positions between them whose events exist nowhere. `rows` is None if there were
    none. `since` and `until` are the times of the last event in the backup and of the last one
    published.
    """

    backup: int
    last: int
    events: int = 0
    lost: tuple[int, ...] = ()
    since: datetime | None = None
    until: datetime | None = None
    rows: RecoveredRows | None = None


class Recovery:
    """Completes one log. Everything that may write to the database has to be stopped before."""

    def __init__(
        self, conn: psycopg.Connection, tail: PublishedTail, sealer: Sealer, hasher: SubjectHasher
    ) -> None:
        self._conn = conn
        self._tail = tail
        self._sealer = sealer
        self._hasher = hasher

    def run(
        self, restore: Restore, before_commit: Callable[[Recovered], None] = lambda _: None
    ) -> Recovered:
        """Restore the events published since the backup, and return a summary.

        `before_commit` is called when everything is written; if it raises, nothing is. Blocks on
        Kafka and the database; other processes can't append meanwhile. Raises SetupError if the
        topics don't continue this log, and RetryableError.
        """
        where = describe_database(self._conn.info.dsn)
        try:
            with self._conn.transaction():
                self._conn.execute(_LOCK_LOG)
                done = self._recover(restore)
                before_commit(done)
        except psycopg.Error as error:
            failure = translate(error, where)
        else:
            return done
        raise failure

    def _recover(self, restore: Restore) -> Recovered:
        backup = last_position(self._conn)
        since = self._value(_RECORDED_AT, position=backup)
        chains = chains_at(self._conn, backup)
        self._conn.execute(_STAGE)
        for chain in range(PARTITIONS):
            self._stage_chain(chains, chain, backup, since)
        self._conn.execute(_INDEX_STAGED)
        events, last = self._row(_STAGED_END)
        if not events:
            return Recovered(backup, backup, since=since, until=since)
        self._check_heads(backup, last, since)
        until = self._value(_STAGED_BEFORE, position=last + 1)
        lost = self._fill_lost(chains, backup, events, restore)
        note = _note(restore, backup, events, len(lost))
        now = max(self._value(_NOW), until)
        self._append(chains, _stream(range(PARTITIONS), last + 1), last + 1, now, note)
        self._conn.execute(_ANALYZE_STAGED)
        self._conn.execute(_ADOPT)
        heads = {"positions": chains.positions, "digests": chains.digests}
        self._conn.execute(_MOVE_HEADS, heads)
        published = lost[0] - 1 if lost else last
        feeds.advance_cursors(self._conn, {feeds.LOG: published})
        rows = write_recovered_rows(self._conn, self._tail, since, self._sealer, self._hasher)
        return Recovered(backup, last, events, lost, since, until, rows)

    def _stage_chain(self, chains: Chains, chain: int, backup: int, since: datetime | None) -> None:
        """Stage the events after the end of a chain, and compute their digests."""
        before: Published | None = None
        with self._conn.cursor() as cursor, cursor.copy(_COPY_STAGED) as copy:
            block = bytearray(SIGNATURE)
            for published in self._tail.events(chain, since):
                if published.event.position <= backup:
                    before = published
                    continue
                block += _row(chains, chain, published)
                if len(block) > _BLOCK:
                    copy.write(bytes(block))
                    block.clear()
            copy.write(bytes(block) + TRAILER)
        if before is not None:
            self._check_same(before)

    def _check_same(self, published: Published) -> None:
        """Refuse a database whose last events differ from the published ones."""
        event = published.event
        *row, recorded_at = self._row(_STORED_EVENT, position=event.position)
        position, stream, version, type_, schema, data, metadata = row
        stored = StoredEvent(
            position, microseconds(recorded_at), None, None, stream.bytes, version, type_, schema,
            data, metadata,
        )  # fmt: skip
        if differences := list(event.differences(stored)):
            raise SetupError(
                f"event {position} is not the one on {self._tail.names.events} "
                f"({', '.join(differences)}): the database has been written to since the restore, "
                "or is not the one that published there.\n"
                "Restore the backup again, and run this before anything else."
            )

    def _check_heads(self, backup: int, last: int, since: datetime | None) -> None:
        """Refuse events that don't lead to the published heads."""
        heads = (head for head in self._tail.heads(since) if head.position > backup)
        while batch := list(islice(heads, _HEADS)):
            positions = [head.position for head in batch]
            rows = self._conn.execute(_STAGED_DIGESTS, {"positions": positions})
            found = {position: (chain, digest.hex()) for position, chain, digest in rows}
            for head in batch:
                if found.get(head.position) == (head.chain, head.digest):
                    continue
                raise SetupError(
                    f"the events on {self._tail.names.events} don't lead from event {backup}, the "
                    f"last one in the backup, to the head of chain {head.chain} that was published "
                    f"at event {head.position}.\n"
                    "Some were deleted there (the backup is older than what the topic keeps) or "
                    f"altered. The last one there is {last}."
                )

    def _fill_lost(
        self, chains: Chains, backup: int, events: int, restore: Restore
    ) -> tuple[int, ...]:
        """Put a `log.restored` at each missing position, in a chain that has lost its end."""
        parameters = {"after": backup, "most": MOST_LOST + 1}
        lost = tuple(row[0] for row in self._conn.execute(_MISSING, parameters))
        if len(lost) > MOST_LOST:
            raise SetupError(
                f"{self._tail.names.events} lacks event {lost[0]} and at least {MOST_LOST} more "
                "since the backup: it doesn't keep events as long any more. Restore a newer backup"
            )
        for position in lost:
            ended = [n for n, end in enumerate(chains.positions) if end < position]
            if not ended:
                raise SetupError(
                    f"{self._tail.names.events} lacks event {position}, and has later ones of "
                    "every partition: records were deleted there"
                )
            at = self._value(_STAGED_BEFORE, position=position) or self._value(
                _RECORDED_AT, position=position - 1
            )
            note = _note(restore, backup, events, len(lost), is_lost=True)
            self._append(chains, _stream(ended, position), position, at or restore.at, note)
        return lost

    def _append(
        self, chains: Chains, stream: UUID, position: int, at: datetime, note: LogRestored
    ) -> None:
        event = PublishedEvent(
            position=position,
            stream=stream.bytes,
            version=1,
            type=note.TYPE,
            schema_version=note.VERSION,
            recorded_us=microseconds(at),
            data=note.to_json(),
            metadata_digest=metadata_digest(_METADATA),
        )
        with self._conn.cursor() as cursor, cursor.copy(_COPY_STAGED) as copy:
            row = _row(chains, chain_of(stream), Published(event, _METADATA))
            copy.write(SIGNATURE + row + TRAILER)

    def _row(self, query: bytes, **parameters: Any) -> tuple[Any, ...]:  # noqa: ANN401
        row = self._conn.execute(query, parameters).fetchone()
        return () if row is None else row

    def _value(self, query: bytes, **parameters: Any) -> Any:  # noqa: ANN401
        row = self._row(query, **parameters)
        return row[0] if row else None


@raises_store_errors
def people_to_erase_again(conn: psycopg.Connection, sealer: Sealer) -> list[str]:
    """Return the numbers of people whose erasure is in the log and whom a backup brought back."""
    erased = [row[0] for row in conn.execute(_ERASED_AGAIN)]
    return list(numbers_of(conn, sealer, erased).values())


def _row(chains: Chains, chain: int, published: Published) -> bytes:
    """Return an event as a row, with its digest; the chain moves on with it."""
    event, metadata = published
    columns = event.stream, event.version, event.type, event.schema_version, event.data, metadata
    digest = chains.append(chain, event.position, event.recorded_us, stored_body(*columns))
    place = encode_position(event.position, event.recorded_us, chain, digest)
    return place + encode_stored(*columns)


def _stream(chains: Collection[int], position: int) -> UUID:
    """Return the stream of a note at this position that belongs to one of these chains."""
    ids = (uuid5(_NAMESPACE, f"log.restored {position} {n}") for n in count())
    return next(id_ for id_ in ids if chain_of(id_) in chains)


def _note(
    restore: Restore, backup: int, events: int, lost: int, *, is_lost: bool = False
) -> LogRestored:
    return LogRestored(
        backup_position=backup,
        recovered=events,
        lost=lost,
        instead_of_lost=is_lost,
        by=restore.by,
        reason=restore.reason,
        at=restore.at,
    )
