"""The tables of the in-memory store, and what changes them."""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import datetime, timedelta
from typing import Final, TypeVar
from uuid import UUID

from inbound.handlers.order_progress import OrderChange
from inbound.handlers.receipts import SentPart
from inbound.handlers.unknown_numbers import UnknownNumbersUsed
from inbound.store.access.audit import NewAuditEntry
from inbound.store.claims.rows import Secret
from inbound.store.dead_letters import DeadLetter, DeadLetterSource
from inbound.store.errors import Conflict
from inbound.store.log.rows import NewEvent, NewState, RecordedEvent, StoredState
from inbound.store.mo.rows import (
    DroppedParts,
    InboxRow,
    MessagePart,
    PartChanges,
    PartsKey,
    RejectedMo,
    RejectedMoKey,
)
from inbound.store.orders.orders import RecentKey
from inbound.store.orders.rows import (
    RIGHTS,
    STRANGERS,
    Account,
    OrderContent,
    OrderRow,
    OrderWrites,
    RecentOrders,
    RecentQuery,
    UsageKey,
    usage_keys,
)
from inbound.store.outbox.rows import OutboxRow
from inbound.store.people.rows import NewErasure, PersonToErase
from inbound.store.quotas import Quota, Usage
from inbound.store.receipts.rows import EarlyKey, EarlyReceipt
from inbound.store.registrations.rows import (
    CountedRegistrations,
    HeldRegistration,
    HoldSelection,
    RegistrationsUsed,
    TakenHold,
)
from inbound.store.transactions.changes import Changes
from schemas.chain import Chains, Head, body, chain_of, microseconds
from schemas.orders import OrderState

Key = TypeVar("Key")
Value = TypeVar("Value")


