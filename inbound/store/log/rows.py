"""Rows of the event log. Plain data, no behaviour.

Bytes named data, metadata or state are JSON text in UTF-8, kept exactly as given.
"""

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID


@dataclass(frozen=True, slots=True)
class NewEvent:
    """One event to append to the stream of one subject; versions count from 1."""

    stream_id: UUID
    version: int
    type: str
    schema_version: int
    data: bytes
    metadata: bytes


@dataclass(frozen=True, slots=True)
class RecordedEvent:
    """An event with its position in the whole log and the time of the database.

    Only `Transaction.read_events` loads `chain` and `digest` (`schemas.chain`); an event
    written before there were chains has neither.
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
