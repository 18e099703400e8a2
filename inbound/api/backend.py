"""What the API's routes ask: store, projections, directory and audit behind one door.

Who resolves or reveals is recorded first, in a committed row, and answered afterwards: when
the audit can't be written there is no answer.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Concatenate, Final, ParamSpec, TypeVar
from uuid import UUID

import psycopg

from inbound.api.admission import Principal
from inbound.directory.port import Identities
from inbound.errors import RetryableError
from inbound.keys import SubjectHasher
from inbound.projections.queries import ProjectionQueries, Subscription
from inbound.store.access.api_tokens import ValidToken, use_token
from inbound.store.access.audit import record
from inbound.store.connection_pool import ConnectionPool
from inbound.store.connections import raises_store_errors
from inbound.store.people.subjects import numbers_of, subjects_of
from inbound.store.sealing import Sealer
from inbound.timeline.reader import TimelineReader

RESOLVE: Final = "resolve"
REVEAL: Final = "subscription.reveal"

Params = ParamSpec("Params")
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Sources:
    """Where the answers come from. `quick` and `slow` are two connections to the same tables.

    `zone` is that of local times in a timeline.
    """

    lending: ConnectionPool
    quick: ProjectionQueries
    slow: ProjectionQueries
    directory: Identities
    hasher: SubjectHasher
    sealer: Sealer
    timelines: TimelineReader
    zone: str

    async def close(self) -> None:
        """Give back every connection."""
        for each in (self.quick, self.slow, self.directory, self.lending):
            await each.close()


@dataclass(frozen=True, slots=True)
class NumberState:
    """One number of a client and what its owner last said; None: nothing."""

    number: str
    subject_id: UUID | None
    subscription: Subscription | None


class Backend:
    """Answers of the database, for one API process."""

    def __init__(self, sources: Sources, clock: Callable[[], datetime]) -> None:
        self.sources = sources
        self.clock = clock

    async def look(self) -> None:
        """See whether the database answers; raise RetryableError when it does not."""
        await self.run(_look)

    async def find_token(self, digest: bytes) -> ValidToken | None:
        """Return the token of that SHA-256 when it is good now."""
        return await self.run(use_token, digest, self.clock())

    async def run(
        self,
        function: Callable[Concatenate[psycopg.Connection, Params], Result],
        *args: Params.args,
        **kwargs: Params.kwargs,
    ) -> Result:
        """Run a function of the store on a connection."""
        return await self.sources.lending.run(function, *args, **kwargs)

    async def record(
        self, who: Principal, action: str, reason: str, subject_ids: Sequence[UUID | None]
    ) -> None:
        """Write one audit entry for each subject; durable when it returns.

        Raises ReasonError for a reason that can't be kept.
        """
        await self.run(_record_all, who.actor, action, reason, subject_ids)

    async def resolve(
        self, subject_ids: Sequence[UUID], who: Principal, reason: str
    ) -> dict[UUID, str]:
        """Return the client of each subject that has one; each is recorded, found or not."""
        asked = list(dict.fromkeys(subject_ids))
        await self.record(who, RESOLVE, reason, asked)
        numbers = await self.run(numbers_of, self.sources.sealer, asked)
        if not numbers:
            return {}
        clients = await twice(self.sources.directory.client_ids, list(numbers.values()))
        return {
            subject_id: clients[number]
            for subject_id, number in numbers.items()
            if number in clients
        }

    async def subscription(self, subject_id: UUID) -> Subscription | None:
        """Return what a subject last said; None when it said nothing.

        Raises LookupError for a subject that nobody has, or nobody any more.
        """
        if await self.number(subject_id) is None:
            raise LookupError
        return await twice(self.sources.quick.subscription, subject_id)

    async def number(self, subject_id: UUID) -> str | None:
        """Return the number of a subject; None for one that nobody has, or nobody any more."""
        found = await self.run(numbers_of, self.sources.sealer, [subject_id])
        return found.get(subject_id)

    async def numbers(self, client_id: str) -> list[NumberState]:
        """Return the numbers of a client and what was last said by each; none: no such client."""
        subjects = await self._subjects_by_number(client_id)
        states = []
        for number, subject_id in subjects.items():
            said = await twice(self.sources.quick.subscription, subject_id) if subject_id else None
            states.append(NumberState(number, subject_id, said))
        return states

    async def subjects_of_client(self, client_id: str) -> list[UUID]:
        """Return the subjects of a client: one for each number that has sent a command."""
        subjects = await self._subjects_by_number(client_id)
        return [subject_id for subject_id in subjects.values() if subject_id]

    async def _subjects_by_number(self, client_id: str) -> dict[str, UUID | None]:
        numbers = await twice(self.sources.directory.numbers_of, client_id)
        hashes = {self.sources.hasher.hash(number): number for number in numbers}
        subjects = await self.run(subjects_of, hashes)
        return {number: subjects.get(number_hash) for number_hash, number in hashes.items()}


async def twice(
    ask: Callable[Params, Awaitable[Result]], *args: Params.args, **kwargs: Params.kwargs
) -> Result:
    """Ask once more when the first answer is that there was none.

    A connection of its own that was lost while nobody used it is noticed by the first who
    does, and is there again for the second.
    """
    try:
        return await ask(*args, **kwargs)
    except RetryableError:
        return await ask(*args, **kwargs)


@raises_store_errors
def _look(conn: psycopg.Connection) -> None:
    conn.execute(b"")


@raises_store_errors
def _record_all(
    conn: psycopg.Connection,
    actor: str,
    action: str,
    reason: str,
    subject_ids: Sequence[UUID | None],
) -> None:
    with conn.transaction():
        for subject_id in subject_ids:
            record(conn, actor=actor, action=action, reason=reason, subject_id=subject_id)
