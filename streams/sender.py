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
from collections.abc import Callable, Coroutine, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from uuid import UUID

from aiokafka import TopicPartition

from inbound.smpp.errors import NotSentError, UnansweredError, UnencodableError
from inbound.smpp.esme import Esme
from inbound.smpp.pdu import SubmitSmResp
from inbound.smpp.status import is_temporary, is_throttle
from inbound.store.port import Claims
from schemas.messages import Outcome, PartResult
from streams.claiming import Claimer
from streams.encoding import Encoder
from streams.fates import Fates
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
    """Limits of one sender: names as in the settings; `backlog` is in messages per lane."""

    centre: str
    bind: str
    gateway: str
    window: int
    max_attempts: int
    backlog: int = 1000
    unknown_grace: timedelta = timedelta(seconds=5)


class Sender:
    """Sends what `offer` brings. `run` until cancelled, then `withdraw`."""

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
        self._claimer = Claimer(claims, settings.gateway, settings.unknown_grace)
        self._encoder = encoder
        self._results = results
        self._fates = Fates(settings.centre, settings.bind, clock)
        self._offsets = offsets
        self._settings = settings
        self._clock = clock
        self._backlog: list[deque[Job]] = [deque() for _ in range(LANES)]
        self._ready = LaneQueues(LANES)
        self._live: dict[UUID, Job] = {}
        self._finished: OrderedDict[UUID, None] = OrderedDict()
        self._wake_claimer = asyncio.Event()
        self._wake_dispatcher = asyncio.Event()
        self._one_less = asyncio.Event()
        self._group: asyncio.TaskGroup | None = None
        self._resting = 0

    # -- what the lanes see ---------------------------------------------------------

    def offer(self, job: Job) -> None:
        """Take a job from a lane. Never blocks: ask `is_full` before fetching more."""
        self._offsets.taken(job.partition, job.offset)
        if (same := self._live.get(job.message_id)) is not None:
            # Published twice, or a partition that came back: done when the first one is.
            same.again_at.append((job.partition, job.offset))
        elif job.message_id in self._finished:
            self._offsets.done(job.partition, job.offset)
        else:
            self._live[job.message_id] = job
            self._backlog[job.lane].append(job)
            self._wake_claimer.set()

    def is_full(self, lane: int) -> bool:
        """Whether this lane should be paused."""
        return len(self._backlog[lane]) >= self._settings.backlog

    def has_room(self, lane: int) -> bool:
        """Whether a paused lane may go on."""
        return len(self._backlog[lane]) < self._settings.backlog // 2

    async def withdraw(self, partitions: set[TopicPartition], within_s: float) -> None:
        """Give partitions up: drop what was not sent, wait for what was and its results.

        Blocks up to `within_s`. What is still unanswered then is claimed and will be
        settled by the next owner.
        """
        claimed = self._ready.remove(partitions)
        fetched = [job for backlog in self._backlog for job in backlog]
        for job in (*claimed, *fetched):
            if job.partition in partitions:
                self._live.pop(job.message_id, None)
        for lane, backlog in enumerate(self._backlog):
            self._backlog[lane] = deque(j for j in backlog if j.partition not in partitions)
        if claimed:
            await self._claimer.release(claimed)
        try:
            async with asyncio.timeout(within_s):
                while any(job.partition in partitions for job in self._live.values()):
                    self._one_less.clear()
                    await self._one_less.wait()
        except TimeoutError:
            log.warning("partitions are given up with messages unanswered")

    # -- claiming and dispatching ---------------------------------------------------

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
            await self._claimer.claim(jobs)
            kept = [job for job in jobs if job.message_id in self._live]
            for job in kept:
                self._ready.push(job)
            self._wake_dispatcher.set()
            if len(kept) < len(jobs):  # withdrawn while they were being claimed
                await self._claimer.release([j for j in jobs if j.message_id not in self._live])

    def _next_to_claim(self) -> list[Job]:
        """Take what fits in front of the window, in each lane by itself.

        So a lane full of broadcasts never keeps an acknowledgement from being claimed.
        """
        window = self._settings.window
        jobs: list[Job] = []
        for lane, backlog in enumerate(self._backlog):
            room = 2 * window - self._ready.size(lane)
            if room >= window // 2:  # else the dispatcher wakes us when there is more
                jobs += (backlog.popleft() for _ in range(min(room, len(backlog))))
        return jobs

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
            if self._ready.size(job.lane) < self._settings.window:
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

    async def _settle(self, job: Job) -> None:
        """Find out what became of a message that someone claimed before.

        The job keeps its key meanwhile: what comes behind it stays behind it.
        """
        if await self._claimer.was_dealt_with(job.message):
            self._end(job)
        else:
            job.contested = False
            await self._after_unknown(job)

    async def _send(self, job: Job) -> None:
        if not job.segments and not self._encode(job):
            return
        if job.message.not_after <= self._clock():
            self._finish(job, Outcome.EXPIRED)
            return
        pending, job.pending = job.pending, []
        job.in_flight = len(pending)
        job.sent_at = self._clock()
        for position, index in enumerate(pending):
            if position:
                await self._esme.slot()
            self._submit(job, index)

    def _submit(self, job: Job, index: int) -> None:
        try:
            pdu = self._encoder.submit_sm(job.number or "", job.segments[index])
            answer = self._esme.submit(pdu)
        except (UnencodableError, ValueError) as error:
            log.error(  # noqa: TRY400 — the kind only: what the error says may quote the number
                "message %s can't be encoded: %s", job.message_id, type(error).__name__
            )
            job.refused = True
            self._one_answer_less(job)
        else:
            answer.add_done_callback(partial(self._answered, job, index))

    def _encode(self, job: Job) -> bool:
        gone = job.number is None or (job.message.secret and job.secret is None)
        if gone:
            expired = job.message.not_after <= self._clock()
            self._finish(job, Outcome.EXPIRED if expired else Outcome.ERASED)
            return False
        try:
            job.segments = self._encoder.segments(job.message, job.secret)
        except Exception as error:  # noqa: BLE001 — one message must not stop a lane
            log.error(  # noqa: TRY400 — the kind only: what the error says may quote the text
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
        error = None if answered.cancelled() else answered.exception()
        if answered.cancelled() or isinstance(error, UnansweredError):
            job.unanswered.add(index)
        elif isinstance(error, NotSentError):
            job.pending.append(index)
        elif error is not None:
            raise error
        else:
            self._note(job, index, answered.result())
        self._one_answer_less(job)

    def _note(self, job: Job, index: int, answer: SubmitSmResp) -> None:
        job.parts[index] = PartResult(
            status=answer.status, smsc_message_id=answer.message_id or None
        )
        if is_temporary(answer.status):
            job.pending.append(index)
            if is_throttle(answer.status):
                self._esme.hold(THROTTLE_PAUSE_S)
        elif answer.status:
            job.refused = True

    def _one_answer_less(self, job: Job) -> None:
        job.in_flight -= 1
        if job.in_flight:
            return
        if job.refused:
            self._finish(job, Outcome.REJECTED)
        elif job.pending:
            job.pending.sort()
            if any(_is_its_own_trouble(job.parts[index].status) for index in job.pending):
                self._start(self._rest(job))
            else:
                self._push_back(job)
        elif job.unanswered:
            self._start(self._after_unknown(job))
        else:
            self._finish(job, Outcome.SUBMITTED)

    async def _rest(self, job: Job) -> None:
        """Let others go while one number is in trouble; when many are, it is the centre's."""
        self._resting += 1
        if self._resting >= self._settings.window:
            self._esme.hold(RETRY_PAUSE_S)
        try:
            await asyncio.sleep(RETRY_PAUSE_S)
        finally:  # also when stopping: what was not sent is given back
            self._resting -= 1
            self._push_back(job)

    def _push_back(self, job: Job) -> None:
        self._ready.push_back(job)
        self._wake_dispatcher.set()

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
        unknown = self._fates.result(job, Outcome.UNKNOWN, final=False)
        self._results.add(job.partition.partition, unknown, lambda: None)
        await self._claimer.claim_again(job)
        if job.number is None:
            self._finish(job, Outcome.ERASED)
            return
        job.pending = sorted(job.unanswered)
        job.unanswered.clear()
        self._push_back(job)

    # -- ends -----------------------------------------------------------------------

    def _finish(self, job: Job, outcome: Outcome) -> None:
        """Let the next of the person go; the job itself ends when its result is stored."""
        result = self._fates.result(job, outcome, final=True)
        self._release(job)
        self._results.add(job.partition.partition, result, lambda: self._end(job))

    def _end(self, job: Job) -> None:
        self._release(job)
        self._done([(job.partition, job.offset), *job.again_at])
        self._live.pop(job.message_id, None)
        self._one_less.set()
        self._finished[job.message_id] = None
        if len(self._finished) > REMEMBERED:
            self._finished.popitem(last=False)

    def _done(self, places: Iterable[tuple[TopicPartition, int]]) -> None:
        for partition, offset in places:
            self._offsets.done(partition, offset)

    def _release(self, job: Job) -> None:
        self._ready.release(job)
        if len(self._ready):
            self._wake_dispatcher.set()


def _is_its_own_trouble(status: int | None) -> bool:
    """Whether a part was refused for now, and not because of the pace of all."""
    return status is not None and is_temporary(status) and not is_throttle(status)
