"""The gateway's claims in memory, for tests of their users."""

from collections.abc import Collection, Sequence
from uuid import UUID

from typing_extensions import override

from inbound.handlers.state import read_state
from inbound.store.claims.port import Claims
from inbound.store.claims.rows import ClaimRow, RecordedResult, ToClaim
from inbound.store.log.rows import StoredState
from inbound.store.transactions.memory import MemoryStore
from inbound.store.transactions.memory_tables import select
from schemas.orders import WithheldReason


class MemoryClaims(Claims):
    """Claims beside a MemoryStore."""

    def __init__(self, store: MemoryStore) -> None:
        self._store = store

    @override
    async def claim(self, messages: Sequence[ToClaim], gateway: str) -> list[ClaimRow]:
        claimed = []
        for message in messages:
            first = message.message_id not in self._store.tables.claims
            attempt, _ = self._store.tables.claims.setdefault(message.message_id, (1, gateway))
            claimed.append(self._claimed(message, attempt, first=first))
        return claimed

    @override
    async def withheld(self, messages: Sequence[ToClaim]) -> list[WithheldReason | None]:
        return [self._withheld(message) for message in messages]

    @override
    async def reclaim(self, message: ToClaim, gateway: str, *, per_hour: int) -> ClaimRow | None:
        message_id = message.message_id
        before, _ = self._store.tables.claims.get(message_id, (0, ""))
        recorded = message_id in self._store.tables.results
        if recorded or before >= per_hour:  # here every test takes place within an hour
            return None
        self._store.tables.claims[message_id] = before + 1, gateway
        return self._claimed(message, before + 1, first=before == 0)

    @override
    async def record(self, results: Sequence[RecordedResult]) -> None:
        tables = self._store.tables
        for one in results:
            attempt, _ = tables.claims.get(one.message_id, (0, ""))
            if attempt == one.attempt:
                tables.results.setdefault(one.message_id, one.result)

    @override
    async def recorded(self, message_id: UUID) -> str | None:
        return self._store.tables.results.get(message_id)

    @override
    async def release(self, message_ids: Collection[UUID], gateway: str) -> None:
        for message_id in message_ids:
            if self._store.tables.claims.get(message_id) == (1, gateway):
                del self._store.tables.claims[message_id]

    @override
    async def states(self, subject_ids: Collection[UUID]) -> dict[UUID, StoredState]:
        return select(self._store.tables.states, subject_ids)

    @override
    async def close(self) -> None:
        """Nothing to give back."""

    def _claimed(self, message: ToClaim, attempt: int, *, first: bool) -> ClaimRow:
        tables = self._store.tables
        secret = tables.vault.get(message.message_id)
        content = tables.contents.get(message.order_id) if message.order_id else None
        return ClaimRow(
            message.message_id,
            first,
            attempt,
            tables.numbers.get(message.subject_id),
            None if secret is None else secret.plaintext,
            result=tables.results.get(message.message_id),
            text=None if content is None else content.text,
            withheld=self._withheld(message),
            address=None if content is None else content.address,
        )

    def _withheld(self, message: ToClaim) -> WithheldReason | None:
        tables = self._store.tables
        if message.order_id is None:
            return None
        stored = tables.states.get(message.subject_id)
        if message.consent_needed and stored and not read_state(stored.state).notifications_on:
            return WithheldReason.OPTED_OUT
        order = tables.orders.get(message.order_id)
        broadcast_id = order.broadcast_id if order else None
        broadcast = tables.broadcasts.get(broadcast_id) if broadcast_id else None
        if "cancelled" in {broadcast, order and order.state.value}:
            return WithheldReason.CANCELLED
        return WithheldReason.PAUSED if broadcast == "paused" else None
