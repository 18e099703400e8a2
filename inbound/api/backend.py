"""Everything that the routes query: store, projections, directory and audit.

A resolution or a reveal is recorded in the audit, and committed, before it is answered. When
the audit can't be written there is no answer.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Concatenate, Final, NamedTuple, ParamSpec, TypeVar
from uuid import UUID

import psycopg
from typing_extensions import override

from inbound.api.admission import Principal
from inbound.api.broadcasting import Broadcasting
from inbound.api.models import SubjectState
from inbound.api.sending import OrderService
from inbound.directory.port import Identities
from inbound.errors import RetryableError
from inbound.freshness.backlog import BacklogSource
from inbound.keys import SubjectHasher
from inbound.projections.queries import ProjectionQueries
from inbound.store.access.api_tokens import ValidToken, use_token
from inbound.store.access.audit import record
from inbound.store.connection_pool import ConnectionPool
from inbound.store.connections import raises_store_errors
from inbound.store.people.subjects import erased_of, numbers_of, subjects_of
from inbound.store.sealing import Sealer
from inbound.timeline.reader import TimelineReader

RESOLVE: Final = "resolve"
REVEAL: Final = "subscription.reveal"

Params = ParamSpec("Params")
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class StatusSources:
    """The sources of the service's status, for which no key is needed.

    `backlog` is asked before the database, so that nothing is missed that it doesn't name.

    `quick` and `slow` are two connections to the same tables, so that a search delays no
    look-up by id.
    """

    pool: ConnectionPool
    quick: ProjectionQueries
    slow: ProjectionQueries
    backlog: BacklogSource

    async def close(self) -> None:
        """Close every connection."""
        for each in (self.quick, self.slow, self.pool, self.backlog):
            await each.close()


@dataclass(frozen=True, slots=True)
class Sources(StatusSources):
    """The sources of all answers. `zone` is the time zone of timelines."""

    directory: Identities
    hasher: SubjectHasher
    sealer: Sealer
    timelines: TimelineReader
    zone: str

    @override
    async def close(self) -> None:
        await self.directory.close()
        await StatusSources.close(self)


class Resolution(NamedTuple):
    """Who a subject is; `client_id` only of a registered one."""

    state: SubjectState
    client_id: str | None = None


class Backend:
    """Database access of one API process. Every method may raise RetryableError."""

    def __init__(
        self,
        sources: Sources,
        sending: OrderService,
        broadcasting: Broadcasting,
        clock: Callable[[], datetime],
    ) -> None:
        self.sources = sources
        self.sending = sending
        self.broadcasting = broadcasting
        self.clock = clock

    async def find_token(self, digest: bytes, address: str | None) -> ValidToken | None:
        """Return the valid token with that SHA-256, None if there is none."""
        return await self.run(use_token, digest, self.clock(), address)

    async def run(
        self,
        function: Callable[Concatenate[psycopg.Connection, Params], Result],
        *args: Params.args,
        **kwargs: Params.kwargs,
    ) -> Result:
        """Run a function of the store on a pooled connection, in a thread."""
        return await self.sources.pool.run(function, *args, **kwargs)

    async def record(
        self, principal: Principal, action: str, reason: str, subject_ids: Sequence[UUID | None]
    ) -> None:
        """Write one audit entry for each subject; committed when it returns.

        Raises ReasonError for a reason that must not be stored.
        """
        await self.run(_record_all, principal.actor, action, reason, subject_ids)

    async def resolve(
        self, subject_ids: Sequence[UUID], principal: Principal, reason: str
    ) -> dict[UUID, Resolution]:
        """Return what is known of each subject. Records every subject."""
        asked = list(dict.fromkeys(subject_ids))
        await self.record(principal, RESOLVE, reason, asked)
        numbers = await self.run(numbers_of, self.sources.sealer, asked)
        numberless = [subject_id for subject_id in asked if subject_id not in numbers]
        erased = await self.run(erased_of, numberless) if numberless else set()
        clients = (
            await retry_once(self.sources.directory.client_ids, list(numbers.values()))
            if numbers
            else {}
        )
        return {
            subject_id: _resolution(
                numbers.get(subject_id), clients, is_erased=subject_id in erased
            )
            for subject_id in asked
        }

    async def number(self, subject_id: UUID) -> str | None:
        """Return the number of a subject, None for an unknown or erased one."""
        found = await self.run(numbers_of, self.sources.sealer, [subject_id])
        return found.get(subject_id)

    async def subjects_of_client(self, client_id: str) -> list[UUID] | None:
        """Return the subjects of a client: one for each number that ever sent a command.

        None for an unknown client.
        """
        found = await retry_once(self.sources.directory.numbers_of, [client_id])
        if client_id not in found:
            return None
        hashes = [self.sources.hasher.hash(number) for number in found[client_id]]
        return list((await self.run(subjects_of, hashes)).values())


def _resolution(number: str | None, clients: Mapping[str, str], *, is_erased: bool) -> Resolution:
    if number is None:
        return Resolution(SubjectState.ERASED if is_erased else SubjectState.UNKNOWN)
    if number not in clients:
        return Resolution(SubjectState.UNREGISTERED)
    return Resolution(SubjectState.REGISTERED, clients[number])


async def retry_once(
    ask: Callable[Params, Awaitable[Result]], *args: Params.args, **kwargs: Params.kwargs
) -> Result:
    """Call `ask`, and once more after a RetryableError.

    An idle connection that was lost fails its first use and is open again for the second.
    """
    try:
        return await ask(*args, **kwargs)
    except RetryableError:
        return await ask(*args, **kwargs)


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
