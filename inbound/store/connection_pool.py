"""A small pool of synchronous connections for a process that answers requests concurrently.

Functions on a synchronous connection run in threads, so the API and the command line share
them. One function at a time uses a connection. A lost connection is detected before the next
use and opened again: after an outage the first request works.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from typing import Any, Concatenate, Final, ParamSpec, TypeVar

import psycopg
from psycopg.pq import TransactionStatus

from inbound.daemon_threads import to_daemon_thread
from inbound.store.connections import connect, describe_database, refuses_writes
from inbound.store.errors import StoreUnavailable, translate
from inbound.store.statements import statements

CONNECTIONS: Final = 4
WAIT_S: Final = 3.0
# A connection that worked this recently is used without a check.
_FRESH_S: Final = 1.0

_SQL: Final = statements(__package__, "connection_pool")
_SHORT_STATEMENTS: Final = _SQL["short_statements"]

Params = ParamSpec("Params")
Result = TypeVar("Result")


class ConnectionPool:
    """Runs functions on connections of its own. Call it from one event loop only."""

    def __init__(
        self,
        url: str,
        application_name: str,
        connections: int = CONNECTIONS,
        *,
        ends_with_process: bool = False,
    ) -> None:
        """Open nothing yet.

        `ends_with_process`: the process may end while a function hangs. That costs a thread for
        each function.
        """
        self._to_thread = to_daemon_thread if ends_with_process else asyncio.to_thread
        self._url = url
        self._application_name = application_name
        self._idle: deque[tuple[psycopg.Connection, float]] = deque()
        self._free = asyncio.Semaphore(connections)
        self._running: set[asyncio.Task[Any]] = set()

    async def run(
        self,
        function: Callable[Concatenate[psycopg.Connection, Params], Result],
        *args: Params.args,
        **kwargs: Params.kwargs,
    ) -> Result:
        """Return what `function` returns for a connection and these arguments.

        Waits up to `WAIT_S` for a connection to be free. Raises what the function raises, and
        StoreUnavailable when there is no connection. When the caller is cancelled the function
        runs to its end; the server's statement timeout bounds that.
        """
        try:
            async with asyncio.timeout(WAIT_S):
                await self._free.acquire()
        except TimeoutError:
            raise StoreUnavailable(
                f"all connections to PostgreSQL at {describe_database(self._url)} are in use"
            ) from None

        def call(conn: psycopg.Connection) -> Result:
            return function(conn, *args, **kwargs)

        running = asyncio.create_task(self._to_thread(self._on_a_connection, call))
        self._running.add(running)
        running.add_done_callback(self._give_back)
        return await asyncio.shield(running)

    async def close(self) -> None:
        """Wait for running functions and close the connections; a later `run` opens them again."""
        await asyncio.gather(*self._running, return_exceptions=True)
        while self._idle:
            self._idle.pop()[0].close()

    def _give_back(self, running: "asyncio.Task[Any]") -> None:
        self._running.discard(running)
        self._free.release()
        if not running.cancelled():
            running.exception()  # retrieve it: the caller may be gone

    def _on_a_connection(self, call: Callable[[psycopg.Connection], Result]) -> Result:
        conn = self._connection()
        try:
            return call(conn)
        finally:
            if (
                conn.closed
                or conn.info.transaction_status != TransactionStatus.IDLE
                or refuses_writes(conn)
            ):
                conn.close()
            else:
                self._idle.append((conn, time.monotonic()))

    def _connection(self) -> psycopg.Connection:
        while True:
            try:
                # The most recently used first, so that the surplus ones stay idle.
                conn, used_at = self._idle.pop()
            except IndexError:
                return _open(self._url, self._application_name)
            if time.monotonic() - used_at < _FRESH_S or _works(conn):
                return conn
            conn.close()


def _open(url: str, application_name: str) -> psycopg.Connection:
    conn = connect(url, application_name)
    try:
        conn.execute(_SHORT_STATEMENTS)
    except psycopg.Error as error:
        conn.close()
        failure = translate(error, describe_database(url))
    else:
        return conn
    raise failure


def _works(conn: psycopg.Connection) -> bool:
    try:
        conn.execute(b"")
    except psycopg.Error:
        return False
    return not refuses_writes(conn)
