"""The tables of the in-memory store, with the functions that change the log."""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import TypeVar
from uuid import UUID

from inbound.handlers.receipts import SentPart
from inbound.parsers.text_routes import RouteKey
from inbound.store.access.audit import NewAuditEntry
from inbound.store.claims.rows import Secret
from inbound.store.dead_letters.rows import DeadLetter, DeadLetterSource
from inbound.store.errors import Conflict
from inbound.store.log.rows import NewEvent, NewState, RecordedEvent, StoredState
from inbound.store.mo.account_texts import NewAccountText
from inbound.store.mo.rows import InboxRow, MessagePart, PartsKey, RejectedMo, RejectedMoKey
from inbound.store.orders.rows import RIGHTS, STRANGERS, Account, OrderContent, OrderRow, UsageKey
from inbound.store.outbox.rows import OutboxRow
from inbound.store.people.rows import NewErasure
from inbound.store.receipts.rows import EarlyKey, EarlyReceipt
from inbound.store.registrations.rows import CountedRegistrations, HeldRegistration
from inbound.store.smpp.rows import SubmittedMessage
from schemas.chain import Chains, Head, body, chain_of, microseconds

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
    text_routes: dict[RouteKey, str] = field(default_factory=dict)
    account_texts: dict[UUID, NewAccountText] = field(default_factory=dict)
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
    smpp_messages: list[SubmittedMessage] = field(default_factory=list)
    claims: dict[UUID, tuple[int, str]] = field(default_factory=dict)
    results: dict[UUID, str] = field(default_factory=dict)

    def copied(self) -> "Tables":
        """Copy the tables, not their rows: rows and nested tables are replaced whole."""
        tables = Tables(*(getattr(self, table.name).copy() for table in fields(self)))
        tables.claims = self.claims  # claims commit by themselves
        tables.results = self.results
        return tables

    def put_state(self, new: NewState) -> None:
        """Store a state; raise Conflict when the stored one has moved on."""
        stored = self.states.get(new.stream_id)
        if stored is not None and stored.version != new.expected_version:
            raise Conflict("other transactions changed the same people at the same time")
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


def select(table: Mapping[Key, Value], keys: Collection[Key]) -> dict[Key, Value]:
    """Return the rows with these keys, as far as there are any."""
    return {key: table[key] for key in keys if key in table}


def remove(table: dict[Key, Value], matches: Callable[[Key, Value], bool]) -> int:
    """Remove the rows that match and return how many there were."""
    keys = [key for key, row in table.items() if matches(key, row)]
    for key in keys:
        del table[key]
    return len(keys)


def add_new(table: dict[Key, Value], rows: Iterable[tuple[Key, Value]]) -> None:
    """Add rows; raise Conflict when a key exists."""
    for key, row in rows:
        if key in table:
            raise Conflict("another transaction was first")
        table[key] = row
