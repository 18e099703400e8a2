"""The model of what an answer may lack. Pure; its JSON is part of the HTTP API."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final

from pydantic import Field

from schemas.base import Model, UtcTime
from schemas.documented_enum import DocumentedEnum
from schemas.partitions import partition_of
from schemas.topics import PARTITIONS


class PendingWork(DocumentedEnum):
    """What has not been processed. All but `reception` was received by the service."""

    TEXTS = "texts", "texts from phones; a command, a stop for example, takes effect in a moment"
    RESULTS = "results", "results of sending and delivery receipts; a message may have got further"
    ORDERS = "orders", "records of `sms.notify.v1`"
    EVENTS = "events", "events that this list does not show yet"
    SET_ASIDE = (
        "set_aside",
        "a text or message of this number can't be processed and waits for an operator",
    )
    RECEPTION = "reception", "an SMS centre is not connected, so texts may wait there"


class Pending(Model):
    """Something that the answer lacks, or may lack."""

    work: PendingWork = Field(description="what has not been processed")
    since: UtcTime | None = Field(
        default=None,
        description="since when: what was received before is in the answer. Absent or null when "
        "that can't be known now, because Kafka does not answer or no gateway reports; then "
        "nothing may be pending either",
    )


@dataclass(frozen=True, slots=True)
class Freshness:
    """How current an answer is. `as_of`: all that was received before then is in it.

    `as_of` is None when that can't be known. What waits at an SMS centre was not received.
    """

    as_of: datetime | None
    pending: tuple[Pending, ...] = ()

    @classmethod
    def of(cls, asked_at: datetime, pending: Iterable[Pending]) -> "Freshness":
        """Return the freshness of an answer to a question of this time."""
        found = tuple(pending)
        times = [one.since for one in found if one.work not in _NOT_RECEIVED]
        known = [time for time in times if time is not None]
        as_of = min([asked_at, *known]) if len(known) == len(times) else None
        return cls(as_of, found)

    @classmethod
    def of_all(cls, asked_at: datetime, several: Iterable["Freshness"]) -> "Freshness":
        """Return the freshness of an answer about several people."""
        since: dict[PendingWork, datetime | None] = {}
        for one in (pending for each in several for pending in each.pending):
            before = since.get(one.work, one.since)
            since[one.work] = None if None in {before, one.since} else min(before, one.since)  # type: ignore[type-var]
        return cls.of(asked_at, [Pending(work=work, since=at) for work, at in since.items()])


_NOT_RECEIVED: Final = frozenset({PendingWork.RECEPTION})
_ANY_PARTITION: Final = frozenset({PendingWork.ORDERS})
"""Work whose records have keys that their producers choose: one about a person can be anywhere."""

Place = tuple[PendingWork, int]
"""Records of one kind in one partition."""

Oldest = Mapping[Place, datetime]
"""When the oldest record that waits was received."""


@dataclass(frozen=True, slots=True)
class Backlog:
    """What waited in Kafka for the workers at one moment; `oldest` is None if that is unknown.

    All that was received before `asked_at` and doesn't wait was committed to the database before
    this was returned.
    """

    asked_at: datetime
    oldest: Oldest | None
    ends: Mapping[Place, int] = field(default_factory=dict)
    """The offset behind the last record of each place in which something waits."""
    reached: Mapping[Place, int] = field(default_factory=dict)
    """The offset of the oldest record that waits there."""
    partitions: int = PARTITIONS
    """How many partitions the topics of texts and results have."""
    workers: int | None = None
    """How many workers take turns with the partitions; None if nobody asked or knows."""

    def still_waiting(self, later: "Backlog") -> "Backlog":
        """Return what of this backlog still waits according to a later one; unknown if that is.

        What was received after this one doesn't count, so a steady stream comes to an end.
        """
        if self.oldest is None or later.oldest is None:
            return Backlog(self.asked_at, None)
        waiting = {
            place: later.oldest[place]
            for place in self.oldest
            if place in later.oldest and later.reached.get(place, 0) < self.ends.get(place, 1)
        }
        return replace(self, oldest=waiting)

    def pending(self, *works: PendingWork, of: bytes | None = None) -> list[Pending]:
        """Return what waits of these kinds in the partition of a person, or in any.

        `of` is the hash of the person's number, the key of their records. Orders count in every
        partition, because their producers choose the keys.
        """
        if self.oldest is None:
            return [Pending(work=work) for work in works]
        partition = None if of is None else partition_of(of.hex().encode(), self.partitions)
        found = []
        for work in works:
            times = [
                at
                for (kind, place), at in self.oldest.items()
                if kind is work and (partition in {None, place} or work in _ANY_PARTITION)
            ]
            if times:
                found.append(Pending(work=work, since=min(times)))
        return found
