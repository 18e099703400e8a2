"""A transaction of the event store in PostgreSQL: the statements of one batch."""

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

import psycopg
from typing_extensions import override

from inbound.handlers.receipts import SentPart
from inbound.handlers.unknown_numbers import UnknownNumbersUsed
from inbound.parsers.text_routes import TextRoutes
from inbound.store.broadcasts.cursors import lock_cursor
from inbound.store.broadcasts.rows import Cursor
from inbound.store.dead_letters import dead_letters
from inbound.store.dead_letters.rows import DeadLetterUsage
from inbound.store.errors import raises_store_errors_async
from inbound.store.log import streams
from inbound.store.log.appender import move_heads
from inbound.store.log.rows import RecordedEvent, StoredState
from inbound.store.mo import account_texts, inbox, parts, unknown_numbers
from inbound.store.mo.account_texts import WaitingTexts
from inbound.store.mo.rows import DroppedParts, PartChanges, PartsKey, PartsOfText, StoredPart
from inbound.store.orders import accounts, bulk, orders
from inbound.store.orders.orders import RecentKey
from inbound.store.orders.rows import Account, OrderRow, RecentOrders, RecentQuery, UsageKey
from inbound.store.people import erasure as erasures
from inbound.store.people import subjects
from inbound.store.people.rows import ErasedRows, NewErasure, PersonToErase
from inbound.store.quotas import Quotas
from inbound.store.receipts.early_receipts import find_early_receipts, store_early_receipts
from inbound.store.receipts.rows import EarlyReceipt
from inbound.store.receipts.sent_parts import find_sent_parts
from inbound.store.registrations import registrations
from inbound.store.registrations.rows import HoldSelection, RegistrationsUsed, TakenHold
from inbound.store.sealing import Sealer
from inbound.store.statements import statements
from inbound.store.transactions import writing
from inbound.store.transactions.changes import Changes
from inbound.store.transactions.port import Transaction
from schemas.chain import Chains

_LOCK_NAMES: Final = statements("inbound.store.mo", "mo")["lock_names"]


