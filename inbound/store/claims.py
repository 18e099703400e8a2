"""The gateway's claims in PostgreSQL: one statement for a batch, durable before the first send."""

from collections.abc import Collection, Sequence
from typing import Any, Final
from uuid import UUID

from inbound.keys import VaultCipher
from inbound.store.connecting import AsyncLink
from inbound.store.errors import guarded
from inbound.store.rows import Claimed, StoredState
from inbound.store.sealing import Sealer
from inbound.store.statements import statements

APPLICATION_NAME: Final = "scserv gateway"

_CLAIMS_SQL: Final = statements(__package__, "claims")
_LOG_SQL: Final = statements(__package__, "log")
_CLAIM_MESSAGES = _CLAIMS_SQL["claim_messages"]
_RECLAIM_MESSAGE = _CLAIMS_SQL["reclaim_message"]
_RELEASE_CLAIMS = _CLAIMS_SQL["release_claims"]
_FIND_STATES = _LOG_SQL["find_states"]


class PostgresClaims:
    """`inbound.store.port.Claims` on a connection of its own; each call commits by itself."""

    def __init__(
        self, url: str, cipher: VaultCipher, *, application_name: str = APPLICATION_NAME
    ) -> None:
        """Open nothing yet."""
        self._link = AsyncLink(url, application_name)
        self._sealer = Sealer(cipher)
        self.where = self._link.where

    @guarded
    async def claim(self, messages: Sequence[tuple[UUID, UUID]], gateway: str) -> list[Claimed]:
        """See the port. Raises UnsealError when a number or a secret does not open."""
        conn = await self._link.connection()
        cursor = await conn.execute(
            _CLAIM_MESSAGES,
            {
                "message_ids": [message_id for message_id, _ in messages],
                "subject_ids": [subject_id for _, subject_id in messages],
                "gateway": gateway,
            },
        )
        return [self._opened(row) async for row in cursor]

    @guarded
    async def reclaim(self, message_id: UUID, subject_id: UUID, gateway: str) -> Claimed:
        """See the port."""
        conn = await self._link.connection()
        cursor = await conn.execute(
            _RECLAIM_MESSAGE,
            {"message_id": message_id, "subject_id": subject_id, "gateway": gateway},
        )
        rows: list[tuple[Any, ...]] = await cursor.fetchall()
        return self._opened(rows[0])

    @guarded
    async def release(self, message_ids: Collection[UUID], gateway: str) -> None:
        """See the port."""
        conn = await self._link.connection()
        await conn.execute(_RELEASE_CLAIMS, {"message_ids": list(message_ids), "gateway": gateway})

    @guarded
    async def states(self, subject_ids: Collection[UUID]) -> dict[UUID, StoredState]:
        """See the port."""
        conn = await self._link.connection()
        cursor = await conn.execute(_FIND_STATES, {"subject_ids": list(subject_ids)})
        return {row[0]: StoredState(*row[1:]) async for row in cursor}

    async def close(self) -> None:
        """See the port."""
        await self._link.close()

    def _opened(self, row: tuple[Any, ...]) -> Claimed:
        message_id, subject_id, first, attempt, age_s, number, secret = row
        return Claimed(
            message_id,
            first,
            attempt,
            None if number is None else self._sealer.open_number(number, subject_id),
            None if secret is None else self._sealer.open_secret(secret, message_id),
            age_s,
        )
