"""What is known of people's subscriptions: by number, client or subject, many at once."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

import psycopg

from inbound.api.backend import Sources, retry_once
from inbound.freshness.model import Backlog, Freshness, PendingWork
from inbound.freshness.people import Gaps, read_gaps
from inbound.store.people.subscriptions import SubscriptionRow, subscriptions_of


@dataclass(frozen=True, slots=True)
class Named:
    """Somebody, by one of number (E.164), client id and subject id."""

    number: str | None = None
    client_id: str | None = None
    subject_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class NumberState:
    """One number; `subscription` is None if it has no subject: it never sent a command."""

    number: str
    subscription: SubscriptionRow | None

    @property
    def subject_id(self) -> UUID | None:
        """The subject of the number, if it has one."""
        return None if self.subscription is None else self.subscription.subject_id


@dataclass(frozen=True, slots=True)
class PersonState:
    """The numbers of a person; none for somebody who is unknown or was erased."""

    numbers: list[NumberState]
    freshness: Freshness


async def person_states(sources: Sources, named: Sequence[Named]) -> list[PersonState]:
    """Return what is known of each of these people, in order.

    The number of statements doesn't depend on how many are asked for. Raises RetryableError.
    """
    backlog = await sources.backlog.ask()
    numbers = list({one.number for one in named if one.number})
    client_ids = [one.client_id for one in named if one.client_id]
    directory = sources.directory
    of_clients = await retry_once(directory.numbers_of, client_ids) if client_ids else {}
    clients = await retry_once(directory.client_ids, numbers) if numbers else {}
    every = [*numbers, *(number for some in of_clients.values() for number in some)]
    hashes = {number: sources.hasher.hash(number) for number in every}
    subject_ids = [one.subject_id for one in named if one.subject_id]
    gaps, found = await sources.pool.run(_read, backlog, subject_ids, list(hashes.values()))
    by_subject = {one.subject_id: one for one in found}
    by_hash = {one.number_hash: one for one in found}
    people = []
    for one in named:
        if one.subject_id is not None:
            subject = by_subject.get(one.subject_id)
            states = [NumberState(_number(sources, subject), subject)] if subject else []
            places = [subject.number_hash] if subject else []
        else:
            asked = of_clients.get(one.client_id or "", []) if one.number is None else [one.number]
            states = [NumberState(number, by_hash.get(hashes[number])) for number in asked]
            places = [hashes[number] for number in asked]
            if one.number is not None and one.number not in clients:
                states = [state for state in states if state.subscription]
        people.append(PersonState(states, _freshness(gaps, places)))
    return people


def _number(sources: Sources, subject: SubscriptionRow) -> str:
    return sources.sealer.open_number(subject.number_sealed, subject.subject_id)


def _freshness(gaps: Gaps, hashes: Sequence[bytes]) -> Freshness:
    """Return how current the answer about all numbers of a person is."""
    places: Sequence[bytes | None] = hashes or [None]
    several = [gaps.of(number_hash, PendingWork.TEXTS) for number_hash in places]
    return Freshness.of_all(gaps.backlog.asked_at, several)


def _read(
    conn: psycopg.Connection,
    backlog: Backlog,
    subject_ids: Sequence[UUID],
    hashes: Sequence[bytes],
) -> tuple[Gaps, list[SubscriptionRow]]:
    """Return what is pending for subjects and numbers, then their subscriptions."""
    of_subjects = subscriptions_of(conn, subject_ids=subject_ids) if subject_ids else []
    gaps = read_gaps(conn, backlog, [*hashes, *(one.number_hash for one in of_subjects)])
    return gaps, subscriptions_of(conn, subject_ids=subject_ids, hashes=hashes)
