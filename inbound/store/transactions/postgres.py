"""The event store in PostgreSQL: the one place that owns the transaction of a batch.

Invariants:

* Events and outbox rows appear in the order of their positions. The log lock is taken last
  and held to commit, and positions are assigned under it (`inbound.store.log.appender`).
* Every event continues the digest chain of its stream (`schemas.chain`), and `log_heads`
  has the end of each chain, in the same transaction.
* A transaction is all or nothing. Its NOTIFY follows the commit: inside, it would hold a lock
  of the whole server through the flush to disk and halve the throughput.
* A transaction that only read ends like one that wrote: when a synchronous standby has what it
  read. MOs that were found to be processed are acknowledged to Kafka, and a failover must not undo
  that.
* Errors contain no value of a row.

A batch takes few round trips: statements that need no answer travel in one pipeline.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Final
from uuid import UUID, uuid4

import psycopg
from psycopg.pq import TransactionStatus
from typing_extensions import override

from inbound.keys import VaultCipher
from inbound.store.connections import LazyConnection
from inbound.store.errors import translate
from inbound.store.quotas import DEFAULT_QUOTAS, Quotas
from inbound.store.sealing import Sealer
from inbound.store.statements import statements
from inbound.store.transactions.port import Store
from inbound.store.transactions.postgres_transaction import PostgresTransaction

APPLICATION_NAME: Final = "scserv store"
_WAKE_RELAYS: Final = statements("inbound.store.outbox", "outbox")["notify_outbox"]
_LOG_SQL: Final = statements("inbound.store.log", "log")
_CONFIRM: Final = _LOG_SQL["confirm_replicated"]
_COMMIT: Final = _LOG_SQL["commit"]
_OPEN: Final = (TransactionStatus.INTRANS, TransactionStatus.INERROR)


class PostgresStore(Store):
    """The event store on one connection, opened at first use and again after a loss."""

    def __init__(
        self,
        url: str,
        cipher: VaultCipher,
        *,
        quotas: Quotas = DEFAULT_QUOTAS,
        new_id: Callable[[], UUID] = uuid4,
        application_name: str = APPLICATION_NAME,
        long: bool = False,
    ) -> None:
        """Open nothing yet. Subject ids have to be random: they stand in public events.

        `long` lifts the limit on the time of one statement.
        """
        self._connection = LazyConnection(url, application_name, long=long)
        self._sealer = Sealer(cipher)
        self._new_id = new_id
        self._quotas = quotas
        self._turn = asyncio.Lock()

    @override
    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[PostgresTransaction]:
        async with self._turn:
            conn = await self._connection.get()
            tx = PostgresTransaction(
                conn, self._sealer, self._new_id, self._quotas, self._connection.where
            )
            failure = None
            try:
                yield tx
                if tx.has_begun:
                    await _commit(conn, tx)
            except psycopg.Error as error:  # of COMMIT; those of `tx` are translated
                failure = translate(error, self._connection.where)
            finally:
                await _clean(conn)
            if failure is not None:
                raise failure

    @override
    async def close(self) -> None:
        await self._connection.close()


async def _commit(conn: psycopg.AsyncConnection, tx: PostgresTransaction) -> None:
    """Write what is left, commit, and wake the relays: one round trip."""
    async with conn.pipeline():
        for query, parameters in tx.last_queries or [(_CONFIRM, {})]:
            await conn.execute(query, parameters)
        await conn.execute(_COMMIT, prepare=False)
        if tx.appended:
            await conn.execute(_WAKE_RELAYS)


async def _clean(conn: psycopg.AsyncConnection) -> None:
    """Roll back what was not committed. The next user gets another connection if that fails."""
    try:
        if conn.info.transaction_status in _OPEN:
            with suppress(psycopg.Error):
                await conn.rollback()
    finally:
        # Cancelled just now, or in the middle of a COPY: BEGIN would continue what was left open.
        if conn.info.transaction_status != TransactionStatus.IDLE:
            await conn.close()
