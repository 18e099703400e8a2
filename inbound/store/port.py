"""What the rest of the service may ask of the store, whoever keeps it.

Two adapters answer: PostgreSQL (`postgres.py`, `claims.py`) and memory (`memory.py`). Both
pass the suites in tests/contract.

All calls may raise RetryableError; then nothing of the transaction was written, or, if the
connection broke at commit, all of it may have been: the inbox and the versions of the
streams make it safe to do the whole transaction again.
"""

from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Protocol
from uuid import UUID

from inbound.handlers.receipts import SentPart
from inbound.store.rows import (
    Changes,
    Claimed,
    DeadLetterUsage,
    EarlyReceipt,
    Erased,
    Erasure,
    MessagePart,
    PartsKey,
    Person,
    RecordedEvent,
    StoredState,
)


class Transaction(Protocol):
    """One batch: reads first, then one `write`, then commit when the block ends."""

    async def seen(self, mo_ids: Collection[UUID]) -> set[UUID]:
        """Return those of the messages that an earlier transaction has dealt with."""
        ...

    async def subjects(self, numbers: Mapping[bytes, str]) -> dict[bytes, UUID]:
        """Find the subject of each number hash, or make one and seal the number with it.

        Waits for another transaction that is making the same subject.
        """
        ...

    async def find_subjects(self, hashes: Collection[bytes]) -> dict[bytes, UUID]:
        """Find subjects without making any."""
        ...

    async def states(self, subject_ids: Collection[UUID]) -> dict[UUID, StoredState]:
        """Return the folded states that are stored; for a lost one use `load_streams`."""
        ...

    async def load_streams(self, subject_ids: Collection[UUID]) -> dict[UUID, list[RecordedEvent]]:
        """Return all events of each subject in order; no entry for one without events."""
        ...

    async def read_events(self, after: int, limit: int) -> list[RecordedEvent]:
        """Return the next events of the whole log; reading on misses none and sees none twice.

        Each comes with its digest and the chain that it continues (`schemas.chain`).
        """
        ...

    async def add_part(self, part: MessagePart) -> list[MessagePart]:
        """Keep one part and return all that wait, in order of sequence. Safe to repeat.

        It replaces the part that was there in its place. Two transactions with parts of the
        same message wait for each other.
        """
        ...

    async def whole_parts(self, key: PartsKey) -> list[MessagePart]:
        """Return the parts of the last message that was put together, as long as they are kept."""
        ...

    async def complete_parts(self, key: PartsKey) -> None:
        """Let the parts that wait be those of the last message that was put together."""
        ...

    async def drop_parts(self, key: PartsKey, sequences: Collection[int]) -> None:
        """Remove some of the parts that wait."""
        ...

    async def take_turns(self, names: Collection[str]) -> None:
        """Keep every other transaction that names one of these waiting, until commit."""
        ...

    async def sent_parts(
        self, subject_ids: Collection[UUID], smsc_message_ids: Collection[str]
    ) -> list[SentPart]:
        """Return all parts of these people's messages of which one has one of these ids."""
        ...

    async def early_receipts(self, subject_ids: Collection[UUID]) -> list[EarlyReceipt]:
        """Return the receipts of these people that wait for their message, oldest first."""
        ...

    async def dead_letter_usage(self) -> DeadLetterUsage:
        """Return how many dead letters are stored."""
        ...

    async def write(self, changes: Changes) -> None:
        """Write everything. Call it once and last: from here to commit all writers wait.

        Raises Conflict when another transaction dealt with one of the messages or appended
        to one of the streams; the whole transaction has to be done again then.
        """
        ...

    async def erase(self, person: Person) -> Erased:
        """Remove what leads from a number to this person, and what is kept for them.

        Events and states stay: they name the subject alone. Safe to repeat.
        """
        ...

    async def record_erasure(self, erasure: Erasure) -> int:
        """Write the record of an erasure for ever, and return its number."""
        ...


class Store(Protocol):
    """The event store. One transaction at a time; a second one waits for the first."""

    def transaction(self) -> AbstractAsyncContextManager[Transaction]:
        """Commit when the block ends, roll back when it raises.

        After a commit that wrote events or outbox rows the relays are woken up.
        """
        ...

    async def close(self) -> None:
        """Give back the connection."""
        ...


class Claims(Protocol):
    """The gateway's word before it sends: so a message sent with unknown outcome is known."""

    async def claim(self, messages: Sequence[tuple[UUID, UUID]], gateway: str) -> list[Claimed]:
        """Claim (message id, subject id) pairs; durable when it returns. Same order out."""
        ...

    async def reclaim(self, message_id: UUID, subject_id: UUID, gateway: str) -> Claimed:
        """Claim again a message whose last attempt has an unknown outcome: attempt + 1."""
        ...

    async def release(self, message_ids: Collection[UUID], gateway: str) -> None:
        """Take back this gateway's first claims of messages that it did not send."""
        ...

    async def states(self, subject_ids: Collection[UUID]) -> dict[UUID, StoredState]:
        """Return the folded states of subjects, which know whose result is still awaited."""
        ...

    async def close(self) -> None:
        """Give back the connection."""
        ...
