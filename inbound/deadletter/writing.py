"""Stores messages that can't be processed as dead letters, so that their partition goes on.

While the quota is used up, this waits: the partition waits too, nothing is lost, and health and
log say why. Dead letters of one sender beyond a quota of their own are dropped and counted.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Sequence

from tenacity import AsyncRetrying, RetryCallState, retry_if_exception_type
from tenacity.wait import wait_fixed

from inbound.deadletter.isolation import GIVE_UP_AFTER_S, FailedRecord
from inbound.deadletter.letters import to_dead_letter
from inbound.errors import RetryableError
from inbound.ops import metrics
from inbound.ops.health import Health
from inbound.store.dead_letters.limits import DeadLetterLimits, within_sender_limits
from inbound.store.dead_letters.rows import KAFKA_FEED, DeadLetter
from inbound.store.errors import DeadLettersFull
from inbound.store.transactions.changes import Changes
from inbound.store.transactions.port import Store

log = logging.getLogger(__name__)

CHECK_EVERY_S = 2.0
WAIT_FOR_ROOM_S = 300.0
"""Well below the time after which a consumer that doesn't poll loses its partitions."""

SetAside = Callable[[Sequence[DeadLetter]], Awaitable[None]]
"""Stores dead letters, as `DeadLetterWriter.store` does."""

PIECE_BYTES = 4_000_000
PIECE_ROWS = 500


class DeadLetterWriter:
    """Stores dead letters within the limits. `check` is its condition in the health report."""

    def __init__(
        self,
        store: Store,
        limits: DeadLetterLimits,
        health: Health,
        *,
        check: str = "dead letters",
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._store = store
        self._limits = limits
        self._health = health
        self._check = check
        self._sleep = sleep
        self._full = False

    async def __call__(self, failed: Sequence[FailedRecord]) -> None:
        """Store the records, sealed, each with its reason. Safe to repeat.

        Blocks on the database, and while there is no room: then it raises `DeadLettersFull`
        after `WAIT_FOR_ROOM_S`.
        """
        await self.store([to_dead_letter(record, error) for record, error in failed])

    async def store(self, letters: Sequence[DeadLetter]) -> None:
        """Store dead letters, as a call does with records."""
        for piece in _in_pieces(letters):
            dropped = await self._store_once_there_is_room(piece)
            metrics.DEAD_LETTERS.add(len(piece), {"topic": piece[0].topic})
            if dropped:
                metrics.DEAD_LETTERS_DROPPED.add(dropped, {"topic": piece[0].topic})
                log.warning(
                    "%s: dead letters are dropped: a sender has more of them than its quota",
                    piece[0].topic,
                )
            if dropped == len(piece):
                continue
            first = piece[0]
            more = f", and {len(piece) - 1} more" if len(piece) > 1 else ""
            log.error(
                "%s[%d]@%d is set aside%s: %s%s",
                *(first.topic, first.partition, first.kafka_offset),
                "" if first.feed == KAFKA_FEED else ", not published",
                *(first.reason, more),
            )

    async def _store_once_there_is_room(self, messages: Sequence[DeadLetter]) -> int:
        dropped = 0
        async for attempt in AsyncRetrying(
            retry=retry_if_exception_type(RetryableError),
            wait=wait_fixed(CHECK_EVERY_S),
            stop=_has_waited_enough,
            sleep=self._sleep,
            reraise=True,
        ):
            with attempt:
                dropped = await self._store_all(messages)
        return dropped

    async def _store_all(self, messages: Sequence[DeadLetter]) -> int:
        """Store these, and return how many were dropped because of their senders' quotas."""
        async with self._store.transaction() as transaction:
            senders = {row.number_hash for row in messages if row.number_hash is not None}
            stored = await transaction.dead_letters_by_sender(senders) if senders else {}
            kept = within_sender_limits(self._limits, messages, stored)
            if not kept:
                return len(messages)
            usage = await transaction.dead_letter_usage()
            try:
                self._limits.check(usage, kept)
            except DeadLettersFull as full:
                self._report_full(full)
                raise
            await transaction.write(Changes(dead_letters=kept))
        self._full = False
        self._health.set(self._check, ok=True)
        return len(messages) - len(kept)

    def _report_full(self, full: DeadLettersFull) -> None:
        self._health.set(self._check, ok=False, reason=str(full))
        if not self._full:
            self._full = True
            log.critical("%s", full)


def _has_waited_enough(state: RetryCallState) -> bool:
    """Whether to give up: soon if the database is unavailable, later if the quota is used up."""
    full = state.outcome is not None and isinstance(state.outcome.exception(), DeadLettersFull)
    return (state.seconds_since_start or 0) > (WAIT_FOR_ROOM_S if full else GIVE_UP_AFTER_S)


def _in_pieces(messages: Iterable[DeadLetter]) -> Iterable[list[DeadLetter]]:
    """Split them into small transactions, each with one topic."""
    piece: list[DeadLetter] = []
    size = 0
    for message in messages:
        full = len(piece) >= PIECE_ROWS or size + len(message.payload) > PIECE_BYTES
        if piece and (full or message.topic != piece[0].topic):
            yield piece
            piece, size = [], 0
        piece.append(message)
        size += len(message.payload)
    if piece:
        yield piece
