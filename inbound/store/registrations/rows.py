"""Rows about registrations. A registration is a fulfilment with a client's registration data."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID


@dataclass(frozen=True, slots=True)
class RegistrationsUsed:
    """The switch, and how many registrations were sent within the last minute and hour.

    `centre_hour` are those of the hour by SMS centre.
    """

    off: bool = False
    minute: int = 0
    hour: int = 0
    centre_hour: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class CountedRegistrations:
    """How many registrations of one SMS centre a batch let through and held."""

    centre: str
    sent: int
    held: int


@dataclass(frozen=True, slots=True)
class HeldRegistration:
    """A request for registration data that waits for a person."""

    request_id: UUID
    subject_id: UUID
    centre: str
    bind: str
    reason: str
    held_at: datetime
    until: datetime


@dataclass(frozen=True, slots=True)
class TakenHold:
    """A hold that this transaction ends. `number_hash` is None for an erased person."""

    held: HeldRegistration
    number_hash: bytes | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class HoldSelection:
    """Which holds to take: those named, or all made until `made_by` or expired by `expired_by`.

    A named hold that another transaction is ending is waited for; of the others it is left out.
    """

    request_ids: tuple[UUID, ...] | None = None
    made_by: datetime | None = None
    expired_by: datetime | None = None
    limit: int = 200