@dataclass(slots=True)
class Tables:
    """Everything that is stored; tests may read it."""

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
    rejected_mos: dict[RejectedMoKey, RejectedMo] = field(default_factory=dict)
    erasures: list[NewErasure] = field(default_factory=list)
    unknown_numbers: list[tuple[datetime, dict[str, int]]] = field(default_factory=list)
    registrations: list[tuple[datetime, CountedRegistrations]] = field(default_factory=list)
    registrations_off: list[bool] = field(default_factory=lambda: [False])
    held: dict[UUID, HeldRegistration] = field(default_factory=dict)
    audit: list[NewAuditEntry] = field(default_factory=list)
    accounts: dict[str, Account] = field(
        default_factory=lambda: {
            "default": Account("default", rights=frozenset(RIGHTS) - {STRANGERS})
        }
    )
    usage: dict[UsageKey, int] = field(default_factory=dict)
    orders: dict[UUID, OrderRow] = field(default_factory=dict)
    contents: dict[UUID, OrderContent] = field(default_factory=dict)
    broadcasts: dict[UUID, str] = field(default_factory=dict)
    claims: dict[UUID, tuple[int, str]] = field(default_factory=dict)
    results: dict[UUID, str] = field(default_factory=dict)

    def copied(self) -> "Tables":
        """Copy the tables, not their rows: rows and nested tables are replaced whole."""
        tables = Tables(*(getattr(self, table.name).copy() for table in fields(self)))
        tables.claims = self.claims  # claims commit by themselves
        tables.results = self.results
        return tables

    def write_receipts(self, changes: Changes) -> None:
        """Apply what a batch changes about sent parts and early receipts."""
        add_new(
            self.sent, ((_part_key(part), replace(part, receipt=None)) for part in changes.sent)
        )
        for part in changes.receipts:
            stored = self.sent.get(_part_key(part))
            if stored is not None:
                self.sent[_part_key(part)] = replace(stored, receipt=part.receipt)
        for key in changes.no_longer_early:
            self.early.pop(key, None)

    def registrations_used(self, now: datetime) -> RegistrationsUsed:
        """Return the switch and the counts of registrations."""
        recent = [(at, one) for at, one in self.registrations if at > now - timedelta(hours=1)]
        hours: Counter[str] = Counter()
        minutes: Counter[str] = Counter()
        for at, one in recent:
            hours[one.centre] += one.sent
            minutes[one.centre] += one.sent if at > now - timedelta(minutes=1) else 0
        return RegistrationsUsed(
            self.registrations_off[0],
            minutes.total(),
            hours.total(),
            hours,
            minutes,
            frozenset(hours),
        )

    def unknown_numbers_used(self, now: datetime) -> UnknownNumbersUsed:
        """Return the counts of accepted commands of unknown numbers."""
        minutes: Counter[str] = Counter()
        hours: Counter[str] = Counter()
        for at, accepted in self.unknown_numbers:
            if at > now - timedelta(hours=1):
                hours.update(accepted)
            if at > now - timedelta(minutes=1):
                minutes.update(accepted)
        return UnknownNumbersUsed(minutes, hours, frozenset(hours))

    def take_holds(self, selection: HoldSelection) -> list[TakenHold]:
        """Remove holds and return them."""
        hashes = {subject_id: number_hash for number_hash, subject_id in self.subjects.items()}
        named, made_by, expired_by = (
            selection.request_ids,
            selection.made_by,
            selection.expired_by,
        )
        taken = [
            row
            for row in sorted(self.held.values(), key=lambda row: (row.held_at, row.request_id))
            if (named is None or row.request_id in named)
            and (made_by is None or row.held_at <= made_by)
            and (expired_by is None or row.until <= expired_by)
        ][: selection.limit if named is None else None]
        for row in taken:
            del self.held[row.request_id]
        return [TakenHold(row, hashes.get(row.subject_id)) for row in taken]

    def write_orders(self, writes: OrderWrites) -> None:
        """Add orders and texts, count them, and apply what happened to others."""
        add_new(self.orders, ((order.order_id, order) for order in writes.orders))
        add_new(self.contents, ((one.order_id, one) for one in writes.contents))
        for key, used in writes.usage.items():
            self.usage[key] = self.usage.get(key, 0) + used
        for name, amount in writes.charges.items():
            account = self.accounts[name]
            if account.balance is not None:
                self.accounts[name] = replace(account, balance=account.balance - amount)
        for name, free_at in writes.free_at.items():
            self.accounts[name] = replace(self.accounts[name], free_at=free_at)
        for change in writes.changes.values():
            if change.order_id in self.orders:
                self.change_order(change)

    def change_order(self, change: OrderChange) -> None:
        """Apply what happened to an order."""
        self._refund(change)
        self.orders[change.order_id] = _changed(self.orders[change.order_id], change)

    def _refund(self, change: OrderChange) -> None:
        """Give back what an unsent order took, or take it again."""
        order = self.orders[change.order_id]
        if change.unsent is None or order.refunded is change.unsent or order.state in _SETTLED:
            return
        sign = 1 if change.unsent else -1
        account = self.accounts[order.account]
        if order.price is not None and account.balance is not None:
            balance = account.balance + sign * order.price
            self.accounts[order.account] = replace(account, balance=balance)
        for key in usage_keys(account, order.created_at):
            self.usage[key] = max(self.usage.get(key, 0) - sign, 0)
        self.orders[change.order_id] = replace(order, refunded=change.unsent)

    def recent(self, query: RecentQuery) -> tuple[RecentKey, RecentOrders]:
        """Return when an account last ordered for a person."""
        found = [
            order
            for order in self.orders.values()
            if (order.account, order.subject_id) == (query.account, query.subject_id)
            and order.was_accepted
            and order.state is not OrderState.REFUSED
            and not order.refunded
            and order.created_at > query.since
        ]
        same = [one.created_at for one in found if one.text_digest == query.text_digest]
        recent = RecentOrders(
            max((one.created_at for one in found), default=None), max(same, default=None)
        )
        return (query.account, query.subject_id, query.text_digest), recent

    def change_parts(self, changes: PartChanges) -> None:
        """Apply what a batch changes about parts; a text that gets one becomes the newest."""
        touched = {gone.key for gone in changes.removed} | {part.key for part in changes.waiting}
        waiting = {key: dict(self.parts.pop(key, {})) for key in touched}
        for gone in changes.removed:
            waiting[gone.key].pop(gone.sequence, None)
        for part in changes.waiting:
            waiting[part.key][part.sequence] = part
        self.parts |= {key: parts for key, parts in waiting.items() if parts}
        whole: dict[PartsKey, dict[int, MessagePart]] = {}
        for part in changes.whole:
            whole.setdefault(part.key, {})[part.sequence] = part
        for key, parts in whole.items():
            self.whole_parts.pop(key, None)
            self.whole_parts[key] = parts

    def part_usage(self) -> Usage:
        """Return how many parts there are, and the size of their payloads."""
        kinds = (*self.parts.values(), *self.whole_parts.values())
        sizes = [len(part.payload) for kind in kinds for part in kind.values()]
        return Usage(len(sizes), sum(sizes))

    def drop_parts(
        self, quota: str, rows: int, size: int, *, of: Collection[bytes] | None = None
    ) -> list[DroppedParts]:
        """Keep the newest texts, as far as the limits go; `of` names the senders, None all."""
        dropped = []
        kinds = ((self.whole_parts, 0), (self.parts, 1))
        texts = [
            (max(part.received_at for part in kind[key].values()), kind, key, incomplete)
            for kind, incomplete in kinds
            for key in kind
            if of is None or key.number_hash in of
        ]
        for _, kind, key, incomplete in sorted(texts, key=lambda text: text[0], reverse=True):
            parts = kind[key].values()
            rows -= len(parts)
            size -= sum(len(part.payload) for part in parts)
            if rows < 0 or size < 0:
                arrived = [part.received_at for part in parts]
                times = min(arrived), max(arrived)
                dropped.append(DroppedParts(key.number_hash, quota, len(parts), incomplete, *times))
                del kind[key]
        return dropped

    def add_early(self, receipts: Sequence[EarlyReceipt], quota: Quota) -> int:
        """Store early receipts; drop the oldest beyond the quota, and return how many."""
        for row in receipts:
            self.early.setdefault(row.key, row)
        before = len(self.early)
        for subject_id in {row.key.subject_id for row in receipts}:
            of = [row for row in self.early.values() if row.key.subject_id == subject_id]
            self._keep_newest(of, quota.sender_rows, quota.sender_bytes)
        every = list(self.early.values())
        if Usage(len(every), sum(len(row.receipt) for row in every)).exceeds(quota):
            self._keep_newest(every, quota.kept_rows, quota.kept_bytes)
        return before - len(self.early)

    def _keep_newest(self, receipts: Sequence[EarlyReceipt], rows: int, size: int) -> None:
        for row in sorted(receipts, key=lambda row: row.arrived_at, reverse=True):
            rows -= 1
            size -= len(row.receipt)
            if rows < 0 or size < 0:
                del self.early[row.key]

    def add_rejected(self, rejected: RejectedMo) -> None:
        """Add a count of rejected MOs to the stored one."""
        before = self.rejected_mos.get(rejected.key, rejected)
        self.rejected_mos[rejected.key] = RejectedMo(
            rejected.key,
            min(before.first_at, rejected.first_at),
            max(before.last_at, rejected.last_at),
            rejected.count + (before.count if before is not rejected else 0),
            rejected.reading or before.reading,
        )

    def put_state(self, new: NewState) -> None:
        """Store a state; raise Conflict when the stored one has moved on."""
        stored = self.states.get(new.stream_id)
        if stored is not None and stored.version != new.expected_version:
            raise Conflict("a subject has moved on since its state was read")
        self.states[new.stream_id] = StoredState(new.version, new.state_version, new.state)

    def append(self, new: NewEvent, now: datetime) -> None:
        """Append an event, continuing its chain; raise Conflict when its version exists."""
        stream = self.streams.get(new.stream_id, [])
        if any(event.version == new.version for event in stream):
            raise Conflict("another transaction was first")
        position = len(self.events) + 1
        if self.events:
            now = max(now, self.events[-1].recorded_at)
        columns = (
            new.stream_id,
            new.version,
            new.type,
            new.schema_version,
            new.data,
            new.metadata,
        )
        chain = chain_of(new.stream_id)
        chains = Chains(*zip(*self.heads, strict=True))
        digest = chains.append(chain, position, microseconds(now), body(*columns))
        self.heads = chains.heads()
        recorded = RecordedEvent(position, *columns, now, chain, digest)
        self.streams[new.stream_id] = [*stream, recorded]
        self.events.append(recorded)


