"""What the API's routes ask: store, directory and audit behind one door.

Who resolves or reveals is recorded first, in a committed row, and answered afterwards: when
the audit can't be written there is no answer.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from uuid import UUID

import psycopg

from inbound.api.gate import Principal
from inbound.api.problems import invalid
from inbound.directory.port import Identities
from inbound.errors import RetryableError
from inbound.keys import SubjectHasher
from inbound.store.audit import ReasonError, check_reason, record
from inbound.store.connecting import called
from inbound.store.lending import Lending
from inbound.store.people import numbers_of, subjects_of
from inbound.store.sealing import Sealer
from inbound.store.tokens import GoodToken, use_token


class Desk:
    """Answers of the database, for one API process."""

    def __init__(
        self,
        lending: Lending,
        directory: Identities,
        hasher: SubjectHasher,
        sealer: Sealer,
        clock: Callable[[], datetime],
    ) -> None:
        self._lending = lending
        self._directory = directory
        self._hasher = hasher
        self._sealer = sealer
        self._clock = clock

    async def look(self) -> None:
        """See whether the database answers; raise RetryableError when it does not."""
        await self._lending.run(_look)

    async def find_token(self, digest: bytes) -> GoodToken | None:
        """Return the token of that SHA-256 when it is good now."""
        return await self._lending.run(use_token, digest, self._clock())

    async def resolve(
        self, subject_ids: Sequence[UUID], who: Principal, reason: str
    ) -> dict[UUID, str]:
        """Return the client of each subject that has one; each is recorded, found or not."""
        asked = list(dict.fromkeys(subject_ids))
        await self._record(who, "resolve", reason, "body.reason", asked)
        numbers = await self._lending.run(numbers_of, self._sealer, asked)
        clients = await self._client_ids(list(numbers.values()))
        return {
            subject_id: clients[number]
            for subject_id, number in numbers.items()
            if number in clients
        }

    async def _client_ids(self, numbers: list[str]) -> dict[str, str]:
        if not numbers:
            return {}
        try:
            return dict(await self._directory.client_ids(numbers))
        except RetryableError:
            # Its connection may have been lost long ago, and noticed only now.
            return dict(await self._directory.client_ids(numbers))

    async def _subjects(self, numbers: Sequence[str]) -> dict[str, UUID]:
        by_hash = {self._hasher.hash(number): number for number in numbers}
        found = await self._lending.run(subjects_of, by_hash)
        return {by_hash[number_hash]: subject_id for number_hash, subject_id in found.items()}

    async def _record(
        self, who: Principal, action: str, reason: str, where: str, subject_ids: Sequence[UUID]
    ) -> None:
        try:
            check_reason(reason)
        except ReasonError as error:
            raise invalid(where, str(error)) from None
        await self._lending.run(_record_all, who.actor, action, reason, subject_ids)


@called
def _look(conn: psycopg.Connection) -> None:
    conn.execute(b"")


@called
def _record_all(
    conn: psycopg.Connection, actor: str, action: str, reason: str, subject_ids: Sequence[UUID]
) -> None:
    with conn.transaction():
        for subject_id in subject_ids:
            record(conn, actor=actor, action=action, reason=reason, subject_id=subject_id)
