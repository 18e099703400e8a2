"""Incidents of a person other than requests and orders. Plain data.

Rows of an audience that a broadcast was not sent to, and switches of notifications.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from uuid import UUID


class WhyExcluded(StrEnum):
    """Why a row was excluded, as far as a person may be told; every reason maps to one of these."""

    OPTED_OUT = "opted_out"
    NOT_A_CLIENT = "not_a_client"
    REPEATED = "repeated"
    DATA = "data"


@dataclass(frozen=True, slots=True)
class BroadcastExclusion:
    """One row. `began_at` is when the broadcast began, `loaded_at` when its audience was loaded.

    `reason` is the one of the row (`inbound.broadcasts.audience.Exclusion`).
    """

    broadcast_id: UUID
    broadcast: str
    account: str
    reason: str
    row: int
    loaded_at: datetime
    began_at: datetime

    @property
    def why(self) -> WhyExcluded:
        """The reason; all faults of the row's content count as one."""
        known = self.reason in {one.value for one in WhyExcluded}
        return WhyExcluded(self.reason) if known else WhyExcluded.DATA


class SwitchedBy(StrEnum):
    """Who switched notifications and broadcasts on or off."""

    TEXT = "text"
    """The person, by a text."""
    OPERATOR = "operator"
    """An operator whom the person asked."""
    UNDOING = "undoing"
    """An operator who undid a stop that the person had not sent."""


@dataclass(frozen=True, slots=True)
class Switch:
    """Notifications and broadcasts were switched on or off; by a text if `by` is None.

    `version` is that of its event in the stream of the person. `is_repeat`: they were like that
    already, and a member of staff has recorded that the person wants it.
    """

    version: int
    at: datetime
    notifications_on: bool
    by: str | None = None
    reason: str | None = None
    is_undo: bool = False
    is_repeat: bool = False

    @property
    def switched_by(self) -> SwitchedBy:
        """Who did it."""
        if self.by is None:
            return SwitchedBy.TEXT
        return SwitchedBy.UNDOING if self.is_undo else SwitchedBy.OPERATOR


def in_minute(moment: datetime) -> datetime:
    """Return the minute of a moment, as sentences without seconds give it."""
    return moment.replace(second=0, microsecond=0)


def with_repeats(switches: Sequence[Switch]) -> list[Switch]:
    """Return switches, the newest first, and mark those that changed nothing."""
    before = [*switches[1:], None]
    return [
        replace(one, is_repeat=last is not None and one.notifications_on is last.notifications_on)
        for one, last in zip(switches, before, strict=False)
    ]


def stop_before(switches: Sequence[Switch], version: int) -> Switch | None:
    """Return by what notifications were off before an event; `switches` are the newest first."""
    last = last_change([one for one in switches if one.version < version])
    return None if last is None or last.notifications_on else last


def last_change(switches: Sequence[Switch]) -> Switch | None:
    """Return the switch that last changed notifications; `switches` are newest first.

    If a stop by text was followed by one at the desk, it is the first of the two.
    """
    last = None
    for one in switches:
        if last is not None and one.notifications_on is not last.notifications_on:
            break
        last = one
    return last