_SETTLED: Final = frozenset({OrderState.REFUSED, OrderState.DELIVERED, OrderState.UNDELIVERED})


def _changed(order: OrderRow, change: OrderChange) -> OrderRow:
    told = {OrderState.DELIVERED, OrderState.UNDELIVERED}
    if order.state in told and change.state not in told:
        return order
    return replace(
        order,
        state=change.state,
        changed_at=change.at,
        reason=change.reason or order.reason,
        dispatch=change.dispatch or order.dispatch,
        due_at=change.due_at,
        not_after=change.not_after or order.not_after,
    )


def in_sequence(parts: Mapping[int, MessagePart]) -> tuple[MessagePart, ...]:
    """Return the parts in order of sequence."""
    return tuple(parts[sequence] for sequence in sorted(parts))


def select(table: Mapping[Key, Value], keys: Collection[Key]) -> dict[Key, Value]:
    """Return the rows with these keys, as far as there are any."""
    return {key: table[key] for key in keys if key in table}


def remove(table: dict[Key, Value], matches: Callable[[Key, Value], bool]) -> int:
    """Remove the rows that match and return how many there were."""
    keys = [key for key, row in table.items() if matches(key, row)]
    for key in keys:
        del table[key]
    return len(keys)


def is_about(row: DeadLetter, person: PersonToErase) -> bool:
    """Return whether a dead letter is of this person, or names them when its sender is unknown."""
    if row.number_hash is not None:
        return row.number_hash == person.number_hash
    return person.is_named_in(row.key, row.payload, *dict(row.headers).values())


def _part_key(part: SentPart) -> tuple[UUID, UUID, int]:
    return part.subject_id, part.message_id, part.part


def add_new(table: dict[Key, Value], rows: Iterable[tuple[Key, Value]]) -> None:
    """Add rows; raise Conflict when a key exists."""
    for key, row in rows:
        if key in table:
            raise Conflict("another transaction was first")
        table[key] = row
