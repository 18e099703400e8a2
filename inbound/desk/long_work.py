"""Work that takes longer than an answer may: loading an audience, writing a file.

It runs in threads on connections of its own, few at a time, so that pages stay fast beside it. It
goes on when the browser that asked for it is gone.
"""

import asyncio
from collections.abc import Callable
from typing import Any, Concatenate, Final, ParamSpec, TypeVar

import psycopg

from inbound.desk.problems import Trouble
from inbound.store.connections import connect

AT_ONCE: Final = 2
WAIT_S: Final = 20.0

Params = ParamSpec("Params")
Result = TypeVar("Result")


class LongWork:
    """Runs functions on connections without a limit of time. Call it from one event loop only."""

    def __init__(self, url: str, application_name: str) -> None:
        """Open nothing yet."""
        self._url = url
        self._application_name = application_name
        self._free = asyncio.Semaphore(AT_ONCE)
        self._connections: set[psycopg.Connection] = set()
        self._running: set[asyncio.Task[Any]] = set()

    async def run(
        self,
        function: Callable[Concatenate[psycopg.Connection, Params], Result],
        *args: Params.args,
        **kwargs: Params.kwargs,
    ) -> Result:
        """Return what `function` returns for a connection and these arguments.

        Raises what it raises, Trouble if others keep the desk busy, and errors of the store.
        """
        try:
            async with asyncio.timeout(WAIT_S):
                await self._free.acquire()
        except TimeoutError:
            raise Trouble(
                503,
                "Others are loading large tables at this moment.",
                "Wait a minute and try again.",
            ) from None

        def call() -> Result:
            with connect(self._url, self._application_name, long=True) as conn:
                self._connections.add(conn)
                try:
                    return function(conn, *args, **kwargs)
                finally:
                    self._connections.discard(conn)

        running = asyncio.create_task(asyncio.to_thread(call))
        self._running.add(running)
        running.add_done_callback(self._give_back)
        return await asyncio.shield(running)

    async def close(self) -> None:
        """Cancel what runs: nothing of it is stored."""
        for conn in list(self._connections):
            conn.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)

    def _give_back(self, running: "asyncio.Task[Any]") -> None:
        self._running.discard(running)
        self._free.release()
        if not running.cancelled():
            running.exception()  # retrieve it: the caller may be gone
