"""The event store in PostgreSQL: the one place that owns the transaction of a batch.

What always holds:

* Events and outbox rows appear in the order of their positions. The log lock is taken last
  and held to commit, and positions are given out under it.
* Every event continues the digest chain of its stream (`schemas.chain`), and `log_heads`
  has the end of each chain, in the same transaction.
* A transaction is all or nothing, and its NOTIFY comes after the commit (inside, it would
  hold a lock of the whole server through the flush to disk and halve the throughput).
* Nothing of a row stands in an error.

The calls of one batch are few round trips: what needs no answer travels in one pipeline.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, Final
from uuid import UUID, uuid4

import psycopg
from psycopg.pq import TransactionStatus
from psycopg.rows import args_row

from inbound.handlers.receipts import PartReceipt, SentPart
from inbound.keys import VaultCipher
from inbound.store import _erasing, _writing
from inbound.store.connecting import AsyncLink
from inbound.store.errors import guarded, translate
from inbound.store.rows import (
    Changes,
    DeadLetterUsage,
    EarlyKey,
    EarlyReceipt,
    Erased,
    Erasure,
    MessagePart,
    PartsKey,
    Person,
    RecordedEvent,
    StoredState,
)
from inbound.store.sealing import Sealer
from inbound.store.statements import statements
from schemas.chain import Chains
from schemas.messages import Purpose, ReceiptState

APPLICATION_NAME: Final = "scserv store"

_LOG_SQL: Final = statements(__package__, "log")
_MO_SQL: Final = statements(__package__, "mo")
_OUTBOX_SQL: Final = statements(__package__, "outbox")
_DEAD_LETTERS_SQL: Final = statements(__package__, "dead_letters")
_PEOPLE_SQL: Final = statements(__package__, "people")
_RECEIPTS_SQL: Final = statements(__package__, "receipts")
_SEEN_MESSAGES = _MO_SQL["seen_messages"]
_FIND_SUBJECTS = _PEOPLE_SQL["find_subjects"]
_ADD_SUBJECTS = _PEOPLE_SQL["add_subjects"]
_FIND_STATES = _LOG_SQL["find_states"]
_LOAD_STREAMS = _LOG_SQL["load_streams"]
_READ_CHAIN = _LOG_SQL["read_chain"]
_LOCK_PARTS = _MO_SQL["lock_parts"]
_ADD_PART = _MO_SQL["add_part"]
_COMPLETE_PARTS = _MO_SQL["complete_parts"]
_FIND_PARTS = _MO_SQL["find_parts"]
_DELETE_PARTS = _MO_SQL["delete_parts"]
_TAKE_TURNS = _MO_SQL["take_turns"]
_FIND_SENT_PARTS = _RECEIPTS_SQL["find_sent_parts"]
_FIND_EARLY_RECEIPTS = _RECEIPTS_SQL["find_early_receipts"]
_DEAD_LETTER_USAGE = _DEAD_LETTERS_SQL["dead_letter_usage"]
_NOTIFY = _OUTBOX_SQL["notify_outbox"]

_log = logging.getLogger(__name__)


class PostgresTransaction:
    """`inbound.store.port.Transaction` on one connection, between BEGIN and COMMIT."""

    def __init__(
        self,
        conn: psycopg.AsyncConnection,
        sealer: Sealer,
        new_id: Callable[[], UUID],
        where: str,
    ) -> None:
        """`where` names the database in errors."""
        self._conn = conn
        self._sealer = sealer
        self._new_id = new_id
        self.where = where
        self.appended = False
        self.chains: Chains | None = None

    @guarded
    async def seen(self, mo_ids: Collection[UUID]) -> set[UUID]:
        """See the port."""
        cursor = await self._conn.execute(_SEEN_MESSAGES, {"mo_ids": list(mo_ids)})
        return {mo_id async for (mo_id,) in cursor}

    @guarded
    async def subjects(self, numbers: Mapping[bytes, str]) -> dict[bytes, UUID]:
        """See the port. Three round trips when there are new numbers, else one."""
        found = await self._find_subjects(numbers)
        missing = [number_hash for number_hash in numbers if number_hash not in found]
        if not missing:
            return found
        ids = [self._new_id() for _ in missing]
        sealed = [self._sealer.number(numbers[h], i) for h, i in zip(missing, ids, strict=True)]
        await self._conn.execute(
            _ADD_SUBJECTS, {"subject_ids": ids, "hashes": missing, "sealed": sealed}
        )
        # Read again: another transaction may have been first with some of them.
        return found | await self._find_subjects(missing)

    @guarded
    async def find_subjects(self, hashes: Collection[bytes]) -> dict[bytes, UUID]:
        """See the port."""
        return await self._find_subjects(hashes)

    @guarded
    async def states(self, subject_ids: Collection[UUID]) -> dict[UUID, StoredState]:
        """See the port."""
        cursor = await self._conn.execute(_FIND_STATES, {"subject_ids": list(subject_ids)})
        return {row[0]: StoredState(*row[1:]) async for row in cursor}

    @guarded
    async def load_streams(self, subject_ids: Collection[UUID]) -> dict[UUID, list[RecordedEvent]]:
        """See the port."""
        cursor = self._conn.cursor(row_factory=args_row(RecordedEvent))
        await cursor.execute(_LOAD_STREAMS, {"subject_ids": list(subject_ids)})
        streams: dict[UUID, list[RecordedEvent]] = {}
        async for event in cursor:
            streams.setdefault(event.stream_id, []).append(event)
        return streams

    @guarded
    async def read_events(self, after: int, limit: int) -> list[RecordedEvent]:
        """See the port."""
        cursor = self._conn.cursor(row_factory=args_row(RecordedEvent))
        await cursor.execute(_READ_CHAIN, {"after": after, "limit": limit})
        return await cursor.fetchall()

    @guarded
    async def add_part(self, part: MessagePart) -> list[MessagePart]:
        """See the port. One round trip."""
        key = part.key._asdict()
        async with self._conn.pipeline():
            await self._conn.execute(_LOCK_PARTS, key)
            await self._conn.execute(_ADD_PART, key | {
                "sequence": part.sequence,
                "sealed": self._sealer.part(part.payload, part.key, part.sequence),
                "data": part.data.decode(),
                "received_at": part.received_at,
            })  # fmt: skip
            # A statement after the lock has a snapshot with what the last holder committed.
            cursor = await self._conn.execute(_FIND_PARTS, key | {"whole": False})
        return await self._opened_parts(part.key, cursor)

    @guarded
    async def whole_parts(self, key: PartsKey) -> list[MessagePart]:
        """See the port."""
        cursor = await self._conn.execute(_FIND_PARTS, key._asdict() | {"whole": True})
        return await self._opened_parts(key, cursor)

    async def _opened_parts(self, key: PartsKey, cursor: psycopg.AsyncCursor) -> list[MessagePart]:
        return [
            MessagePart(key, sequence, self._sealer.open_part(sealed, key, sequence), data, at)
            async for sequence, sealed, data, at in cursor
        ]

    @guarded
    async def complete_parts(self, key: PartsKey) -> None:
        """See the port."""
        every = {"whole": True, "sequences": list(range(1, key.total + 1))}
        await self._conn.execute(_DELETE_PARTS, key._asdict() | every)
        await self._conn.execute(_COMPLETE_PARTS, key._asdict())

    @guarded
    async def drop_parts(self, key: PartsKey, sequences: Collection[int]) -> None:
        """See the port."""
        some = {"whole": False, "sequences": list(sequences)}
        await self._conn.execute(_DELETE_PARTS, key._asdict() | some)

    @guarded
    async def take_turns(self, names: Collection[str]) -> None:
        """See the port."""
        await self._conn.execute(_TAKE_TURNS, {"names": list(names)})

    @guarded
    async def sent_parts(
        self, subject_ids: Collection[UUID], smsc_message_ids: Collection[str]
    ) -> list[SentPart]:
        """See the port."""
        parameters = {
            "subject_ids": list(subject_ids),
            "smsc_message_ids": list(smsc_message_ids),
        }
        cursor = await self._conn.execute(_FIND_SENT_PARTS, parameters)
        return [_sent_part(row) async for row in cursor]

    @guarded
    async def early_receipts(self, subject_ids: Collection[UUID]) -> list[EarlyReceipt]:
        """See the port."""
        cursor = await self._conn.execute(_FIND_EARLY_RECEIPTS, {"subject_ids": list(subject_ids)})
        return [EarlyReceipt(EarlyKey(*row[:4]), *row[4:]) async for row in cursor]

    @guarded
    async def dead_letter_usage(self) -> DeadLetterUsage:
        """See the port."""
        cursor = self._conn.cursor(row_factory=args_row(DeadLetterUsage))
        return await (await cursor.execute(_DEAD_LETTER_USAGE)).fetchone() or DeadLetterUsage(0, 0)

    @guarded
    async def write(self, changes: Changes) -> None:
        """See the port. At most eight round trips, three of them under the log lock."""
        if self.chains is not None:  # a second call goes on from the first
            await _writing.move_heads(self._conn, self.chains)
        self.chains = await _writing.write(self._conn, changes, self._sealer) or self.chains
        self.appended = self.appended or bool(changes.events or changes.outbox)

    @guarded
    async def erase(self, person: Person) -> Erased:
        """See the port. Reads the whole outbox, and opens the dead letters of unknown people."""
        return await _erasing.erase(self._conn, person, self._sealer)

    @guarded
    async def record_erasure(self, erasure: Erasure) -> int:
        """See the port."""
        return await _erasing.record(self._conn, erasure)

    async def _find_subjects(self, hashes: Collection[bytes]) -> dict[bytes, UUID]:
        cursor = await self._conn.execute(_FIND_SUBJECTS, {"hashes": list(hashes)})
        rows: Sequence[tuple[bytes, UUID]] = await cursor.fetchall()
        return dict(rows)


class PostgresStore:
    """`inbound.store.port.Store` on one connection, opened at first use and after a loss."""

    def __init__(
        self,
        url: str,
        cipher: VaultCipher,
        *,
        new_id: Callable[[], UUID] = uuid4,
        application_name: str = APPLICATION_NAME,
        long: bool = False,
    ) -> None:
        """Open nothing yet. Subject ids have to be random: they stand in public events.

        `long` lifts the limit on the time of one statement.
        """
        self._link = AsyncLink(url, application_name, long=long)
        self._sealer = Sealer(cipher)
        self._new_id = new_id
        self._turn = asyncio.Lock()

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[PostgresTransaction]:
        """See the port."""
        async with self._turn:
            conn = await self._link.connection()
            tx = PostgresTransaction(conn, self._sealer, self._new_id, self._link.where)
            failure = None
            try:
                async with AsyncExitStack() as ending, conn.transaction():
                    yield tx
                    if tx.chains is not None:
                        # Left after the transaction: the heads and COMMIT are one round trip.
                        await ending.enter_async_context(conn.pipeline())
                        await _writing.move_heads(conn, tx.chains)
            except psycopg.Error as error:  # of BEGIN or COMMIT; those of `tx` are translated
                failure = translate(error, self._link.where)
            finally:
                # Cancelled in the middle of a COPY, say: the next user gets a clean one.
                if conn.info.transaction_status != TransactionStatus.IDLE:
                    await conn.close()
            if failure is not None:
                raise failure
            if tx.appended:
                await _wake_relays(conn)

    async def close(self) -> None:
        """See the port."""
        await self._link.close()


def _sent_part(row: tuple[Any, ...]) -> SentPart:
    *sent, state, final, error, done_at = row
    sent[5] = Purpose(sent[5])
    told = None if state is None else PartReceipt(ReceiptState(state), final, error, done_at)
    return SentPart(*[*sent, told])


async def _wake_relays(conn: psycopg.AsyncConnection) -> None:
    try:
        await conn.execute(_NOTIFY)
    except psycopg.Error:
        # The rows are committed and relays also look by themselves: late, not lost.
        _log.info("relays were not woken up: the connection was lost after the commit")