class PostgresTransaction(Transaction):
    """A transaction on one connection, between BEGIN and COMMIT."""

    def __init__(
        self,
        conn: psycopg.AsyncConnection,
        sealer: Sealer,
        new_id: Callable[[], UUID],
        quotas: Quotas,
        where: str,
    ) -> None:
        """`where` names the database in errors."""
        self._conn = conn
        self._sealer = sealer
        self._new_id = new_id
        self._quotas = quotas
        self.where = where
        self.appended = False
        self.chains: Chains | None = None

    @override
    @raises_store_errors_async
    async def seen(self, mo_ids: Collection[UUID]) -> set[UUID]:
        return await inbox.seen(self._conn, mo_ids)

    @override
    @raises_store_errors_async
    async def subjects(self, numbers: Mapping[bytes, str]) -> dict[bytes, UUID]:
        return await subjects.ensure_subjects(self._conn, self._sealer, self._new_id, numbers)

    @override
    @raises_store_errors_async
    async def find_subjects(self, hashes: Collection[bytes]) -> dict[bytes, UUID]:
        return await subjects.find_subjects(self._conn, hashes)

    @override
    @raises_store_errors_async
    async def numbers_of(self, subject_ids: Collection[UUID]) -> dict[UUID, str]:
        return await subjects.find_numbers(self._conn, self._sealer, subject_ids)

    @override
    @raises_store_errors_async
    async def states(self, subject_ids: Collection[UUID]) -> dict[UUID, StoredState]:
        return await streams.states(self._conn, subject_ids)

    @override
    @raises_store_errors_async
    async def load_streams(self, subject_ids: Collection[UUID]) -> dict[UUID, list[RecordedEvent]]:
        return await streams.load_streams(self._conn, subject_ids)

    @override
    @raises_store_errors_async
    async def read_events(self, after: int, limit: int) -> list[RecordedEvent]:
        return await streams.read_events(self._conn, after, limit)

    @override
    @raises_store_errors_async
    async def waiting_parts(self, keys: Collection[PartsKey]) -> list[StoredPart]:
        return await parts.waiting_parts(self._conn, keys)

    @override
    @raises_store_errors_async
    async def parts_of_text(self, key: PartsKey) -> PartsOfText:
        return await parts.parts_of_text(self._conn, self._sealer, key)

    @override
    @raises_store_errors_async
    async def store_parts(self, changes: PartChanges) -> list[DroppedParts]:
        return await parts.store_parts(self._conn, self._sealer, changes, self._quotas.parts)

    @override
    @raises_store_errors_async
    async def text_routes(self) -> TextRoutes:
        return await account_texts.find_routes(self._conn)

    @override
    @raises_store_errors_async
    async def waiting_texts(
        self, accounts: Collection[str], hashes: Collection[bytes]
    ) -> WaitingTexts:
        return await account_texts.count_waiting(self._conn, accounts, hashes)

    @override
    @raises_store_errors_async
    async def lock_names(self, names: Collection[str]) -> None:
        await self._conn.execute(_LOCK_NAMES, {"names": list(names)})

    @override
    @raises_store_errors_async
    async def sent_parts(
        self, subject_ids: Collection[UUID], smsc_message_ids: Collection[str]
    ) -> list[SentPart]:
        return await find_sent_parts(self._conn, subject_ids, smsc_message_ids)

    @override
    @raises_store_errors_async
    async def early_receipts(self, subject_ids: Collection[UUID]) -> list[EarlyReceipt]:
        return await find_early_receipts(self._conn, subject_ids)

    @override
    @raises_store_errors_async
    async def accounts(self, names: Collection[str], *, lock: bool = True) -> dict[str, Account]:
        read = accounts.lock_accounts if lock else accounts.find_accounts
        return await read(self._conn, names)

    @override
    @raises_store_errors_async
    async def usage(self, keys: Collection[UsageKey]) -> dict[UsageKey, int]:
        return await accounts.find_usage(self._conn, keys)

    @override
    @raises_store_errors_async
    async def recent_orders(self, queries: Sequence[RecentQuery]) -> dict[RecentKey, RecentOrders]:
        return await orders.find_recent_orders(self._conn, queries)

    @override
    @raises_store_errors_async
    async def orders(
        self, order_ids: Collection[UUID], *, lock: bool = False
    ) -> dict[UUID, OrderRow]:
        return await orders.find_orders(self._conn, order_ids, lock=lock)

    @override
    @raises_store_errors_async
    async def due_orders(self, now: datetime, limit: int) -> list[OrderRow]:
        return await orders.find_due_orders(self._conn, now, limit)

    @override
    @raises_store_errors_async
    async def due_bulk(self, now: datetime, shares: Mapping[str, int]) -> list[OrderRow]:
        return await bulk.find_due_bulk(self._conn, now, shares)

    @override
    @raises_store_errors_async
    async def lost_orders(self, before: datetime, limit: int) -> list[OrderRow]:
        return await orders.find_lost_orders(self._conn, before, limit)

    @override
    @raises_store_errors_async
    async def claimed(self, message_ids: Collection[UUID]) -> set[UUID]:
        return await orders.find_claimed(self._conn, message_ids)

    @override
    @raises_store_errors_async
    async def broadcast_cursor(self, broadcast_id: UUID, until: int) -> Cursor | None:
        return await lock_cursor(self._conn, broadcast_id, until)

    @override
    @raises_store_errors_async
    async def store_early_receipts(self, receipts: Sequence[EarlyReceipt]) -> int:
        return await store_early_receipts(self._conn, receipts, self._quotas.early_receipts)

    @override
    @raises_store_errors_async
    async def dead_letter_usage(self) -> DeadLetterUsage:
        return await dead_letters.current_usage(self._conn)

    @override
    @raises_store_errors_async
    async def registrations_used(self, *, lock: bool) -> RegistrationsUsed:
        return await registrations.used(self._conn, lock=lock)

    @override
    @raises_store_errors_async
    async def unknown_numbers_used(self, *, lock: bool) -> UnknownNumbersUsed:
        return await unknown_numbers.used(self._conn, lock=lock)

    @override
    @raises_store_errors_async
    async def take_holds(self, selection: HoldSelection) -> list[TakenHold]:
        return await registrations.take(self._conn, selection)

    @override
    @raises_store_errors_async
    async def dead_letters_by_sender(
        self, hashes: Collection[bytes]
    ) -> dict[bytes, DeadLetterUsage]:
        return await dead_letters.usage_by_sender(self._conn, hashes)

    @override
    @raises_store_errors_async
    async def write(self, changes: Changes) -> None:
        if self.chains is not None:  # a second call continues from the first
            await move_heads(self._conn, self.chains)
        written = await writing.write(self._conn, changes, self._sealer, self._quotas)
        self.chains = written or self.chains
        self.appended = self.appended or bool(changes.events or changes.outbox)

    @override
    @raises_store_errors_async
    async def erase(self, person: PersonToErase) -> ErasedRows:
        if person.subject_id is not None:
            await registrations.drop_held_of(self._conn, person.subject_id)
        return await erasures.erase(self._conn, person, self._sealer)

    @override
    @raises_store_errors_async
    async def record_erasure(self, erasure: NewErasure) -> int:
        return await erasures.record(self._conn, erasure)
