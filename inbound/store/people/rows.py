"""Rows about known people, and what an erasure needs, removes and records."""

from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

from inbound.store.log.rows import StoredState
from inbound.store.receipts.rows import EarlyReceipt

NATIONAL_DIGITS: Final = 10


@dataclass(slots=True)
class KnownSenders:
    """Which of some MOs were processed; the known subjects of their senders, with stored states.

    `wants_command_callbacks`: some account has callbacks for accepted commands.
    """

    seen: set[UUID]
    subjects: dict[bytes, UUID]
    states: dict[UUID, StoredState]
    wants_command_callbacks: bool = False


@dataclass(frozen=True, slots=True)
class KnownRecipients:
    """The subjects of some numbers; stored states; the early receipts of some subjects."""

    subjects: dict[bytes, UUID]
    states: dict[UUID, StoredState]
    early: list[EarlyReceipt]


@dataclass(frozen=True, slots=True)
class PersonToErase:
    """The person; `secrets` are the ids of messages that still have one in the vault."""

    number: str = field(repr=False)
    number_hash: bytes
    subject_id: UUID | None = None
    secrets: tuple[UUID, ...] = ()

    def is_named_in(self, *values: bytes | None) -> bool:
        """Whether any value has the number, with or without its prefix, its hash or the subject."""
        names = [self.number[-NATIONAL_DIGITS:].encode(), self.number_hash.hex().encode()]
        if self.subject_id is not None:
            names.append(str(self.subject_id).encode())
        return any(name in value for value in values if value for name in names)


@dataclass(frozen=True, slots=True)
class ErasedRows:
    """How many rows of each kind the erasure of one person removed."""

    subjects: int = 0
    clients: int = 0
    parts: int = 0
    rejected_mos: int = 0
    sent: int = 0
    early: int = 0
    secrets: int = 0
    dead_letters: int = 0
    published: int = 0
    texts: int = 0
    audiences: int = 0
    orders: int = 0
    """Scheduled orders; they are kept, and are not sent."""
    refused_orders: int = 0
    """Orders from before the person had a subject; they are kept, without a link to the number."""
    account_texts: int = 0


@dataclass(frozen=True, slots=True)
class NewErasure:
    """The record of an erasure: who, why, and in `removed` (JSON) how much. No number."""

    actor: str
    reason: str
    subject_id: UUID | None
    removed: bytes
