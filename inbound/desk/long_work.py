"""Jobs: work that takes longer than an answer may, like loading a table or writing a file.

Jobs run in threads on connections of their own, few at a time, so that pages stay fast, and they
continue if the browser that asked for them is gone. Each job has a row, so that every process of
the desk shows its progress, and says so if the process that ran it has died. A job changes the
database in one transaction or not at all.
"""

import asyncio
import contextlib
import json
import logging
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Concatenate, Final, ParamSpec
from uuid import UUID, uuid4

import psycopg

from inbound.desk.problems import ErrorPage
from inbound.errors import RetryableError, ScservError
from inbound.keys import UnsealError
from inbound.store.access.desk_jobs import (
    Beat,
    JobState,
    NewJob,
    beat,
    claim_job,
    end_job,
    find_job,
)
from inbound.store.connection_pool import ConnectionPool
from inbound.store.connections import connect
from inbound.store.sealing import Sealer

AT_ONCE: Final = 2
MOST: Final = 20
"""Jobs of one process that run or wait."""
BEAT_S: Final = 2.0
OUTAGE: Final = {"problem": "outage"}
STOPPED: Final = {"problem": "stopped"}
DEFECT: Final = {"problem": "defect"}

Params = ParamSpec("Params")
Result = Mapping[str, object]

log = logging.getLogger(__name__)


class JobRefusedError(ScservError):
    """The job can't be done as it was asked for; `problem` says why, for its page."""

    def __init__(self, problem: Result) -> None:
        super().__init__("the job can't be done")
        self.problem = problem


class JobTakenError(RetryableError):
    """Another process has taken the job over, because this one was silent for too long."""

    def __init__(self) -> None:
        super().__init__("another process has taken the job over")


class JobStoppedError(RetryableError):
    """The process stops before the job has ended."""

    def __init__(self) -> None:
        super().__init__("the process stops")


@dataclass(frozen=True, slots=True)
class JobOrder:
    """A job that a user of the desk wants. `form` is what they typed: it is sealed and kept."""

    job_id: UUID
    kind: str
    owner: UUID
    form: Mapping[str, str] = field(repr=False, default_factory=dict)


