"""A transaction of the event store in PostgreSQL: the statements of one batch.

It begins with its first statement. Where that needs no answer, or several can be asked for at
once, they are one round trip.
"""

from collections.abc import Callable, Collection, Coroutine, Mapping, Sequence
from datetime import datetime
from functools import wraps
from typing import Any, Concatenate, Final, ParamSpec, TypeVar
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
from inbound.store.log.rows import RecordedEvent, StoredState
from inbound.store.mo import account_texts, inbox, parts, unknown_numbers
from inbound.store.mo.account_texts import WaitingTexts
from inbound.store.mo.rows import DroppedParts, PartChanges, PartsKey, PartsOfText, StoredPart
from inbound.store.orders import accounts, bulk, orders
from inbound.store.orders.orders import RecentKey
from inbound.store.orders.rows import Account, OrderRow, RecentOrders, RecentQuery, UsageKey
from inbound.store.people import erasure as erasures
from inbound.store.people import subjects
from inbound.store.people.rows import (
    ErasedRows,
    KnownRecipients,
    KnownSenders,
    NewErasure,
    PersonToErase,
)
from inbound.store.quotas import Quotas
from inbound.store.receipts.early_receipts import (
    early_receipts_of,
    find_early_receipts,
    select_early_receipts,
    store_early_receipts,
)
from inbound.store.receipts.rows import EarlyReceipt
from inbound.store.receipts.sent_parts import find_sent_parts
from inbound.store.registrations import registrations
from inbound.store.registrations.rows import HoldSelection, RegistrationsUsed, TakenHold
from inbound.store.sealing import Sealer
from inbound.store.statements import Query, statements
from inbound.store.transactions import writing
from inbound.store.transactions.changes import Changes
from inbound.store.transactions.port import Transaction

_BEGIN: Final = statements("inbound.store.log", "log")["begin"]
_LOCK_NAMES: Final = statements("inbound.store.mo", "mo")["lock_names"]

Params = ParamSpec("Params")
Result = TypeVar("Result")


def _statement(
    method: Callable[Concatenate["PostgresTransaction", Params], Coroutine[Any, Any, Result]],
) -> Callable[Concatenate["PostgresTransaction", Params], Coroutine[Any, Any, Result]]:
    """Begin the transaction before the first of these methods; translate errors of psycopg."""

    @wraps(method)
    async def call(
        self: "PostgresTransaction", /, *args: Params.args, **kwargs: Params.kwargs
    ) -> Result:
        await self.begin()
        return await method(self, *args, **kwargs)

    return raises_store_errors_async(call)


