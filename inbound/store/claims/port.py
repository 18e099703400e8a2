"""The port of the gateway's claims.

A gateway claims a message before it sends it, so a message that was sent without an answer is
known to have an unknown outcome. Two adapters implement it, PostgreSQL (`postgres.py`) and
memory (`memory.py`); both pass tests/contract/test_claims.py.
"""

from collections.abc import Collection, Sequence
from typing import Protocol
from uuid import UUID

from inbound.store.claims.rows import ClaimRow, RecordedResult, ToClaim
from inbound.store.log.rows import StoredState
from schemas.orders import WithheldReason


class Claims(Protocol):
    """The claims of one gateway."""

    async def claim(self, messages: Sequence[ToClaim], gateway: str) -> list[ClaimRow]:
        """Claim messages and return them in the same order. Durable when it returns.

        Whether a message is withheld is as of the call: a `stop`, a pause or a cancellation that
        was committed before is seen.
        """
        ...

    async def withheld(self, messages: Sequence[ToClaim]) -> list[WithheldReason | None]:
        """Return which of these claimed messages are withheld by now, in the same order."""
        ...

    async def reclaim(self, message: ToClaim, gateway: str, *, per_hour: int) -> ClaimRow | None:
        """Claim a message again whose last attempt has an unknown outcome: attempt + 1.

        Return None if its final result was recorded, or if it has had `per_hour` attempts in this
        hour: then no other follows, whatever the cause.
        """
        ...

    async def record(self, results: Sequence[RecordedResult]) -> None:
        """Record the final results of claimed attempts; durable when it returns.

        Safe to repeat. The first result of an attempt stays.
        """
        ...

    async def recorded(self, message_id: UUID) -> str | None:
        """Return the final result that was recorded for the claimed attempt, if any."""
        ...

    async def release(self, message_ids: Collection[UUID], gateway: str) -> None:
        """Delete this gateway's first claims of messages that it did not send."""
        ...

    async def states(self, subject_ids: Collection[UUID]) -> dict[UUID, StoredState]:
        """Return the folded states of subjects: they show which results are still awaited."""
        ...

    async def close(self) -> None:
        """Close the connection; a later use opens it again."""
        ...