@dataclass(frozen=True, slots=True)
class Job:
    """The progress of a job. `result` is that of a finished one, or says why it failed."""

    job_id: UUID
    state: JobState
    done: int
    total: int
    form: Mapping[str, str] = field(repr=False, default_factory=dict)
    result: Mapping[str, Any] = field(repr=False, default_factory=dict)

    @property
    def is_waiting(self) -> bool:
        """Whether it waits for its turn."""
        return self.state is JobState.WAITING

    @property
    def goes_on(self) -> bool:
        """Whether a process is working on it."""
        return self.state in {JobState.WAITING, JobState.RUNNING}

    @property
    def percent(self) -> int:
        """How much is done, rounded down."""
        return min(self.done * 100 // self.total, 100) if self.total else 0


class Work:
    """A job in the process that does it, for the function that does it."""

    def __init__(self, order: JobOrder, process: UUID) -> None:
        self.order = order
        self.state = JobState.WAITING
        self.done, self.total = 0, 0
        self.result: Result = {}
        self.is_stopped = False
        self.ended = asyncio.Event()
        self.task: asyncio.Task[None]
        self._process = process

    def advance(self, done: int, total: int) -> None:
        """Report how much is done, and of how much. Never blocks.

        Raises JobStoppedError when the process stops.
        """
        if self.is_stopped:
            raise JobStoppedError
        self.done, self.total = done, total

    def record(self, conn: psycopg.Connection, result: Result) -> None:
        """Record the result within the transaction of `conn`: the job is done if that commits.

        Raises JobTakenError, after which nothing may commit.
        """
        if not end_job(conn, self._process, self.order.job_id, JobState.DONE, result):
            raise JobTakenError

    def end(self, state: JobState, result: Result) -> None:
        """Mark it as ended, for this process."""
        self.state, self.result = state, result
        self.ended.set()

    def job(self) -> Job:
        """Return its progress."""
        return Job(
            self.order.job_id, self.state, self.done, self.total, self.order.form, self.result
        )


class LongWork:
    """The jobs of one process. Call it from one event loop only."""

    def __init__(
        self, url: str, application_name: str, pool: ConnectionPool, sealer: Sealer
    ) -> None:
        """Open nothing yet. Rows are read and written on `pool`."""
        self.process = uuid4()
        self._url = url
        self._application_name = application_name
        self._pool = pool
        self._sealer = sealer
        self._free = asyncio.Semaphore(AT_ONCE)
        self._connections: set[psycopg.Connection] = set()
        self._works: dict[UUID, Work] = {}
        self._beating: asyncio.Task[None] | None = None
        self._is_closing = False

    async def begin(
        self,
        order: JobOrder,
        function: Callable[Concatenate[psycopg.Connection, Work, Params], Result],
        *args: Params.args,
        **kwargs: Params.kwargs,
    ) -> None:
        """Begin a job, unless this or another process is working on it; it waits for its turn.

        `function` returns what `Job.result` has later, or raises JobRefusedError and errors of
        the store; then nothing was changed. Raises ErrorPage for too many jobs, RetryableError.
        """
        known = self._works.get(order.job_id)
        if known is not None and not known.ended.is_set():
            return
        if len(self._works) >= MOST:
            raise ErrorPage(
                503,
                "Others are loading large tables at this moment.",
                "Wait a minute and try again.",
            )
        sealed = self._sealer.seal(json.dumps(dict(order.form)).encode(), _context(order.job_id))
        new = NewJob(order.job_id, order.kind, order.owner, sealed)
        if not await self._pool.run(claim_job, new, self.process):
            return
        work = self._works[order.job_id] = Work(order, self.process)

        def call(conn: psycopg.Connection) -> Result:
            return function(conn, work, *args, **kwargs)

        work.task = asyncio.create_task(self._do(work, call))
        if self._beating is None:
            self._beating = asyncio.create_task(self._beat())

    async def find(self, job_id: UUID, owner: UUID, kind: str) -> Job | None:
        """Return a job of this user and kind, in whichever process it is."""
        work = self._works.get(job_id)
        if work is not None:
            order = work.order
            return work.job() if (order.owner, order.kind) == (owner, kind) else None
        found = await self._pool.run(find_job, job_id, owner, kind)
        if found is None:
            return None
        form: dict[str, str] = {}
        with contextlib.suppress(UnsealError):  # sealed with an earlier key: what was typed is lost
            form = json.loads(self._sealer.open(found.form_sealed, _context(job_id)))
        return Job(job_id, found.state, found.done, found.total, form, found.result)

    async def wait(self, job_id: UUID, owner: UUID, kind: str, within_s: float) -> Job | None:
        """Return a job when it has ended, or as it is after `within_s`."""
        work = self._works.get(job_id)
        if work is not None:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(within_s):
                    await work.ended.wait()
        return await self.find(job_id, owner, kind)

    async def close(self) -> None:
        """Cancel jobs that run or wait: nothing of them is stored except that they were stopped."""
        self._is_closing = True
        if self._beating is not None:
            self._beating.cancel()
        works = list(self._works.values())
        for work in works:
            work.is_stopped = True
            if work.state is JobState.WAITING:
                work.task.cancel()
        for conn in list(self._connections):
            conn.cancel()
        await asyncio.gather(*(work.task for work in works), return_exceptions=True)

    async def _do(self, work: Work, call: Callable[[psycopg.Connection], Result]) -> None:
        try:
            async with self._free:
                work.state = JobState.RUNNING
                result = await asyncio.to_thread(self._on_a_connection, call)
            work.end(JobState.DONE, result)
        except JobRefusedError as error:
            work.end(JobState.FAILED, error.problem)
        except (RetryableError, asyncio.CancelledError):
            work.end(JobState.FAILED, STOPPED if self._is_closing else OUTAGE)
        except Exception as error:  # noqa: BLE001  its text could quote a row
            _log_defect(error, work.order.job_id)
            work.end(JobState.FAILED, DEFECT)
        await self._store(work)

    def _on_a_connection(self, call: Callable[[psycopg.Connection], Result]) -> Result:
        with connect(self._url, self._application_name, long=True) as conn:
            self._connections.add(conn)
            try:
                return call(conn)
            finally:
                self._connections.discard(conn)

    async def _store(self, work: Work) -> None:
        """Write how a job ended into its row, and forget it; it stays if the database is away."""
        job_id = work.order.job_id
        with contextlib.suppress(RetryableError):
            await self._pool.run(end_job, self.process, job_id, work.state, work.result)
            if self._works.get(job_id) is work:
                del self._works[job_id]

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(BEAT_S)
            works = list(self._works.values())
            going = [work for work in works if not work.ended.is_set()]
            for work in works:
                if work.task.done():
                    await self._store(work)
            if going:
                beats = [
                    Beat(work.order.job_id, work.state, work.done, work.total) for work in going
                ]
                with contextlib.suppress(RetryableError):
                    await self._pool.run(beat, self.process, beats)


def _log_defect(error: Exception, job_id: UUID) -> None:
    where = "".join(traceback.format_tb(error.__traceback__))
    log.error("defect in a job: %s job=%s\n%s", type(error).__name__, job_id, where.rstrip())


def _context(job_id: UUID) -> bytes:
    return b"desk job:" + job_id.bytes
