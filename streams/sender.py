"""The sender: from the lanes to submit_sm, most urgent first, each message once.

A message passes four places: `backlog` (fetched), `ready` (claimed in the database, so
that another gateway knows it may have been sent), in flight, and the result publisher.
Claims are made just ahead of sending, a chunk at a time, because what is claimed and not
sent when this process is killed has to count as `unknown`.

The text is put together when the PDU is encoded; a secret never leaves that function.
"""

import asyncio
import logging
from collections import OrderedDict, deque
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from uuid import UUID

from aiokafka import TopicPartition

from inbound.errors import RetryableError
from inbound.handlers.results import awaited
from inbound.handlers.state import STATE_VERSION, read_state
from inbound.ops import metrics, telemetry
from inbound.smpp.errors import NotSentError, UnansweredError
from inbound.smpp.esme import Esme
from inbound.smpp.pdu import SubmitSmResp
from inbound.smpp.status import is_temporary, is_throttle
from inbound.store.port import Claims
from schemas.messages import MobileTerminated, Outcome, PartResult, Purpose, SubmitResult
from streams.encoding import Encoder
from streams.jobs import Job, LaneQueues
from streams.offsets import OffsetTracker
from streams.results import ResultPublisher

log = logging.getLogger(__name__)

LANES = 3

REMEMBERED = 20_000
"""Finished messages that are recognised without asking the database."""

THROTTLE_PAUSE_S = 1.0
RETRY_PAUSE_S = 2.0


@dataclass(frozen=True, slots=True)
class SenderSettings:
    """Limits of one sender: names as in the settings."""

    centre: str
    bind: str
    gateway: str
    window: int
    max_attempts: int
    backlog: int = 1000
    unknown_grace: timedelta = timedelta(seconds=5)


