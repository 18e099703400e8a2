"""The store in memory, for tests of whoever uses it. Same port, same contract suite.

A transaction works on a copy that replaces the tables at commit. Nothing is sealed: nothing
leaves the process.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, datetime
from typing import TypeVar
from uuid import UUID, uuid4

from inbound.handlers.receipts import SentPart
from inbound.store.errors import Conflict
from inbound.store.rows import (
    Changes,
    Claimed,
    DeadLetter,
    DeadLetterSource,
    DeadLetterUsage,
    EarlyKey,
    EarlyReceipt,
    Erased,
    Erasure,
    InboxRow,
    MessagePart,
    Missed,
    MissKey,
    NewEvent,
    NewState,
    OutboxRow,
    PartsKey,
    Person,
    RecordedEvent,
    Secret,
    StoredState,
)
from schemas.chain import Chains, Head, body, chain_of, microseconds

Key = TypeVar("Key")
Value = TypeVar("Value")


@dataclass(slots=True)
class Tables:
    """Everything that is stored; tests may look."""

    events: list[RecordedEvent] = field(default_factory=list)
    streams: dict[UUID, list[RecordedEvent]] = field(default_factory=dict)
    states: dict[UUID, StoredState] = field(default_factory=dict)
    subjects: dict[bytes, UUID] = field(default_factory=dict)
    numbers: dict[UUID, str] = field(default_factory=dict)
    inbox: dict[UUID, InboxRow] = field(default_factory=dict)
    outbox: list[OutboxRow] = field(default_factory=list)
    vault: dict[UUID, Secret] = field(default_factory=dict)
    parts: dict[PartsKey, dict[int, MessagePart]] = field(default_factory=dict)
    whole_parts: dict[PartsKey, dict[int, MessagePart]] = field(default_factory=dict)
    dead_letters: dict[DeadLetterSource, DeadLetter] = field(default_factory=dict)
    heads: list[Head] = field(default_factory=lambda: Chains().heads())
    sent: dict[tuple[UUID, UUID, int], SentPart] = field(default_factory=dict)
    early: dict[EarlyKey, EarlyReceipt] = field(default_factory=dict)
    misses: dict[MissKey, Missed] = field(default_factory=dict)
    erasures: list[Erasure] = field(default_factory=list)
    claims: dict[UUID, tuple[int, str]] = field(default_factory=dict)

    def copied(self) -> "Tables":
        """Copy the tables, not what is in them: rows and nested tables are replaced whole."""
        tables = Tables(*(getattr(self, table.name).copy() for table in fields(self)))
        tables.claims = self.claims  # claims commit by themselves, also in between
        return tables


class MemoryTransaction:
    """`inbound.store.port.Transaction` on a copy of the tables."""

    def __init__(
        self, tables: Tables, new_id: Callable[[], UUID], clock: Callable[[], datetime]
    ) -> None:
        self._tables = tables
        self._new_id = new_id
        self._clock = clock
        self.appended = False

    async def seen(self, mo_ids: Collection[UUID]) -> set[UUID]:
        """See the port."""
        return self._tables.inbox.keys() & set(mo_ids)

    async def subjects(self, numbers: Mapping[bytes, str]) -> dict[bytes, UUID]:
        """See the port."""
        for number_hash in numbers.keys() - self._tables.subjects.keys():
            subject_id = self._new_id()
            self._tables.subjects[number_hash] = subject_id
            self._tables.numbers[subject_id] = numbers[number_hash]
        return await self.find_subjects(numbers)

    async def find_subjects(self, hashes: Collection[bytes]) -> dict[bytes, UUID]:
        """See the port."""
        return _chosen(self._tables.subjects, hashes)

    async def states(self, subject_ids: Collection[UUID]) -> dict[UUID, StoredState]:
        """See the port."""
        return _chosen(self._tables.states, subject_ids)

    async def load_streams(self, subject_ids: Collection[UUID]) -> dict[UUID, list[RecordedEvent]]:
        """See the port."""
        return {
            key: list(stream) for key, stream in _chosen(self._tables.streams, subject_ids).items()
        }

    async def read_events(self, after: int, limit: int) -> list[RecordedEvent]:
        """See the port."""
        return self._tables.events[after : after + limit]

    async def add_part(self, part: MessagePart) -> list[MessagePart]:
        """See the port."""
        parts = self._tables.parts.get(part.key, {}) | {part.sequence: part}
        self._tables.parts[part.key] = parts
        return _in_sequence(parts)

    async def whole_parts(self, key: PartsKey) -> list[MessagePart]:
        """See the port."""
        return _in_sequence(self._tables.whole_parts.get(key, {}))

    async def complete_parts(self, key: PartsKey) -> None:
        """See the port."""
        self._tables.whole_parts[key] = self._tables.parts.pop(key, {})

    async def drop_parts(self, key: PartsKey, sequences: Collection[int]) -> None:
        """See the port."""
        parts = self._tables.parts.get(key, {})
        self._tables.parts[key] = {n: part for n, part in parts.items() if n not in sequences}

    async def take_turns(self, names: Collection[str]) -> None:
        """See the port. There is one transaction at a time anyway."""

    async def sent_parts(
        self, subject_ids: Collection[UUID], smsc_message_ids: Collection[str]
    ) -> list[SentPart]:
        """See the port."""
        sent = [part for part in self._tables.sent.values() if part.subject_id in subject_ids]
        named = {part.message_id for part in sent if part.smsc_message_id in smsc_message_ids}
        return sorted(
            (part for part in sent if part.message_id in named),
            key=lambda part: (part.subject_id, part.message_id, part.part),
        )

    async def early_receipts(self, subject_ids: Collection[UUID]) -> list[EarlyReceipt]:
        """See the port."""
        early = [row for row in self._tables.early.values() if row.key.subject_id in subject_ids]
        return sorted(early, key=lambda row: row.arrived_at)

    async def dead_letter_usage(self) -> DeadLetterUsage:
        """See the port."""
        stored = self._tables.dead_letters.values()
        return DeadLetterUsage(len(stored), sum(len(row.payload) for row in stored))

    async def write(self, changes: Changes) -> None:
        """See the port."""
        tables = self._tables
        _add_new(tables.inbox, ((row.mo_id, row) for row in changes.inbox))
        _add_new(tables.vault, ((row.message_id, row) for row in changes.vault))
        for message_id in changes.erase_vault:
            tables.vault.pop(message_id, None)
        for row in changes.dead_letters:
            tables.dead_letters.setdefault(row.place, row)
        self._write_receipts(changes)
        for missed in changes.misses:
            self._add_missed(missed)
        for state in changes.states:
            self._put_state(state)
        for event in changes.events:
            self._append(event)
        for position, new in enumerate(changes.outbox, start=len(tables.outbox) + 1):
            tables.outbox.append(
                OutboxRow(
                    position,
                    new.shard,
                    new.topic,
                    new.key,
                    new.event_id,
                    new.type,
                    new.headers,
                    new.value,
                    self._clock(),
                )
            )
        self.appended = self.appended or bool(changes.events or changes.outbox)

    async def erase(self, person: Person) -> Erased:
        """See the port. There are no clients here."""
        tables = self._tables
        subject_id = tables.subjects.pop(person.number_hash, None)
        if subject_id is not None:
            tables.numbers.pop(subject_id, None)
        hash_ = person.number_hash
        parts = sum(
            len(kept.pop(key))
            for kept in (tables.parts, tables.whole_parts)
            for key in [key for key in kept if key.number_hash == hash_]
        )
        return Erased(
            subjects=int(subject_id is not None),
            parts=parts,
            misses=_remove(tables.misses, lambda key, _: key.number_hash == hash_),
            sent=_remove(tables.sent, lambda key, _: key[0] == person.subject_id),
            early=_remove(tables.early, lambda key, _: key.subject_id == person.subject_id),
            secrets=_remove(tables.vault, lambda key, _: key in person.secrets),
            dead_letters=_remove(tables.dead_letters, lambda _, row: _is_about(row, person)),
        )

    async def record_erasure(self, erasure: Erasure) -> int:
        """See the port."""
        self._tables.erasures.append(erasure)
        return len(self._tables.erasures)

    def _write_receipts(self, changes: Changes) -> None:
        tables = self._tables
        _add_new(
            tables.sent, ((_place(part), replace(part, receipt=None)) for part in changes.sent)
        )
        for part in changes.receipts:
            stored = tables.sent.get(_place(part))
            if stored is not None:
                tables.sent[_place(part)] = replace(stored, receipt=part.receipt)
        for row in changes.early:
            tables.early.setdefault(row.key, row)
        for key in changes.no_longer_early:
            tables.early.pop(key, None)

    def _add_missed(self, missed: Missed) -> None:
        before = self._tables.misses.get(missed.key, missed)
        self._tables.misses[missed.key] = Missed(
            missed.key,
            min(before.first_at, missed.first_at),
            max(before.last_at, missed.last_at),
            missed.count + (before.count if before is not missed else 0),
        )

    def _put_state(self, new: NewState) -> None:
        stored = self._tables.states.get(new.stream_id)
        if stored is not None and stored.version != new.expected_version:
            raise Conflict("a subject has moved on since its state was read")
        self._tables.states[new.stream_id] = StoredState(new.version, new.state_version, new.state)

    def _append(self, new: NewEvent) -> None:
        stream = self._tables.streams.get(new.stream_id, [])
        if any(event.version == new.version for event in stream):
            raise Conflict("another transaction was first")
        position, now = len(self._tables.events) + 1, self._clock()
        if self._tables.events:
            now = max(now, self._tables.events[-1].recorded_at)
        columns = (
            new.stream_id,
            new.version,
            new.type,
            new.schema_version,
            new.data,
            new.metadata,
        )
        chain = chain_of(new.stream_id)
        chains = Chains(*zip(*self._tables.heads, strict=True))
        digest = chains.append(chain, position, microseconds(now), body(*columns))
        self._tables.heads = chains.heads()
        recorded = RecordedEvent(position, *columns, now, chain, digest)
        self._tables.streams[new.stream_id] = [*stream, recorded]
        self._tables.events.append(recorded)


class MemoryStore:
    """`inbound.store.port.Store` in this process. `tables` and `wakes` are for tests to see."""

    def __init__(
        self,
        *,
        new_id: Callable[[], UUID] = uuid4,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """Start empty."""
        self.tables = Tables()
        self.wakes = 0
        self._new_id = new_id
        self._clock = clock
        self._turn = asyncio.Lock()

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[MemoryTransaction]:
        """See the port."""
        async with self._turn:
            tables = self.tables.copied()
            tx = MemoryTransaction(tables, self._new_id, self._clock)
            yield tx
            self.tables = tables
            self.wakes += tx.appended

    async def close(self) -> None:
        """Keep everything: a store that is opened again finds what was there."""


class MemoryClaims:
    """`inbound.store.port.Claims` beside a MemoryStore."""

    def __init__(self, store: MemoryStore) -> None:
        self._store = store

    async def claim(self, messages: Sequence[tuple[UUID, UUID]], gateway: str) -> list[Claimed]:
        """See the port."""
        claimed = []
        for message_id, subject_id in messages:
            first = message_id not in self._store.tables.claims
            attempt, _ = self._store.tables.claims.setdefault(message_id, (1, gateway))
            claimed.append(self._claimed(message_id, subject_id, attempt, first=first))
        return claimed

    async def reclaim(self, message_id: UUID, subject_id: UUID, gateway: str) -> Claimed:
        """See the port."""
        before, _ = self._store.tables.claims.get(message_id, (0, ""))
        self._store.tables.claims[message_id] = before + 1, gateway
        return self._claimed(message_id, subject_id, before + 1, first=before == 0)

    async def release(self, message_ids: Collection[UUID], gateway: str) -> None:
        """See the port."""
        for message_id in message_ids:
            if self._store.tables.claims.get(message_id) == (1, gateway):
                del self._store.tables.claims[message_id]

    async def states(self, subject_ids: Collection[UUID]) -> dict[UUID, StoredState]:
        """See the port."""
        return _chosen(self._store.tables.states, subject_ids)

    async def close(self) -> None:
        """Nothing to give back."""

    def _claimed(self, message_id: UUID, subject_id: UUID, attempt: int, *, first: bool) -> Claimed:
        tables = self._store.tables
        secret = tables.vault.get(message_id)
        return Claimed(
            message_id,
            first,
            attempt,
            tables.numbers.get(subject_id),
            None if secret is None else secret.plaintext,
        )


def _in_sequence(parts: Mapping[int, MessagePart]) -> list[MessagePart]:
    return [parts[sequence] for sequence in sorted(parts)]


def _chosen(table: Mapping[Key, Value], keys: Collection[Key]) -> dict[Key, Value]:
    return {key: table[key] for key in keys if key in table}


def _remove(table: dict[Key, Value], meant: Callable[[Key, Value], bool]) -> int:
    keys = [key for key, row in table.items() if meant(key, row)]
    for key in keys:
        del table[key]
    return len(keys)


def _is_about(row: DeadLetter, person: Person) -> bool:
    if row.number_hash is not None:
        return row.number_hash == person.number_hash
    return person.is_named_in(row.key, row.payload, *dict(row.headers).values())


def _place(part: SentPart) -> tuple[UUID, UUID, int]:
    return part.subject_id, part.message_id, part.part


def _add_new(table: dict[Key, Value], rows: Iterable[tuple[Key, Value]]) -> None:
    for key, row in rows:
        if key in table:
            raise Conflict("another transaction was first")
        table[key] = row
