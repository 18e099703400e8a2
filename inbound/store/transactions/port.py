"""The port of the event store: what a transaction reads and writes.

Two adapters implement it, PostgreSQL (`postgres.py`) and memory (`memory.py`). Both pass the
suites in tests/contract.

All calls may raise RetryableError; then nothing of the transaction was written, or, if the
connection broke at commit, all of it may have been. The inbox and the versions of the streams
make it safe to repeat the whole transaction.
"""

from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import Protocol
from uuid import UUID

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
from inbound.store.people.rows import (
    ErasedRows,
    KnownRecipients,
    KnownSenders,
    NewErasure,
    PersonToErase,
)
from inbound.store.receipts.rows import EarlyReceipt
from inbound.store.registrations.rows import HoldSelection, RegistrationsUsed, TakenHold
from inbound.store.transactions.changes import Changes


class Transaction(Protocol):
    """One batch: reads first, then one `write`, and commit when the block ends."""

    async def seen(self, mo_ids: Collection[UUID]) -> set[UUID]:
        """Return which of these MOs an earlier transaction has processed."""
        ...

    async def known_senders(
        self, mo_ids: Collection[UUID], hashes: Collection[bytes]
    ) -> KnownSenders:
        """Return what `seen`, `find_subjects` and `states` do, in one round trip.

        And whether any account has callbacks for commands: `Changes.wants_command_callbacks`.
        """
        ...

    async def subjects(self, numbers: Mapping[bytes, str]) -> dict[bytes, UUID]:
        """Return the subject of each number hash; create missing ones with the sealed number.

        Waits for another transaction that is creating the same subject.
        """
        ...

    async def add_subjects(self, numbers: Mapping[bytes, str]) -> dict[bytes, UUID]:
        """As `subjects`, for numbers that are probably new: nothing is read before."""
        ...

    async def find_subjects(self, hashes: Collection[bytes]) -> dict[bytes, UUID]:
        """Return the subject of each number hash that has one; create none."""
        ...

    async def numbers_of(self, subject_ids: Collection[UUID]) -> dict[UUID, str]:
        """Return the number of each of these subjects that is not erased."""
        ...

    async def states(self, subject_ids: Collection[UUID]) -> dict[UUID, StoredState]:
        """Return the folded states that are stored; rebuild a lost one from `load_streams`."""
        ...

    async def load_streams(self, subject_ids: Collection[UUID]) -> dict[UUID, list[RecordedEvent]]:
        """Return all events of each subject in order; no entry for a subject without events."""
        ...

    async def read_events(self, after: int, limit: int) -> list[RecordedEvent]:
        """Return the next events of the whole log, without gaps or repetition between calls.

        Each has its digest and the chain that it continues (`schemas.chain`).
        """
        ...

    async def waiting_parts(self, keys: Collection[PartsKey]) -> list[StoredPart]:
        """Return which parts of these texts wait for the others."""
        ...

    async def parts_of_text(self, key: PartsKey) -> PartsOfText:
        """Return the parts with this key, each kind in order of sequence."""
        ...

    async def store_parts(self, changes: PartChanges) -> list[DroppedParts]:
        """Write the changes; drop the oldest texts beyond the quotas, and return which.

        Call it once, right before `write`: from here to commit all others that write parts wait.
        Two transactions that change parts of one sender must exclude each other (`lock_names`).
        """
        ...

    async def text_routes(self) -> TextRoutes:
        """Return which texts belong to which account."""
        ...

    async def waiting_texts(
        self, accounts: Collection[str], hashes: Collection[bytes]
    ) -> WaitingTexts:
        """Return how many texts wait for these accounts, and of these senders."""
        ...

    async def lock_names(self, names: Collection[str]) -> None:
        """Lock these names until commit: other transactions that lock one of them wait."""
        ...

    async def known_recipients(
        self,
        partitions: Collection[str],
        subject_ids: Collection[UUID],
        hashes: Collection[bytes],
    ) -> KnownRecipients:
        """Lock as `lock_names`, then read, in one round trip.

        Returns the subjects of these hashes, the stored states of both, and the early receipts of
        `subject_ids`.
        """
        ...

    async def sent_parts(
        self, subject_ids: Collection[UUID], smsc_message_ids: Collection[str]
    ) -> list[SentPart]:
        """Return all parts of these people's messages of which one part has one of these ids."""
        ...

    async def early_receipts(self, subject_ids: Collection[UUID]) -> list[EarlyReceipt]:
        """Return the waiting early receipts of these people, oldest first."""
        ...

    async def accounts(self, names: Collection[str], *, lock: bool = True) -> dict[str, Account]:
        """Return these accounts. With `lock` waits for others that accept orders of one.

        Only those with counters are locked.
        """
        ...

    async def usage(self, keys: Collection[UsageKey]) -> dict[UsageKey, int]:
        """Return the counters of accepted orders that exist; call it after `accounts`."""
        ...

    async def recent_orders(self, queries: Sequence[RecentQuery]) -> dict[RecentKey, RecentOrders]:
        """Return when accounts last ordered for people; call it after `accounts`."""
        ...

    async def orders(
        self, order_ids: Collection[UUID], *, lock: bool = False
    ) -> dict[UUID, OrderRow]:
        """Return the orders that exist; `lock` keeps others from changing them until commit."""
        ...

    async def due_orders(self, now: datetime, limit: int) -> list[OrderRow]:
        """Return scheduled orders that are due, the longest overdue first, without bulk.

        They are locked until commit; those that another transaction has are left out.
        """
        ...

    async def due_bulk(self, now: datetime, shares: Mapping[str, int]) -> list[OrderRow]:
        """Return due bulk orders, of each account up to its share; locked as `due_orders`."""
        ...

    async def lost_orders(self, before: datetime, limit: int) -> list[OrderRow]:
        """Return orders that have been queued since before a time, and lock them as `due_orders`.

        Those of erased people are left out. Reads the whole table.
        """
        ...

    async def claimed(self, message_ids: Collection[UUID]) -> set[UUID]:
        """Return those of these messages that a gateway has claimed: they may have been sent."""
        ...

    async def broadcast_cursor(self, broadcast_id: UUID, until: int) -> Cursor | None:
        """Return the cursor of a broadcast, and lock the broadcast until commit.

        With it the number of recipients behind the cursor, up to number `until`.
        """
        ...

    async def store_early_receipts(self, receipts: Sequence[EarlyReceipt]) -> int:
        """Store early receipts; drop the oldest beyond the quotas, and return how many.

        A repeated receipt is stored once. Call it right before `write`: from here to commit all
        others that store early receipts wait.
        """
        ...

    async def dead_letter_usage(self) -> DeadLetterUsage:
        """Return how many dead letters there are, and their size."""
        ...

    async def registrations_used(self, *, lock: bool) -> RegistrationsUsed:
        """Return the switch of registrations, and how many were sent within minute and hour.

        With `lock` no other transaction that asks for it commits a registration before this
        one ends, so that a ceiling holds over all workers.
        """
        ...

    async def unknown_numbers_used(self, *, lock: bool) -> UnknownNumbersUsed:
        """Return how many commands of unknown numbers were accepted within minute and hour.

        With `lock`, others that ask for it wait until this transaction ends. Call it then before
        `subjects`.
        """
        ...

    async def take_holds(self, selection: HoldSelection) -> list[TakenHold]:
        """Remove held registrations and return them: each goes to one transaction only."""
        ...

    async def dead_letters_by_sender(
        self, hashes: Collection[bytes]
    ) -> dict[bytes, DeadLetterUsage]:
        """Return how many dead letters each of these senders has; none without any."""
        ...

    async def write(self, changes: Changes) -> None:
        """Write everything. Call it once and last: from here to commit all writers wait.

        Raises Conflict when another transaction has processed one of the MOs, placed one of the
        orders or appended to one of the streams; repeat the whole transaction then.
        """
        ...

    async def erase(self, person: PersonToErase) -> ErasedRows:
        """Delete every row that links the number to this person, and everything kept for them.

        Events and states stay: they name only the subject. Safe to repeat.
        """
        ...

    async def record_erasure(self, erasure: NewErasure) -> int:
        """Write the permanent record of an erasure, and return its number."""
        ...


class Store(Protocol):
    """The event store. One transaction at a time; a second one waits for the first."""

    def transaction(self) -> AbstractAsyncContextManager[Transaction]:
        """Commit when the block ends, roll back when it raises.

        Wakes the relays after a commit that wrote events or outbox rows.
        """
        ...

    async def close(self) -> None:
        """Close the connection; a later use opens it again."""
        ...