class Sender:
    """Sends what `offer` brings. `run` until cancelled."""

    def __init__(
        self,
        esme: Esme,
        claims: Claims,
        encoder: Encoder,
        results: ResultPublisher,
        offsets: OffsetTracker,
        settings: SenderSettings,
        *,
        clock: Callable[[], datetime],
    ) -> None:
        self._esme = esme
        self._claims = claims
        self._encoder = encoder
        self._results = results
        self._offsets = offsets
        self._settings = settings
        self._clock = clock
        self._backlog: list[deque[Job]] = [deque() for _ in range(LANES)]
        self._ready = LaneQueues(LANES)
        self._live: dict[UUID, Job] = {}
        self._finished: OrderedDict[UUID, None] = OrderedDict()
        self._wake_claimer = asyncio.Event()
        self._wake_dispatcher = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self._group: asyncio.TaskGroup | None = None

    # -- what the lanes see ---------------------------------------------------------

    def offer(self, job: Job) -> None:
        """Take a job from a lane. Never blocks: ask `is_full` before fetching more."""
        self._offsets.taken(job.partition, job.offset)
        if job.message_id in self._live or job.message_id in self._finished:
            self._offsets.done(job.partition, job.offset)
            return
        self._live[job.message_id] = job
        self._idle.clear()
        self._backlog[job.lane].append(job)
        self._wake_claimer.set()

    def is_full(self, lane: int) -> bool:
        """Whether this lane should be paused."""
        return len(self._backlog[lane]) >= self._settings.backlog

    def has_room(self, lane: int) -> bool:
        """Whether a paused lane may go on."""
        return len(self._backlog[lane]) < self._settings.backlog // 2

    def waiting(self, lane: int) -> int:
        """Return how many fetched messages of this lane are not claimed yet."""
        return len(self._backlog[lane])

    async def withdraw(self, partitions: set[TopicPartition], within_s: float) -> None:
        """Give partitions up: drop what was not sent, wait for what was, publish results.

        Blocks up to `within_s`. What is still unanswered then is claimed and will be
        recognised as `unknown` by the next owner.
        """
        unsent = self._ready.remove(partitions)
        for job in unsent:
            self._live.pop(job.message_id, None)
        for lane, backlog in enumerate(self._backlog):
            for job in backlog:
                if job.partition in partitions:
                    self._live.pop(job.message_id, None)
            self._backlog[lane] = deque(j for j in backlog if j.partition not in partitions)
        if unsent:
            await self._release(unsent)
        self._check_idle()
        try:
            async with asyncio.timeout(within_s):
                while any(job.partition in partitions for job in self._live.values()):
                    self._idle.clear()
                    await self._idle.wait()
                await self._results.drain()
        except TimeoutError:
            log.warning("partitions are given up with messages unanswered")

    # -- claiming -------------------------------------------------------------------

    async def run(self) -> None:
        """Claim and dispatch until cancelled."""
        try:
            async with asyncio.TaskGroup() as group:
                self._group = group
                group.create_task(self._claim_forever())
                group.create_task(self._dispatch_forever())
        finally:
            self._group = None

    async def _claim_forever(self) -> None:
        while True:
            await self._wake_claimer.wait()
            jobs = self._next_to_claim()
            if not jobs:
                self._wake_claimer.clear()
                continue
            await self._claim(jobs)

    def _next_to_claim(self) -> list[Job]:
        room = 2 * self._settings.window - len(self._ready)
        if room < self._settings.window // 2:
            return []  # the dispatcher wakes us when it has taken half a window
        jobs: list[Job] = []
        for backlog in self._backlog:
            while backlog and len(jobs) < room:
                jobs.append(backlog.popleft())
        return jobs

    async def _claim(self, jobs: Sequence[Job]) -> None:
        wanted = [(job.message_id, job.message.subject_id) for job in jobs]
        while True:
            try:
                claimed = await self._claims.claim(wanted, self._settings.gateway)
                break
            except RetryableError as error:
                log.warning("sending waits: %s", error)
                await asyncio.sleep(RETRY_PAUSE_S)
        by_id = {claim.message_id: claim for claim in claimed}
        for job in jobs:
            claim = by_id[job.message_id]
            job.number, job.secret, job.attempt = claim.number, claim.secret, claim.attempt
            job.contested = not claim.first
        kept = [job for job in jobs if job.message_id in self._live]
        for job in kept:
            self._ready.push(job)
        self._wake_dispatcher.set()
        if len(kept) < len(jobs):  # withdrawn while they were being claimed
            await self._release([j for j in jobs if j.message_id not in self._live])

    async def _release(self, unsent: Sequence[Job]) -> None:
        ids = [job.message_id for job in unsent if not job.contested]
        try:
            await self._claims.release(ids, self._settings.gateway)
        except RetryableError as error:
            log.warning("claims of %d unsent messages stay: %s", len(ids), error)

    async def _settle(self, job: Job) -> None:
        """Find out what became of a message that someone claimed before.

        Its result may still be on its way to the database, so ask again after a grace.
        The job keeps its key meanwhile: what comes behind it stays behind it.
        """
        for pause_s in (0.0, self._settings.unknown_grace.total_seconds()):
            await asyncio.sleep(pause_s)
            if not await self._is_awaited(job.message):
                self._forget(job)
                return
        job.contested = False
        await self._after_unknown(job)

    async def _is_awaited(self, message: MobileTerminated) -> bool:
        stored = await self._claims.state(message.subject_id)
        if stored is None or stored.state_version != STATE_VERSION:
            return True  # nobody can say: rather twice than never
        return awaited(read_state(stored.state), message.request_id, message.purpose)

    # -- dispatching ----------------------------------------------------------------

    async def _dispatch_forever(self) -> None:
        while True:
            await self._results.room()
            await self._wake_dispatcher.wait()
            if not len(self._ready):
                self._wake_dispatcher.clear()
                continue
            await self._esme.slot()
            job = self._ready.pop()
            if job is None:
                self._wake_dispatcher.clear()
                continue
            if len(self._ready) < self._settings.window:
                self._wake_claimer.set()
            if job.contested:
                self._start(self._settle(job))
            else:
                await self._send(job)

    def _start(self, work: Coroutine[None, None, None]) -> None:
        if self._group is None:
            # Stopping: the message stays claimed, and its next owner settles it.
            work.close()
        else:
            self._group.create_task(work)

    async def _send(self, job: Job) -> None:
        if not job.segments and not self._encode(job):
            return
        if job.message.not_after <= self._clock():
            self._finish(job, Outcome.EXPIRED)
            return
        pending, job.pending = job.pending, []
        job.in_flight = len(pending)
        for position, index in enumerate(pending):
            if position:
                await self._esme.slot()
            pdu = self._encoder.submit_sm(job.number or "", job.segments[index])
            self._esme.submit(pdu).add_done_callback(partial(self._answered, job, index))

    def _encode(self, job: Job) -> bool:
        gone = job.number is None or (job.message.secret and job.secret is None)
        if gone:
            expired = job.message.not_after <= self._clock()
            self._finish(job, Outcome.EXPIRED if expired else Outcome.ERASED)
            return False
        try:
            job.segments = self._encoder.segments(job.message, job.secret)
        except Exception as error:  # noqa: BLE001 — one message must not stop a lane
            # The kind only: what the error says may quote the text.
            log.error(  # noqa: TRY400
                "message %s can't be put together: %s", job.message_id, type(error).__name__
            )
            self._finish(job, Outcome.REJECTED)
            return False
        finally:
            job.secret = None
        job.parts = [PartResult()] * len(job.segments)
        job.pending = list(range(len(job.segments)))
        return True

    # -- answers --------------------------------------------------------------------

    def _answered(self, job: Job, index: int, answered: asyncio.Future[SubmitSmResp]) -> None:
        job.in_flight -= 1
        error = None if answered.cancelled() else answered.exception()
        if answered.cancelled() or isinstance(error, UnansweredError):
            job.unanswered.add(index)
        elif isinstance(error, NotSentError):
            job.pending.append(index)
        elif error is not None:
            raise error
        else:
            self._note_answer(job, index, answered.result())
        if not job.in_flight:
            self._conclude(job)

    def _note_answer(self, job: Job, index: int, answer: SubmitSmResp) -> None:
        job.parts[index] = PartResult(
            status=answer.status, smsc_message_id=answer.message_id or None
        )
        if is_temporary(answer.status):
            job.pending.append(index)
            self._esme.hold(THROTTLE_PAUSE_S if is_throttle(answer.status) else RETRY_PAUSE_S)

    def _conclude(self, job: Job) -> None:
        if any(part.status for index, part in enumerate(job.parts) if index not in job.pending):
            self._finish(job, Outcome.REJECTED)
        elif job.pending:
            job.pending.sort()
            self._ready.push_back(job)
            self._wake_dispatcher.set()
        elif job.unanswered:
            self._start(self._after_unknown(job))
        else:
            self._finish(job, Outcome.SUBMITTED)

    async def _after_unknown(self, job: Job) -> None:
        """Say so honestly, then do what the template's policy wants."""
        again = (
            self._encoder.resends_unknown(job.message.template)
            and job.attempt < self._settings.max_attempts
            and job.message.not_after > self._clock()
        )
        if not again:
            self._finish(job, Outcome.UNKNOWN)
            return
        self._results.add(
            job.partition.partition, self._result(job, Outcome.UNKNOWN, final=False), _nothing
        )
        claim = await self._claims.reclaim(
            job.message_id, job.message.subject_id, self._settings.gateway
        )
        job.attempt, job.number, job.secret = claim.attempt, claim.number, claim.secret
        job.pending = sorted(job.unanswered)
        job.unanswered.clear()
        self._ready.push_back(job)
        self._wake_dispatcher.set()

    # -- ends -----------------------------------------------------------------------

    def _finish(self, job: Job, outcome: Outcome) -> None:
        result = self._result(job, outcome, final=True)
        self._report(job, result)
        self._results.add(
            job.partition.partition,
            result,
            lambda: self._offsets.done(job.partition, job.offset),
        )
        self._remember(job)

    def _forget(self, job: Job) -> None:
        """Let go of a message that was dealt with before: nothing to send, nothing to say."""
        self._offsets.done(job.partition, job.offset)
        self._remember(job)

    def _remember(self, job: Job) -> None:
        self._ready.release(job)
        if len(self._ready):
            self._wake_dispatcher.set()
        self._live.pop(job.message_id, None)
        self._finished[job.message_id] = None
        if len(self._finished) > REMEMBERED:
            self._finished.popitem(last=False)
        self._check_idle()

    def _check_idle(self) -> None:
        # Waiters look for their own partitions among the live jobs each time.
        self._idle.set()

    def _result(self, job: Job, outcome: Outcome, *, final: bool) -> SubmitResult:
        message = job.message
        return SubmitResult(
            message_id=message.message_id,
            subject_id=message.subject_id,
            request_id=message.request_id,
            key=job.key,
            purpose=message.purpose,
            template=message.template,
            outcome=outcome,
            final=final,
            attempt=job.attempt,
            parts=tuple(job.parts),
            centre=self._settings.centre,
            bind=self._settings.bind,
            arrived_at=message.arrived_at,
            at=self._clock(),
            traceparent=job.traceparent,
        )

    def _report(self, job: Job, result: SubmitResult) -> None:
        labels = {"purpose": result.purpose.value, "outcome": result.outcome.value}
        metrics.REPLIES.add(1, labels)
        if result.arrived_at is None:
            return
        telemetry.span(
            "submit_sm",
            job.traceparent,
            result.at,
            result.at,
            attributes=[*labels.items(), ("bind", result.bind), ("attempt", result.attempt)],
        )
        if result.purpose is Purpose.ACKNOWLEDGEMENT:
            metrics.ACK_LATENCY.record((result.at - result.arrived_at).total_seconds())


def _nothing() -> None:
    """Do nothing once a result that is not final was stored."""
