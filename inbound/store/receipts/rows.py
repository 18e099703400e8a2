"""Receipts that arrived before the result of their message was processed."""

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple
from uuid import UUID


class EarlyKey(NamedTuple):
    """Identifies an early receipt: one state of one message id."""

    subject_id: UUID
    centre: str
    smsc_message_id: str
    state: str


@dataclass(frozen=True, slots=True)
class EarlyReceipt:
    """A receipt for a message of this person that is unknown, or not known yet.

    `receipt` is JSON.
    """

    key: EarlyKey
    receipt: bytes
    arrived_at: datetime
