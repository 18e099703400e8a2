"""Rows about MOs. What the database seals is in the clear here and left out of every repr."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple
from uuid import UUID


@dataclass(frozen=True, slots=True)
class InboxRow:
    """An MO that this transaction has processed."""

    mo_id: UUID
    received_at: datetime


class PartsKey(NamedTuple):
    """Identifies a concatenated message: what its parts have in common.

    Its parts may arrive over different binds of one SMS centre. `destination` is in the form
    that all of them have in common.
    """

    centre: str
    number_hash: bytes
    destination: str
    reference: int
    total: int

    def sealing_context(self, sequence: int) -> bytes:
        """Return the context in which one part is sealed."""
        return b"part:" + self.number_hash + f"{self.reference}/{self.total}/{sequence}".encode()


@dataclass(frozen=True, slots=True)
class MessagePart:
    """One part, `sequence` from 1 to `key.total`. The payload is sealed; `data` (JSON) is not."""

    key: PartsKey
    sequence: int
    payload: bytes = field(repr=False)
    data: bytes
    received_at: datetime


class StoredPart(NamedTuple):
    """A part that waits in the store, without its payload."""

    key: PartsKey
    sequence: int


class PartsOfText(NamedTuple):
    """The parts that wait for a text to be whole, and those of the last whole one."""

    waiting: tuple[MessagePart, ...]
    whole: tuple[MessagePart, ...]


@dataclass(slots=True)
class PartChanges:
    """What one batch changes about parts.

    `removed` wait no longer. `waiting` are new, and `whole` replace all parts of the last whole
    text with their key.
    """

    removed: list[StoredPart] = field(default_factory=list)
    waiting: list[MessagePart] = field(default_factory=list)
    whole: list[MessagePart] = field(default_factory=list)

    def senders(self) -> set[bytes]:
        """Return the number hash of each sender whose parts are stored."""
        return {part.key.number_hash for part in (*self.waiting, *self.whole)}


class DroppedParts(NamedTuple):
    """Parts of one sender that were deleted because a quota was exceeded.

    `quota` is `sender` or `overall`; `texts` never became whole, and their parts arrived between
    `first_at` and `last_at`.
    """

    number_hash: bytes
    quota: str
    parts: int
    texts: int
    first_at: datetime
    last_at: datetime


class RejectedMoKey(NamedTuple):
    """Identifies a row of rejected MOs: the sender, the minute of arrival, and the reason."""

    number_hash: bytes
    minute: datetime
    kind: str


class MoReading(NamedTuple):
    """How the text of an MO was read. `data_coding` is as the bind's settings map it."""

    bind: str
    data_coding: int
    alphabet: str
    octets: int


@dataclass(frozen=True, slots=True)
class RejectedMo:
    """Counts MOs that made no request. Never their texts.

    `reading` is that of the last one, None for commands and for parts.
    """

    key: RejectedMoKey
    first_at: datetime
    last_at: datetime
    count: int = 1
    reading: MoReading | None = None
