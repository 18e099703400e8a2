"""Rows about registrations. A registration is a fulfilment with a client's registration data."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Self
from uuid import UUID


@dataclass(frozen=True, slots=True)
class RegistrationsUsed:
    """The switch, and how many registrations were sent within the last minute and hour.

    `centre_minute` and `centre_hour` are the same by SMS centre. `centres` are the SMS centres of
    the service, as binds were reported within a day.
    """

    off: bool = False
    minute: int = 0
    hour: int = 0
    centre_hour: Mapping[str, int] = field(default_factory=dict)
    centre_minute: Mapping[str, int] = field(default_factory=dict)
    centres: frozenset[str] = frozenset()

    @classmethod
    def of_rows(cls, rows: Iterable[Sequence[Any]]) -> Self:
        """Return the counts in the rows of `find_used`: one for each SMS centre, or one without."""
        off, minutes, hours, centres = False, {}, {}, frozenset[str]()
        for off_, every, centre, minute, hour in rows:
            off, centres = off_, frozenset(every)
            if centre is not None:
                minutes[centre], hours[centre] = int(minute), int(hour)
        everywhere = sum(minutes.values()), sum(hours.values())
        return cls(off, *everywhere, hours, minutes, centres | hours.keys())


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

    If another transaction is ending a named hold, that is waited for; other such holds are left
    out.
    """

    request_ids: tuple[UUID, ...] | None = None
    made_by: datetime | None = None
    expired_by: datetime | None = None
    limit: int = 200
