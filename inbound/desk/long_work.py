"""Work that takes longer than an answer may: loading an audience, writing a file.

It runs in threads on connections of its own, few at a time, so that pages stay fast beside it. It
goes on when the browser that asked for it is gone. A job has a key and is found again by it, so
that a page can tell how far it is; while it runs, another one with its key is not begun.
"""

import asyncio
from collections.abc import Callable
from typing import Any, Concatenate, Final, Generic, ParamSpec, TypeVar
from uuid import UUID

import psycopg

from inbound.desk.problems import Trouble
from inbound.store.connections import connect

AT_ONCE: Final = 2
WAIT_S: Final = 8.0
"""Of a request for its turn: an answer has to come within 15 s."""
_JOBS_KEPT: Final = 200

Params = ParamSpec("Params")
Result = TypeVar("Result")


Advance = Callable[[int, int], None]
"""Takes how much is done and how much there is."""


class Job(Generic[Result]):
    """Work that was begun, and how far it is."""

    def __init__(self) -> None:
        self.is_waiting = True
        """For its turn."""
        self.done, self.total = 0, 0
        self.task: asyncio.Task[Result]

    def advance(self, done: int, total: int) -> None:
        """Tell how far it is."""
        self.done, self.total = done, total

    @property
    def percent(self) -> int:
        """How much is done, rounded down."""
        return min(self.done * 100 // self.total, 100) if self.total else 0

    async def result(self, within_s: float) -> Result:
        """Return its result. Raises what it raises, and TimeoutError if it takes longer."""
        return await asyncio.wait_for(asyncio.shield(self.task), within_s)


class LongWork:
    """Runs functions on connections without a limit of time. Call it from one event loop only."""

    def __init__(self, url: str, application_name: str) -> None:
        """Open nothing yet."""
        self._url = url
        self._application_name = application_name
        self._free = asyncio.Semaphore(AT_ONCE)
        self._connections: set[psycopg.Connection] = set()
        self._running: set[asyncio.Task[Any]] = set()
        self._jobs: dict[UUID, Job[Any]] = {}

    def begin(
        self,
        key: UUID,
        function: Callable[Concatenate[psycopg.Connection, Advance, Params], Result],
        *args: Params.args,
        **kwargs: Params.kwargs,
    ) -> Job[Result]:
        """Begin a job, or return the one with this key that has not ended. Never blocks.

        It waits for its turn as long as that takes.
        """
        known = self._jobs.get(key)
        if known is not None and not known.task.done():
            return known
        job: Job[Result] = Job()

        async def work() -> Result:
            await self._free.acquire()
            job.is_waiting = False
            return await self._call(function, job.advance, *args, **kwargs)

        job.task = asyncio.create_task(work())
        job.task.add_done_callback(_retrieve)
        self._jobs.pop(key, None)
        self._jobs[key] = job
        ended = [one for one, known in self._jobs.items() if known.task.done()]
        for one in ended[:-_JOBS_KEPT]:
            del self._jobs[one]
        return job

    def find(self, key: UUID) -> Job[Any] | None:
        """Return the job with this key, if it was begun since the desk started."""
        return self._jobs.get(key)

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
        return await self._call(function, *args, **kwargs)

    async def _call(
        self,
        function: Callable[Concatenate[psycopg.Connection, Params], Result],
        *args: Params.args,
        **kwargs: Params.kwargs,
    ) -> Result:
        """Call a function whose turn it is."""

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
        """Cancel what runs or waits: nothing of it is stored."""
        for job in self._jobs.values():
            if job.is_waiting:
                job.task.cancel()
        for conn in list(self._connections):
            conn.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)

    def _give_back(self, running: "asyncio.Task[Any]") -> None:
        self._running.discard(running)
        self._free.release()
        _retrieve(running)


def _retrieve(ended: "asyncio.Task[Any]") -> None:
    """Retrieve what a task has raised: its caller may be gone."""
    if not ended.cancelled():
        ended.exception()
