"""The event store in memory, for tests of its users. Same port, same contract suite.

A transaction works on a copy that replaces the tables at commit. Nothing is sealed: nothing
leaves the process.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from uuid import UUID, uuid4

from typing_extensions import override

from inbound.handlers.receipts import SentPart
from inbound.handlers.unknown_numbers import UnknownNumbersUsed
from inbound.parsers.text_routes import TextRoutes
from inbound.store.broadcasts.rows import Cursor
from inbound.store.dead_letters.rows import DeadLetterUsage
from inbound.store.log.rows import RecordedEvent, StoredState
from inbound.store.mo.account_texts import WaitingTexts
from inbound.store.mo.rows import DroppedParts, PartChanges, PartsKey, PartsOfText, StoredPart
from inbound.store.orders.orders import RecentKey
from inbound.store.orders.rows import Account, OrderRow, RecentOrders, RecentQuery, UsageKey
from inbound.store.outbox.rows import OutboxRow
from inbound.store.people.rows import (
    ErasedRows,
    KnownRecipients,
    KnownSenders,
    NewErasure,
    PersonToErase,
)
from inbound.store.quotas import DEFAULT_QUOTAS, Quotas
from inbound.store.receipts.rows import EarlyReceipt
from inbound.store.registrations.rows import HoldSelection, RegistrationsUsed, TakenHold
from inbound.store.transactions import (
    _memory_erasure,
    _memory_mos,
    _memory_orders,
    _memory_receipts,
    _memory_registrations,
)
from inbound.store.transactions.changes import Changes
from inbound.store.transactions.memory_tables import Tables, add_new, select
from inbound.store.transactions.port import Store, Transaction
from schemas.orders import OrderState


class MemoryTransaction(Transaction):
    """A transaction on a copy of the tables."""

    def __init__(
        self,
        tables: Tables,
        new_id: Callable[[], UUID],
        clock: Callable[[], datetime],
        quotas: Quotas,
    ) -> None:
        self._tables = tables
        self._new_id = new_id
        self._clock = clock
        self._quotas = quotas
        self.appended = False

    @override
    async def seen(self, mo_ids: Collection[UUID]) -> set[UUID]:
        return self._tables.inbox.keys() & set(mo_ids)

    @override
    async def known_senders(
        self, mo_ids: Collection[UUID], hashes: Collection[bytes]
    ) -> KnownSenders:
        found = await self.find_subjects(hashes)
        return KnownSenders(await self.seen(mo_ids), found, await self.states(found.values()))

    @override
    async def subjects(self, numbers: Mapping[bytes, str]) -> dict[bytes, UUID]:
        for number_hash in numbers.keys() - self._tables.subjects.keys():
            subject_id = self._new_id()
            self._tables.subjects[number_hash] = subject_id
            self._tables.numbers[subject_id] = numbers[number_hash]
        return await self.find_subjects(numbers)

    @override
    async def add_subjects(self, numbers: Mapping[bytes, str]) -> dict[bytes, UUID]:
        return await self.subjects(numbers)

    @override
    async def find_subjects(self, hashes: Collection[bytes]) -> dict[bytes, UUID]:
        return select(self._tables.subjects, hashes)

    @override
    async def numbers_of(self, subject_ids: Collection[UUID]) -> dict[UUID, str]:
        return select(self._tables.numbers, subject_ids)

    @override
    async def states(self, subject_ids: Collection[UUID]) -> dict[UUID, StoredState]:
        return select(self._tables.states, subject_ids)

    @override
    async def load_streams(self, subject_ids: Collection[UUID]) -> dict[UUID, list[RecordedEvent]]:
        return {
            key: list(stream) for key, stream in select(self._tables.streams, subject_ids).items()
        }

    @override
    async def read_events(self, after: int, limit: int) -> list[RecordedEvent]:
        return self._tables.events[after : after + limit]

    @override
    async def waiting_parts(self, keys: Collection[PartsKey]) -> list[StoredPart]:
        found = select(self._tables.parts, keys)
        return [StoredPart(key, sequence) for key, parts in found.items() for sequence in parts]

    @override
    async def parts_of_text(self, key: PartsKey) -> PartsOfText:
        kinds = (self._tables.parts, self._tables.whole_parts)
        return PartsOfText(*(_memory_mos.in_sequence(kind.get(key, {})) for kind in kinds))

    @override
    async def store_parts(self, changes: PartChanges) -> list[DroppedParts]:
        return _memory_mos.store_parts(self._tables, changes, self._quotas.parts)

    @override
    async def lock_names(self, names: Collection[str]) -> None:
        """Do nothing: there is one transaction at a time anyway."""

    @override
    async def known_recipients(
        self,
        partitions: Collection[str],
        subject_ids: Collection[UUID],
        hashes: Collection[bytes],
    ) -> KnownRecipients:
        await self.lock_names(partitions)
        found = await self.find_subjects(hashes)
        return KnownRecipients(
            found,
            await self.states({*subject_ids, *found.values()}),
            await self.early_receipts(subject_ids),
        )

    @override
    async def sent_parts(
        self, subject_ids: Collection[UUID], smsc_message_ids: Collection[str]
    ) -> list[SentPart]:
        sent = [part for part in self._tables.sent.values() if part.subject_id in subject_ids]
        named = {part.message_id for part in sent if part.smsc_message_id in smsc_message_ids}
        return sorted(
            (part for part in sent if part.message_id in named),
            key=lambda part: (part.subject_id, part.message_id, part.part),
        )

    @override
    async def early_receipts(self, subject_ids: Collection[UUID]) -> list[EarlyReceipt]:
        early = [row for row in self._tables.early.values() if row.key.subject_id in subject_ids]
        return sorted(early, key=lambda row: row.arrived_at)

    @override
    async def accounts(self, names: Collection[str], *, lock: bool = True) -> dict[str, Account]:
        del lock
        return select(self._tables.accounts, names)

    @override
    async def usage(self, keys: Collection[UsageKey]) -> dict[UsageKey, int]:
        return select(self._tables.usage, keys)

    @override
    async def recent_orders(self, queries: Sequence[RecentQuery]) -> dict[RecentKey, RecentOrders]:
        return dict(_memory_orders.recent(self._tables, query) for query in queries)

    @override
    async def orders(
        self, order_ids: Collection[UUID], *, lock: bool = False
    ) -> dict[UUID, OrderRow]:
        return select(self._tables.orders, order_ids)

    @override
    async def due_orders(self, now: datetime, limit: int) -> list[OrderRow]:
        return _memory_orders.due(self._tables, now, is_bulk=False)[:limit]

    @override
    async def due_bulk(self, now: datetime, shares: Mapping[str, int]) -> list[OrderRow]:
        due = _memory_orders.due(self._tables, now, is_bulk=True)
        return [
            one
            for account, share in shares.items()
            for one in [each for each in due if each.account == account][:share]
        ]

    @override
    async def lost_orders(self, before: datetime, limit: int) -> list[OrderRow]:
        return [
            one
            for one in self._tables.orders.values()
            if one.state is OrderState.QUEUED and one.changed_at < before
        ][:limit]

    @override
    async def claimed(self, message_ids: Collection[UUID]) -> set[UUID]:
        """Return none: claims are kept elsewhere, see `MemoryClaims`."""
        del message_ids
        return set()

    @override
    async def broadcast_cursor(self, broadcast_id: UUID, until: int) -> Cursor | None:
        """Return None: broadcasts are in PostgreSQL only."""
        return None

    @override
    async def text_routes(self) -> TextRoutes:
        return TextRoutes(dict(self._tables.text_routes))

    @override
    async def waiting_texts(
        self, accounts: Collection[str], hashes: Collection[bytes]
    ) -> WaitingTexts:
        return _memory_mos.count_texts(self._tables, accounts, hashes)

    @override
    async def store_early_receipts(self, receipts: Sequence[EarlyReceipt]) -> int:
        return _memory_receipts.add_early(self._tables, receipts, self._quotas.early_receipts)

    @override
    async def dead_letter_usage(self) -> DeadLetterUsage:
        stored = self._tables.dead_letters.values()
        return DeadLetterUsage(len(stored), sum(len(row.payload) for row in stored))

    @override
    async def registrations_used(self, *, lock: bool) -> RegistrationsUsed:
        return _memory_registrations.registrations_used(self._tables, self._clock())

    @override
    async def unknown_numbers_used(self, *, lock: bool) -> UnknownNumbersUsed:
        return _memory_registrations.unknown_numbers_used(self._tables, self._clock())

    @override
    async def take_holds(self, selection: HoldSelection) -> list[TakenHold]:
        return _memory_registrations.take_holds(self._tables, selection)

    @override
    async def dead_letters_by_sender(
        self, hashes: Collection[bytes]
    ) -> dict[bytes, DeadLetterUsage]:
        sizes: dict[bytes, list[int]] = {}
        for row in self._tables.dead_letters.values():
            if row.number_hash is not None and row.number_hash in hashes:
                sizes.setdefault(row.number_hash, []).append(len(row.payload))
        return {sender: DeadLetterUsage(len(each), sum(each)) for sender, each in sizes.items()}

    @override
    async def write(self, changes: Changes) -> None:
        tables = self._tables
        add_new(tables.inbox, ((row.mo_id, row) for row in changes.inbox))
        add_new(tables.vault, ((row.message_id, row) for row in changes.vault))
        for message_id in changes.erase_vault:
            tables.vault.pop(message_id, None)
        for row in changes.dead_letters:
            tables.dead_letters.setdefault(row.place, row)
        _memory_receipts.write_receipts(tables, changes)
        if changes.unknown_numbers:
            tables.unknown_numbers.append((self._clock(), changes.unknown_numbers))
        tables.registrations += [(self._clock(), one) for one in changes.registrations]
        add_new(tables.held, ((row.request_id, row) for row in changes.held))
        tables.audit += changes.audit
        _memory_orders.write_orders(tables, changes.orders)
        for rejected in changes.rejected_mos:
            _memory_mos.add_rejected(tables, rejected)
        add_new(tables.account_texts, ((row.text_id, row) for row in changes.account_texts))
        for state in changes.states:
            tables.put_state(state)
        for event in changes.events:
            tables.append(event, self._clock())
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

    @override
    async def erase(self, person: PersonToErase) -> ErasedRows:
        return _memory_erasure.erase(self._tables, person, self._clock())

    @override
    async def record_erasure(self, erasure: NewErasure) -> int:
        self._tables.erasures.append(erasure)
        return len(self._tables.erasures)


class MemoryStore(Store):
    """The store of this process. For tests: its `tables`, and how often it woke the relays."""

    def __init__(
        self,
        *,
        new_id: Callable[[], UUID] = uuid4,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        quotas: Quotas = DEFAULT_QUOTAS,
    ) -> None:
        """Start empty."""
        self.tables = Tables()
        self.wakes = 0
        self._new_id = new_id
        self._clock = clock
        self._quotas = quotas
        self._turn = asyncio.Lock()

    @override
    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[MemoryTransaction]:
        async with self._turn:
            tables = self.tables.copied()
            tx = MemoryTransaction(tables, self._new_id, self._clock, self._quotas)
            yield tx
            self.tables = tables
            self.wakes += tx.appended

    @override
    async def close(self) -> None:
        """Keep everything: a later use finds it."""
