"""A few connections for a process that answers many at once.

Functions on a synchronous connection run in threads, so what the command line uses serves the
API too. A connection is lent to one function at a time. One that was lost is noticed before it
is lent again, and is opened anew: after an outage the first request works.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from typing import Any, Concatenate, Final, ParamSpec, TypeVar

import psycopg
from psycopg.pq import TransactionStatus

from inbound.store.connecting import connect, place
from inbound.store.errors import StoreUnavailable, translate
from inbound.store.statements import statements

CONNECTIONS: Final = 4
WAIT_S: Final = 3.0
# A connection that worked so recently is lent without being asked how it is.
_FRESH_S: Final = 1.0

_SQL: Final = statements(__package__, "lending")
_SHORT_STATEMENTS: Final = _SQL["short_statements"]

Params = ParamSpec("Params")
Result = TypeVar("Result")


class Lending:
    """Runs functions on connections of its own; all calls from one event loop."""

    def __init__(self, url: str, application_name: str, connections: int = CONNECTIONS) -> None:
        """Open nothing yet."""
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
        goes on to its end, which the server's limit of one statement's time brings about.
        """
        try:
            async with asyncio.timeout(WAIT_S):
                await self._free.acquire()
        except TimeoutError:
            raise StoreUnavailable(
                f"all connections to PostgreSQL at {place(self._url)} are in use"
            ) from None

        def call(conn: psycopg.Connection) -> Result:
            return function(conn, *args, **kwargs)

        running = asyncio.create_task(asyncio.to_thread(self._on_a_connection, call))
        self._running.add(running)
        running.add_done_callback(self._give_back)
        return await asyncio.shield(running)

    async def close(self) -> None:
        """Wait for what runs, then close the connections; a later `run` opens them again."""
        await asyncio.gather(*self._running, return_exceptions=True)
        while self._idle:
            self._idle.pop()[0].close()

    def _give_back(self, running: "asyncio.Task[Any]") -> None:
        self._running.discard(running)
        self._free.release()
        if not running.cancelled():
            running.exception()  # its caller may be gone, and then nobody else would look

    def _on_a_connection(self, call: Callable[[psycopg.Connection], Result]) -> Result:
        conn = self._connection()
        try:
            return call(conn)
        finally:
            if conn.closed or conn.info.transaction_status != TransactionStatus.IDLE:
                conn.close()
            else:
                self._idle.append((conn, time.monotonic()))

    def _connection(self) -> psycopg.Connection:
        while True:
            try:
                # The latest first, so that those that are not needed grow old together.
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
        failure = translate(error, place(url))
    else:
        return conn
    raise failure


def _works(conn: psycopg.Connection) -> bool:
    try:
        conn.execute(b"")
    except psycopg.Error:
        return False
    return True
