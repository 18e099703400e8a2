"""Looks people up, and makes the changes that they ask for, with the functions of CLI and API."""

import base64
import binascii
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Protocol
from uuid import UUID

import psycopg

from inbound.api.backend import Sources, retry_once
from inbound.api.person_states import Named, NumberState, person_states
from inbound.freshness.backlog import ask_settled
from inbound.freshness.model import PendingWork
from inbound.handlers.registrations import Operator
from inbound.keys import UnsealError, VaultCipher
from inbound.parsers.numbers import NumberError, mask, parse_msisdn
from inbound.store.people.subjects import numbers_of, subjects_of
from inbound.timeline.entry_reader import read_switches
from inbound.timeline.ids import find_by_any_id, find_by_request, find_by_trace
from inbound.timeline.incidents import Switch, last_change
from inbound.timeline.input import TimelineOptions
from inbound.timeline.model import Language, Timeline
from inbound.timeline.reader import Reveal

SHOWN: Final = 20
_TICKET: Final = b"desk number"
_LONGEST: Final = 200


class Switches(Protocol):
    """Switches notifications of one person."""

    async def switch(self, number: str, operator: Operator, *, on: bool) -> bool:
        """Switch an E.164 number; False if it is like that already."""
        ...


@dataclass(frozen=True, slots=True)
class Who:
    """Somebody who was found. `name` stands for the number in addresses."""

    name: str
    number: str = field(repr=False)
    entry: UUID | None = None


@dataclass(frozen=True, slots=True)
class FoundPeople:
    """The result of a search; `is_pending`: records that are not processed yet may add to it."""

    people: Sequence[Who]
    is_pending: bool = False


@dataclass(frozen=True, slots=True)
class Person:
    """One number: who it belongs to, whether it may be texted, and what happened."""

    who: Who
    client_id: str | None
    state: NumberState | None
    timeline: Timeline
    switch: Switch | None = None
    """The last switch of notifications; None if nobody has ever switched them."""


class People:
    """The look-ups and changes of one desk. Every method may raise RetryableError."""

    def __init__(
        self,
        sources: Sources,
        cipher: VaultCipher,
        switches: Switches,
        clock: Callable[[], datetime],
    ) -> None:
        """`cipher` seals the numbers of people who have no subject, for addresses."""
        self._sources = sources
        self._cipher = cipher
        self._switches = switches
        self._clock = clock

    async def search(self, typed: str) -> FoundPeople:
        """Return the people whom a number in any form, a client id or another id leads to."""
        text = typed.strip()[:_LONGEST]
        try:
            return FoundPeople([await self._of_number(parse_msisdn(text))])
        except NumberError:
            pass
        backlog = await self._sources.backlog.ask()
        places = await self._sources.pool.run(_find_places, text)
        numbers_by_subject = await self._sources.pool.run(
            numbers_of, self._sources.sealer, list(places)
        )
        people = [
            Who(str(subject_id), number, places[subject_id])
            for subject_id, number in numbers_by_subject.items()
        ]
        if not people:
            numbers = await retry_once(self._sources.directory.numbers_of, [text])
            people = [await self._of_number(number) for number in numbers.get(text, [])]
        if not people:
            people = await self._by_subject(text)
        works = (PendingWork.TEXTS, PendingWork.RESULTS, PendingWork.ORDERS)
        return FoundPeople(people, bool(backlog.pending(*works)))

    async def find(self, name: str) -> Who | None:
        """Return the person of an address; None for an unknown or erased one."""
        found = await self._by_subject(name)
        if found:
            return found[0]
        try:
            sealed = base64.urlsafe_b64decode(name.encode("ascii"))
            number = self._cipher.open(sealed, _TICKET).decode("ascii")
        except (ValueError, binascii.Error, UnsealError):
            return None
        return Who(name, number)

    async def read(
        self, who: Who, language: Language, until: datetime | None, reveal: Reveal | None = None
    ) -> Person:
        """Return a person. A reveal is recorded before the number is shown; raises ReasonError."""
        sources = self._sources
        backlog = await ask_settled(sources.backlog, sources.hasher.hash(who.number))
        options = TimelineOptions(
            self._clock(), sources.zone, language, until=until, limit=SHOWN, backlog=backlog
        )
        timeline = await sources.pool.run(sources.timelines.by_number, who.number, options, reveal)
        [found] = await person_states(sources, [Named(who.number)])
        clients = await retry_once(sources.directory.client_ids, [who.number])
        state = found.numbers[0] if found.numbers else None
        subject_id = state.subject_id if state else None
        switches = await sources.pool.run(read_switches, subject_id)
        return Person(who, clients.get(who.number), state, timeline, last_change(switches))

    async def switch(self, who: Who, operator: Operator, *, on: bool) -> bool:
        """Switch notifications as the person has asked; False if they are like that already."""
        return await self._switches.switch(who.number, operator, on=on)

    def masked(self, who: Who) -> str:
        """Return the number as it is shown without a reveal."""
        return mask(who.number)

    async def _of_number(self, number: str) -> Who:
        number_hash = self._sources.hasher.hash(number)
        found = await self._sources.pool.run(subjects_of, [number_hash])
        if number_hash in found:
            return Who(str(found[number_hash]), number)
        sealed = self._cipher.seal(number.encode("ascii"), _TICKET)
        return Who(base64.urlsafe_b64encode(sealed).decode("ascii"), number)

    async def _by_subject(self, text: str) -> list[Who]:
        try:
            subject_id = UUID(text)
        except ValueError:
            return []
        found = await self._sources.pool.run(numbers_of, self._sources.sealer, [subject_id])
        return [Who(str(subject_id), number) for number in found.values()]


def _find_places(conn: psycopg.Connection, text: str) -> dict[UUID, UUID]:
    """Return the request or order that an id refers to, by its subject; the first of each."""
    places = [*find_by_request(conn, text), *find_by_trace(conn, text)]
    found: dict[UUID, UUID] = {}
    for place in places or find_by_any_id(conn, text):
        if place.subject_id is not None:
            found.setdefault(place.subject_id, place.id)
    return found
