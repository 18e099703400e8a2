"""The gateway's claims in PostgreSQL: one statement for a batch, durable before the first send."""

from collections.abc import Collection, Sequence
from typing import Any, Final
from uuid import UUID

from typing_extensions import override

from inbound.keys import VaultCipher
from inbound.store.claims.port import Claims
from inbound.store.claims.rows import ClaimRow, RecordedResult, ToClaim
from inbound.store.connections import LazyConnection
from inbound.store.errors import raises_store_errors_async
from inbound.store.log import streams
from inbound.store.log.rows import StoredState
from inbound.store.sealing import Sealer
from inbound.store.statements import statements
from schemas.orders import WithheldReason

APPLICATION_NAME: Final = "scserv gateway"

_SQL: Final = statements(__package__, "claims")
_CLAIM_MESSAGES = _SQL["claim_messages"]
_FIND_WITHHELD = _SQL["find_withheld"]
_RECLAIM_MESSAGE = _SQL["reclaim_message"]
_RELEASE_CLAIMS = _SQL["release_claims"]
_RECORD_RESULTS = _SQL["record_results"]
_RECORDED_RESULT = _SQL["recorded_result"]


class PostgresClaims(Claims):
    """Claims on connections of their own; each call commits by itself.

    Results are recorded on a second connection, so that claims don't wait for them.

    `claim` and `reclaim` raise UnsealError when a number or a secret does not open.
    """

    def __init__(
        self, url: str, cipher: VaultCipher, *, application_name: str = APPLICATION_NAME
    ) -> None:
        """Open nothing yet."""
        self._connection = LazyConnection(url, application_name)
        self._recording = LazyConnection(url, application_name)
        self._sealer = Sealer(cipher)
        self.where = self._connection.where

    @override
    @raises_store_errors_async
    async def claim(self, messages: Sequence[ToClaim], gateway: str) -> list[ClaimRow]:
        conn = await self._connection.get()
        parameters = {
            **_asked(messages),
            "message_ids": [message.message_id for message in messages],
            "gateway": gateway,
        }
        cursor = await conn.execute(_CLAIM_MESSAGES, parameters)
        return [self._opened(row) async for row in cursor]

    @override
    @raises_store_errors_async
    async def withheld(self, messages: Sequence[ToClaim]) -> list[WithheldReason | None]:
        conn = await self._connection.get()
        cursor = await conn.execute(_FIND_WITHHELD, _asked(messages))
        return [_reason(text) async for (text,) in cursor]

    @override
    @raises_store_errors_async
    async def reclaim(self, message: ToClaim, gateway: str, *, per_hour: int) -> ClaimRow | None:
        conn = await self._connection.get()
        cursor = await conn.execute(
            _RECLAIM_MESSAGE,
            {
                "message_id": message.message_id,
                "subject_id": message.subject_id,
                "order_id": message.order_id,
                "consent_needed": message.consent_needed,
                "gateway": gateway,
                "per_hour": per_hour,
            },
        )
        row = await cursor.fetchone()
        return None if row is None else self._opened(row)

    @override
    @raises_store_errors_async
    async def record(self, results: Sequence[RecordedResult]) -> None:
        conn = await self._recording.get()
        await conn.execute(
            _RECORD_RESULTS,
            {
                "message_ids": [one.message_id for one in results],
                "attempts": [one.attempt for one in results],
                "results": [one.result for one in results],
            },
        )

    @override
    @raises_store_errors_async
    async def recorded(self, message_id: UUID) -> str | None:
        conn = await self._connection.get()
        cursor = await conn.execute(_RECORDED_RESULT, {"message_id": message_id})
        row = await cursor.fetchone()
        return None if row is None else str(row[0])

    @override
    @raises_store_errors_async
    async def release(self, message_ids: Collection[UUID], gateway: str) -> None:
        conn = await self._connection.get()
        await conn.execute(_RELEASE_CLAIMS, {"message_ids": list(message_ids), "gateway": gateway})

    @override
    @raises_store_errors_async
    async def states(self, subject_ids: Collection[UUID]) -> dict[UUID, StoredState]:
        conn = await self._connection.get()
        return await streams.states(conn, subject_ids)

    @override
    async def close(self) -> None:
        await self._connection.close()
        await self._recording.close()

    def _opened(self, row: tuple[Any, ...]) -> ClaimRow:
        message_id, subject_id, first, attempt, age_s, number, secret, result, *order = row
        order_id, text, withheld, address = order
        return ClaimRow(
            message_id,
            first,
            attempt,
            None if number is None else self._sealer.open_number(number, subject_id),
            None if secret is None else self._sealer.open_secret(secret, message_id),
            age_s,
            result,
            None if text is None else self._sealer.open_order_text(text, order_id),
            _reason(withheld),
            None if address is None else self._sealer.open_order_address(address, order_id),
        )


def _asked(messages: Sequence[ToClaim]) -> dict[str, Any]:
    return {
        "subject_ids": [message.subject_id for message in messages],
        "order_ids": [message.order_id for message in messages],
        "consent": [message.consent_needed for message in messages],
    }


def _reason(text: str | None) -> WithheldReason | None:
    return None if text is None else WithheldReason(text)
