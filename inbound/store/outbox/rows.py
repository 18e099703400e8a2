"""Rows of the outbox. `headers` is JSON text in UTF-8."""

from dataclasses import dataclass
from datetime import datetime


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
