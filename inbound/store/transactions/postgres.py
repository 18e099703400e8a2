"""The event store in PostgreSQL: the one place that owns the transaction of a batch.

Invariants:

* Events and outbox rows appear in the order of their positions. The log lock is taken last
  and held to commit, and positions are assigned under it (`inbound.store.log.appender`).
* Every event continues the digest chain of its stream (`schemas.chain`), and `log_heads`
  has the end of each chain, in the same transaction.
* A transaction is all or nothing. Its NOTIFY follows the commit: inside, it would hold a lock
  of the whole server through the flush to disk and halve the throughput.
* A transaction that only read ends like one that wrote: when a synchronous standby has what it
  read. What was found processed is acknowledged to Kafka, and a failover must not undo it.
* Errors contain no value of a row.

A batch takes few round trips: what needs no answer travels in one pipeline.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Final
from uuid import UUID, uuid4

import psycopg
from psycopg.pq import TransactionStatus
from typing_extensions import override

from inbound.keys import VaultCipher
from inbound.store.connections import LazyConnection
from inbound.store.errors import translate
from inbound.store.log.appender import move_heads
from inbound.store.quotas import DEFAULT_QUOTAS, Quotas
from inbound.store.sealing import Sealer
from inbound.store.statements import statements
from inbound.store.transactions.port import Store
from inbound.store.transactions.postgres_transaction import PostgresTransaction

APPLICATION_NAME: Final = "scserv store"
_NOTIFY: Final = statements("inbound.store.outbox", "outbox")["notify_outbox"]
_CONFIRM: Final = statements("inbound.store.log", "log")["confirm_replicated"]

_log = logging.getLogger(__name__)


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
                async with AsyncExitStack() as ending, conn.transaction():
                    yield tx
                    # Left after the transaction: what follows and COMMIT are one round trip.
                    if conn.info.transaction_status == TransactionStatus.INTRANS:
                        await ending.enter_async_context(conn.pipeline())
                        if tx.chains is not None:
                            await move_heads(conn, tx.chains)
                        else:
                            await conn.execute(_CONFIRM)
            except psycopg.Error as error:  # of BEGIN or COMMIT; those of `tx` are translated
                failure = translate(error, self._connection.where)
            finally:
                # Cancelled in the middle of a COPY, say: the next user gets a clean one.
                if conn.info.transaction_status != TransactionStatus.IDLE:
                    await conn.close()
            if failure is not None:
                raise failure
            if tx.appended:
                await _wake_relays(conn)

    @override
    async def close(self) -> None:
        await self._connection.close()


async def _wake_relays(conn: psycopg.AsyncConnection) -> None:
    try:
        await conn.execute(_NOTIFY)
    except psycopg.Error:
        # The rows are committed and relays also look by themselves: late, not lost.
        _log.info("relays were not woken up: the connection was lost after the commit")
