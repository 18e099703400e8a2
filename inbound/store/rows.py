"""The rows that go into the store and come out of it. Plain data, no behaviour.

Everything that is bytes here and named data, metadata, state or headers is JSON text in
UTF-8, kept exactly as given. What is sealed in the database stands here in the clear and is
left out of every repr.
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, NamedTuple
from uuid import UUID

from inbound.handlers.receipts import SentPart


@dataclass(frozen=True, slots=True)
class NewEvent:
    """One event at its place in the stream of one subject; versions count from 1."""

    stream_id: UUID
    version: int
    type: str
    schema_version: int
    data: bytes
    metadata: bytes


@dataclass(frozen=True, slots=True)
class RecordedEvent:
    """An event with its place in the whole log and the time of the database.

    `chain` and `digest` (`schemas.chain`) are loaded by `read_events` of the port alone; an
    event that was written before there were chains has none.
    """

    position: int
    stream_id: UUID
    version: int
    type: str
    schema_version: int
    data: bytes
    metadata: bytes
    recorded_at: datetime
    chain: int | None = field(default=None, compare=False)
    digest: bytes | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class StoredState:
    """The state of one subject folded up to `version`, by rules of `state_version`."""

    version: int
    state_version: int
    state: bytes


@dataclass(frozen=True, slots=True)
class NewState:
    """The state after the events of this batch, decided at `expected_version` (0: no events)."""

    stream_id: UUID
    expected_version: int
    version: int
    state_version: int
    state: bytes


@dataclass(frozen=True, slots=True)
class InboxRow:
    """A message from a phone that this transaction has dealt with."""

    mo_id: UUID
    received_at: datetime


@dataclass(frozen=True, slots=True)
class NewOutboxRow:
    """A message to publish. Rows of one shard are published in the order they were written."""

    shard: int
    topic: str
    key: str | None
    event_id: str
    type: str
    headers: bytes
    value: bytes | None


@dataclass(frozen=True, slots=True)
class OutboxRow:
    """A written outbox row with its position."""

    position: int
    shard: int
    topic: str
    key: str | None
    event_id: str
    type: str
    headers: bytes
    value: bytes | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Secret:
    """What one outgoing message needs at encoding time; sealed in the vault, then erased."""

    message_id: UUID
    plaintext: bytes = field(repr=False)
    expires_at: datetime


class PartsKey(NamedTuple):
    """What parts of one concatenated message have in common."""

    bind: str
    number_hash: bytes
    destination: str
    reference: int
    total: int


@dataclass(frozen=True, slots=True)
class MessagePart:
    """One part, `sequence` from 1 to `key.total`. The payload is sealed; `data` is not."""

    key: PartsKey
    sequence: int
    payload: bytes = field(repr=False)
    data: bytes
    received_at: datetime


class EarlyKey(NamedTuple):
    """What makes two early receipts the same: of one state, for one id."""

    subject_id: UUID
    centre: str
    smsc_message_id: str
    state: str


@dataclass(frozen=True, slots=True)
class EarlyReceipt:
    """A receipt of this person for a message that is not known, or not yet; `receipt` is JSON."""

    key: EarlyKey
    receipt: bytes
    arrived_at: datetime


KAFKA_FEED: Final = "kafka"
NATIONAL_DIGITS: Final = 10


class DeadLetterSource(NamedTuple):
    """Where a dead letter was read: its identity."""

    topic: str
    partition: int
    kafka_offset: int
    part: int = 0
    feed: str = KAFKA_FEED


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A message that can't be processed, with all that publishing it again takes.

    `feed` is where it was read: from Kafka, or by the relay; then `partition` is the shard,
    `kafka_offset` the position, and `topic` where it should have gone. `part` tells apart
    what one record held. `number_hash` is whose it is, as far as known. The reason must not
    quote the message.
    """

    topic: str
    partition: int
    kafka_offset: int
    reason: str
    payload: bytes = field(repr=False)
    key: bytes | None = field(default=None, repr=False)
    headers: tuple[tuple[str, bytes], ...] = field(default=(), repr=False)
    part: int = 0
    feed: str = KAFKA_FEED
    retried: int = 0
    number_hash: bytes | None = None

    @property
    def place(self) -> DeadLetterSource:
        """Return where it was read."""
        return DeadLetterSource(self.topic, self.partition, self.kafka_offset, self.part, self.feed)


class DeadLetterUsage(NamedTuple):
    """The dead letters stored; `bytes` counts them sealed."""

    rows: int
    bytes: int


class MissKey(NamedTuple):
    """What makes misses one row: whose, in which minute of arrival, of which kind."""

    number_hash: bytes
    minute: datetime
    kind: str


@dataclass(frozen=True, slots=True)
class Missed:
    """Texts that made no request. Never what they said."""

    key: MissKey
    first_at: datetime
    last_at: datetime
    count: int = 1


@dataclass(slots=True)
class Changes:
    """All that one transaction writes, collected by the caller and written in one go.

    `sent` are parts that are new, without what receipts say of them; `receipts` are known
    ones, new or old, with it. `misses` have each key once, and are no conflict.
    """

    inbox: list[InboxRow] = field(default_factory=list)
    events: list[NewEvent] = field(default_factory=list)
    states: list[NewState] = field(default_factory=list)
    outbox: list[NewOutboxRow] = field(default_factory=list)
    vault: list[Secret] = field(default_factory=list)
    erase_vault: list[UUID] = field(default_factory=list)
    dead_letters: list[DeadLetter] = field(default_factory=list)
    sent: list[SentPart] = field(default_factory=list)
    receipts: list[SentPart] = field(default_factory=list)
    early: list[EarlyReceipt] = field(default_factory=list)
    no_longer_early: list[EarlyKey] = field(default_factory=list)
    misses: list[Missed] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who is to be erased; `secrets` are the messages that still have one."""

    number: str = field(repr=False)
    number_hash: bytes
    subject_id: UUID | None = None
    secrets: tuple[UUID, ...] = ()

    def is_named_in(self, *some: bytes | None) -> bool:
        """Whether any of these holds the number, with or without its prefix, hash or subject."""
        names = [self.number[-NATIONAL_DIGITS:].encode(), self.number_hash.hex().encode()]
        if self.subject_id is not None:
            names.append(str(self.subject_id).encode())
        return any(name in octets for octets in some if octets for name in names)


@dataclass(frozen=True, slots=True)
class Erased:
    """How many rows of each kind the erasure of one person removed."""

    subjects: int = 0
    clients: int = 0
    parts: int = 0
    misses: int = 0
    sent: int = 0
    early: int = 0
    secrets: int = 0
    dead_letters: int = 0
    published: int = 0


@dataclass(frozen=True, slots=True)
class Erasure:
    """The record of an erasure: who, why, and in `removed` (JSON) how much. No number."""

    actor: str
    reason: str
    subject_id: UUID | None
    removed: bytes


@dataclass(frozen=True, slots=True)
class Claimed:
    """Leave to send one message. `number` is None for an erased person.

    `first` is False when somebody claimed the message before, `age_s` seconds ago: what became
    of that attempt is unknown, and the policy of the template says whether it goes again.
    """

    message_id: UUID
    first: bool
    attempt: int
    number: str | None = field(repr=False)
    secret: bytes | None = field(repr=False)
    age_s: float = field(default=0.0, compare=False)