class PostgresTransaction(Transaction):
    """A transaction on one connection, from BEGIN to right before COMMIT."""

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
        self.has_begun = False
        self.appended = False
        self.last_queries: list[Query] = []
        """What has to be written right before the commit."""

    async def begin(self) -> None:
        """Begin, unless that is done. Raises errors of psycopg. Fits into a pipeline."""
        if not self.has_begun:
            self.has_begun = True
            await self._conn.execute(_BEGIN, prepare=False)

    @override
    @raises_store_errors_async
    async def known_senders(
        self, mo_ids: Collection[UUID], hashes: Collection[bytes]
    ) -> KnownSenders:
        async with self._conn.pipeline():
            await self.begin()
            found = await subjects.select_senders(self._conn, mo_ids, hashes)
        return await subjects.senders_of(found)

    @override
    @_statement
    async def seen(self, mo_ids: Collection[UUID]) -> set[UUID]:
        return await inbox.seen(self._conn, mo_ids)

    @override
    @_statement
    async def subjects(self, numbers: Mapping[bytes, str]) -> dict[bytes, UUID]:
        return await subjects.ensure_subjects(self._conn, self._sealer, self._new_id, numbers)

    @override
    @_statement
    async def add_subjects(self, numbers: Mapping[bytes, str]) -> dict[bytes, UUID]:
        return await subjects.add_subjects(self._conn, self._sealer, self._new_id, numbers)

    @override
    @_statement
    async def find_subjects(self, hashes: Collection[bytes]) -> dict[bytes, UUID]:
        return await subjects.find_subjects(self._conn, hashes)

    @override
    @_statement
    async def numbers_of(self, subject_ids: Collection[UUID]) -> dict[UUID, str]:
        return await subjects.find_numbers(self._conn, self._sealer, subject_ids)

    @override
    @_statement
    async def states(self, subject_ids: Collection[UUID]) -> dict[UUID, StoredState]:
        return await streams.states(self._conn, subject_ids)

    @override
    @_statement
    async def load_streams(self, subject_ids: Collection[UUID]) -> dict[UUID, list[RecordedEvent]]:
        return await streams.load_streams(self._conn, subject_ids)

    @override
    @_statement
    async def read_events(self, after: int, limit: int) -> list[RecordedEvent]:
        return await streams.read_events(self._conn, after, limit)

    @override
    @_statement
    async def waiting_parts(self, keys: Collection[PartsKey]) -> list[StoredPart]:
        return await parts.waiting_parts(self._conn, keys)

    @override
    @_statement
    async def parts_of_text(self, key: PartsKey) -> PartsOfText:
        return await parts.parts_of_text(self._conn, self._sealer, key)

    @override
    @_statement
    async def store_parts(self, changes: PartChanges) -> list[DroppedParts]:
        return await parts.store_parts(self._conn, self._sealer, changes, self._quotas.parts)

    @override
    @_statement
    async def text_routes(self) -> TextRoutes:
        return await account_texts.find_routes(self._conn)

    @override
    @_statement
    async def waiting_texts(
        self, accounts: Collection[str], hashes: Collection[bytes]
    ) -> WaitingTexts:
        return await account_texts.count_waiting(self._conn, accounts, hashes)

    @override
    @raises_store_errors_async
    async def lock_names(self, names: Collection[str]) -> None:
        async with self._conn.pipeline():
            await self.begin()
            await self._conn.execute(_LOCK_NAMES, {"names": list(names)})

    @override
    @raises_store_errors_async
    async def known_recipients(
        self,
        partitions: Collection[str],
        subject_ids: Collection[UUID],
        hashes: Collection[bytes],
    ) -> KnownRecipients:
        async with self._conn.pipeline():
            await self.begin()
            await self._conn.execute(_LOCK_NAMES, {"names": list(partitions)})
            people = await subjects.select_recipients(self._conn, subject_ids, hashes)
            early = await select_early_receipts(self._conn, subject_ids)
        return KnownRecipients(
            *await subjects.recipients_of(people), await early_receipts_of(early)
        )

    @override
    @_statement
    async def sent_parts(
        self, subject_ids: Collection[UUID], smsc_message_ids: Collection[str]
    ) -> list[SentPart]:
        return await find_sent_parts(self._conn, subject_ids, smsc_message_ids)

    @override
    @_statement
    async def early_receipts(self, subject_ids: Collection[UUID]) -> list[EarlyReceipt]:
        return await find_early_receipts(self._conn, subject_ids)

    @override
    @_statement
    async def accounts(self, names: Collection[str], *, lock: bool = True) -> dict[str, Account]:
        read = accounts.lock_accounts if lock else accounts.find_accounts
        return await read(self._conn, names)

    @override
    @_statement
    async def usage(self, keys: Collection[UsageKey]) -> dict[UsageKey, int]:
        return await accounts.find_usage(self._conn, keys)

    @override
    @_statement
    async def recent_orders(self, queries: Sequence[RecentQuery]) -> dict[RecentKey, RecentOrders]:
        return await orders.find_recent_orders(self._conn, queries)

    @override
    @_statement
    async def orders(
        self, order_ids: Collection[UUID], *, lock: bool = False
    ) -> dict[UUID, OrderRow]:
        return await orders.find_orders(self._conn, order_ids, lock=lock)

    @override
    @_statement
    async def due_orders(self, now: datetime, limit: int) -> list[OrderRow]:
        return await orders.find_due_orders(self._conn, now, limit)

    @override
    @_statement
    async def due_bulk(self, now: datetime, shares: Mapping[str, int]) -> list[OrderRow]:
        return await bulk.find_due_bulk(self._conn, now, shares)

    @override
    @_statement
    async def lost_orders(self, before: datetime, limit: int) -> list[OrderRow]:
        return await orders.find_lost_orders(self._conn, before, limit)

    @override
    @_statement
    async def claimed(self, message_ids: Collection[UUID]) -> set[UUID]:
        return await orders.find_claimed(self._conn, message_ids)

    @override
    @_statement
    async def broadcast_cursor(self, broadcast_id: UUID, until: int) -> Cursor | None:
        return await lock_cursor(self._conn, broadcast_id, until)

    @override
    @_statement
    async def store_early_receipts(self, receipts: Sequence[EarlyReceipt]) -> int:
        return await store_early_receipts(self._conn, receipts, self._quotas.early_receipts)

    @override
    @_statement
    async def dead_letter_usage(self) -> DeadLetterUsage:
        return await dead_letters.current_usage(self._conn)

    @override
    @_statement
    async def registrations_used(self, *, lock: bool) -> RegistrationsUsed:
        return await registrations.used(self._conn, lock=lock)

    @override
    @_statement
    async def unknown_numbers_used(self, *, lock: bool) -> UnknownNumbersUsed:
        return await unknown_numbers.used(self._conn, lock=lock)

    @override
    @_statement
    async def take_holds(self, selection: HoldSelection) -> list[TakenHold]:
        return await registrations.take(self._conn, selection)

    @override
    @_statement
    async def dead_letters_by_sender(
        self, hashes: Collection[bytes]
    ) -> dict[bytes, DeadLetterUsage]:
        return await dead_letters.usage_by_sender(self._conn, hashes)

    @override
    @_statement
    async def write(self, changes: Changes) -> None:
        for query, parameters in self.last_queries:  # a second call continues from the first
            await self._conn.execute(query, parameters)
        self.last_queries = await writing.write(self._conn, changes, self._sealer, self._quotas)
        self.appended = self.appended or bool(changes.events or changes.outbox)

    @override
    @_statement
    async def erase(self, person: PersonToErase) -> ErasedRows:
        if person.subject_id is not None:
            await registrations.drop_held_of(self._conn, person.subject_id)
        return await erasures.erase(self._conn, person, self._sealer)

    @override
    @_statement
    async def record_erasure(self, erasure: NewErasure) -> int:
        return await erasures.record(self._conn, erasure)
