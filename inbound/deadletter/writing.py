"""Setting messages aside that can't be processed, so that their partition goes on.

The reason says what kind of error it was and where in the program, never what the message
holds. While the quota is used up, this waits: the partition
stands, nothing is lost, and health and log say why.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Sequence
from pathlib import Path
from traceback import walk_tb

from pydantic_core import from_json
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception_type
from tenacity.wait import wait_fixed

from inbound.deadletter.isolation import GIVE_UP_AFTER_S, Poison
from inbound.errors import RetryableError, ScservError
from inbound.kafka.decoding import TopicRecord
from inbound.keys import HASH_BYTES
from inbound.ops import metrics
from inbound.ops.health import Health
from inbound.store.dead_letters import RETRIED_HEADER, DeadLetter, DeadLetterLimits
from inbound.store.errors import DeadLettersFull
from inbound.store.transactions.changes import Changes
from inbound.store.transactions.port import Store
from schemas.cloudevents import header

log = logging.getLogger(__name__)

LOOK_AGAIN_S = 2.0
# Well below what a consumer may take between two polls before it loses its partitions.
WAIT_FOR_ROOM_S = 300.0

AT_ONCE_BYTES = 4_000_000
AT_ONCE_ROWS = 500

_HERE = Path(__file__).parents[2]


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

    async def __call__(self, poison: Sequence[Poison]) -> None:
        """Store the records, sealed, each with its reason. Safe to repeat.

        Blocks on the database, and while there is no room: then it raises `DeadLettersFull`
        after `WAIT_FOR_ROOM_S`.
        """
        for some in _in_pieces([to_dead_letter(record, error) for record, error in poison]):
            await self._when_there_is_room(some)
            metrics.DEAD_LETTERS.add(len(some), {"topic": some[0].topic})
            first = some[0]
            more = f", and {len(some) - 1} more" if len(some) > 1 else ""
            log.error(
                "%s[%d]@%d is set aside: %s%s",
                *(first.topic, first.partition, first.kafka_offset, first.reason, more),
            )

    async def _when_there_is_room(self, messages: Sequence[DeadLetter]) -> None:
        async for attempt in AsyncRetrying(
            retry=retry_if_exception_type(RetryableError),
            wait=wait_fixed(LOOK_AGAIN_S),
            stop=_enough,
            sleep=self._sleep,
            reraise=True,
        ):
            with attempt:
                await self._store_all(messages)

    async def _store_all(self, messages: Sequence[DeadLetter]) -> None:
        async with self._store.transaction() as transaction:
            usage = await transaction.dead_letter_usage()
            try:
                self._limits.check(usage, messages)
            except DeadLettersFull as full:
                self._say(full)
                raise
            await transaction.write(Changes(dead_letters=list(messages)))
        self._full = False
        self._health.set(self._check, ok=True)

    def _say(self, full: DeadLettersFull) -> None:
        self._health.set(self._check, ok=False, reason=str(full))
        if not self._full:
            self._full = True
            log.critical("%s", full)


def _enough(state: RetryCallState) -> bool:
    """Whether the process should rather end: soon for a database, later for a full table."""
    full = state.outcome is not None and isinstance(state.outcome.exception(), DeadLettersFull)
    return (state.seconds_since_start or 0) > (WAIT_FOR_ROOM_S if full else GIVE_UP_AFTER_S)


def to_dead_letter(record: TopicRecord, error: Exception) -> DeadLetter:
    """Return a record as a dead letter."""
    return DeadLetter(
        topic=record.topic,
        partition=record.partition,
        kafka_offset=record.offset,
        reason=reason_of(error),
        payload=record.value,
        key=record.key,
        headers=tuple(record.headers),
        part=record.part,
        retried=_times_retried(record),
        number_hash=whose(record),
    )


def reason_of(error: Exception) -> str:
    """Return the kind of an error and where it was raised; of one of ours its own words."""
    if isinstance(error, ScservError):  # quotes nothing: see inbound.errors and the store's
        return str(error)
    ours = ""
    for frame, line in walk_tb(error.__traceback__):
        path = Path(frame.f_code.co_filename)
        if path.is_relative_to(_HERE) and "site-packages" not in path.parts:
            ours = f" in {path.relative_to(_HERE)}:{line}, {frame.f_code.co_name}"
    return f"{type(error).__name__}{ours}"


def whose(record: TopicRecord) -> bytes | None:
    """Return the keyed hash of the person a record is about, as far as it tells."""
    return _hash_in(record.key) or _hash_in(_key_within(record.value))


def _key_within(value: bytes) -> bytes | None:
    """Return the person of the only result or receipt in a record."""
    try:
        content = from_json(value)
    except ValueError:
        return None
    if not isinstance(content, dict):
        return None
    many = content.get("results") or content.get("receipts")
    if not isinstance(many, list) or len(many) != 1 or not isinstance(many[0], dict):
        return None
    key = many[0].get("key")
    return key.encode("ascii", "replace") if isinstance(key, str) else None


def _hash_in(key: bytes | None) -> bytes | None:
    try:
        found = bytes.fromhex((key or b"").decode("ascii"))
    except ValueError:
        return None
    return found if len(found) == HASH_BYTES else None


def _times_retried(record: TopicRecord) -> int:
    told = header(record.headers, RETRIED_HEADER) or ""
    return int(told) if told.isascii() and told.isdecimal() and len(told) < 6 else 0


def _in_pieces(messages: Iterable[DeadLetter]) -> Iterable[list[DeadLetter]]:
    """Yield them in pieces that make small transactions, one topic to a piece."""
    piece: list[DeadLetter] = []
    size = 0
    for message in messages:
        full = len(piece) >= AT_ONCE_ROWS or size + len(message.payload) > AT_ONCE_BYTES
        if piece and (full or message.topic != piece[0].topic):
            yield piece
            piece, size = [], 0
        piece.append(message)
        size += len(message.payload)
    if piece:
        yield piece
