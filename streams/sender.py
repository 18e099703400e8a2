"""The sender: from the lanes to submit_sm, most urgent first, each message once.

A message passes four places: `backlog` (fetched), `ready` (claimed in the database, so
that another gateway knows it may have been sent), in flight, and the result publisher.
Claims are made just ahead of sending, a chunk at a time, because what is claimed and not
sent when this process is killed has to count as `unknown`.

The text is put together when the PDU is encoded; a secret never leaves that function.
"""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Callable, Coroutine, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from uuid import UUID

from aiokafka import TopicPartition

from inbound.ops import metrics
from inbound.smpp.errors import NotSentError, UnansweredError, UnencodableError
from inbound.smpp.pdu import SubmitSmResp
from inbound.smpp.status import is_temporary, is_throttle
from inbound.store.port import Claims
from schemas.messages import Outcome, PartResult
from streams.backlog import Backlog
from streams.claiming import Claimer
from streams.fates import Fates
from streams.jobs import LANE_NAMES, Job, LaneQueues
from streams.links import Link, Links
from streams.offsets import OffsetTracker
from streams.results import ResultPublisher

log = logging.getLogger(__name__)


REMEMBERED = 10_000
"""Finished messages that are recognised without asking the database."""

RETRY_PAUSE_S = 2.0


@dataclass(frozen=True, slots=True)
class SenderSettings:
    """Limits of one sender; `backlog` is in messages for each lane and centre."""

    gateway: str
    max_attempts: int
    backlog: int = 1000
    unknown_grace: timedelta = timedelta(seconds=5)


class Sender:
    """Sends what `offer` brings. `run` until cancelled, then `withdraw`."""

    def __init__(
        self,
        links: Links,
        claims: Claims,
        results: ResultPublisher,
        offsets: OffsetTracker,
        settings: SenderSettings,
        *,
        clock: Callable[[], datetime],
    ) -> None:
        self._links = links
        self._claimer = Claimer(claims, settings.gateway, settings.unknown_grace)
        self._results = results
        self._fates = Fates(settings.gateway, clock)
        self._offsets = offsets
        self._settings = settings
        self._clock = clock
        self._backlog = Backlog(links.centres)
        self._ready = LaneQueues(len(LANE_NAMES), links.centres)
        self._live: dict[UUID, Job] = {}
        self._finished: OrderedDict[UUID, None] = OrderedDict()
        self._wake_claimer = asyncio.Event()
        self._one_less = asyncio.Event()
        self._group: asyncio.TaskGroup | None = None
        self._begun: set[asyncio.Task[None]] = set()
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
            job.centre = self._links.centre_for(job.message.centre)
            self._live[job.message_id] = job
            self._backlog.add(job)
            self._wake_claimer.set()

    def is_full(self, lane: int) -> bool:
        """Whether this lane should be paused."""
        return self._backlog.waiting(lane) >= self._settings.backlog * len(self._links.centres)

    def has_room(self, lane: int) -> bool:
        """Whether a paused lane may go on."""
        return self._backlog.waiting(lane) < self._settings.backlog // 2

    def oldest_waiting_s(self, centre: str) -> dict[str, float]:
        """Return for each lane how long the first message for a centre has been waiting.

        In seconds since the text that it answers arrived; lanes without one are left out.
        """
        now = self._clock()
        ages = {}
        for lane, name in enumerate(LANE_NAMES):
            first = self._ready.first(lane, centre) or self._backlog.first(lane, centre)
            if first is not None and first.message.arrived_at is not None:
                ages[name] = (now - first.message.arrived_at).total_seconds()
        return ages

    async def withdraw(self, partitions: set[TopicPartition], within_s: float) -> None:
        """Give partitions up: drop what was not sent, wait for what was and its results.

        Blocks up to `within_s`. What is still unanswered then is claimed and will be
        settled by the next owner.
        """
        claimed = self._ready.remove(partitions)
        for job in (*claimed, *self._backlog.remove(partitions)):
            self._live.pop(job.message_id, None)
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
                for link in self._links:
                    group.create_task(self._dispatch_forever(link))
        finally:
            self._group = None

    async def _claim_forever(self) -> None:
        while True:
            await self._wake_claimer.wait()
            jobs = self._next_to_claim()
            if not jobs:
                self._wake_claimer.clear()
                continue
            try:
                await self._claimer.claim(jobs)
            except asyncio.CancelledError:
                # Stopping. Claimed or not, nobody sends them: `withdraw` gives them back.
                for job in jobs:
                    self._ready.push(job)
                raise
            kept = [job for job in jobs if job.message_id in self._live]
            for job in kept:
                self._ready.push(job)
            self._links.wake()
            if len(kept) < len(jobs):  # withdrawn while they were being claimed
                await self._claimer.release([j for j in jobs if j.message_id not in self._live])

    def _next_to_claim(self) -> list[Job]:
        """Take what fits in front of the windows, for each lane and centre by itself.

        So neither a lane full of broadcasts nor a centre that hangs keeps an
        acknowledgement from being claimed.
        """
        jobs: list[Job] = []
        for lane in range(len(LANE_NAMES)):
            for centre in self._links.centres:
                window = self._links.window(centre)
                room = 2 * window - self._ready.size(lane, centre)
                if room >= window // 2:  # else a dispatcher wakes us when there is more
                    jobs += self._backlog.take(lane, centre, room)
        return jobs

    async def _dispatch_forever(self, link: Link) -> None:
        """Choose a message only once this bind can take one: so the most urgent goes first."""
        while True:
            await self._results.room()
            await link.esme.slot()
            link.work.clear()
            job = self._ready.pop(self._links.served_by(link))
            if job is None:
                await link.wait_for_work()
                continue
            if self._ready.size(job.lane, job.centre) < self._links.window(job.centre):
                self._wake_claimer.set()
            job.link = link
            if job.contested:
                self._start(self._settle(job))
            else:
                await self._send(job, link)

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

    async def _send(self, job: Job, link: Link) -> None:
        if not job.segments and not self._encode(job, link):
            return
        if job.message.not_after <= self._clock():
            self._finish(job, Outcome.EXPIRED)
            return
        pending, job.pending = job.pending, []
        job.in_flight = len(pending)
        job.sent_at = job.sent_at or self._clock()
        self._submit(job, link, pending[0])
        if rest := pending[1:]:
            # A message that was begun is finished, also when this process is told to stop.
            task = asyncio.create_task(self._submit_rest(job, link, rest))
            self._begun.add(task)
            task.add_done_callback(self._begun.discard)
            await asyncio.shield(task)

    async def _submit_rest(self, job: Job, link: Link, rest: Sequence[int]) -> None:
        for index in rest:
            try:
                await link.esme.slot()
            except NotSentError:  # the bind is closed for good
                job.pending.append(index)
                self._one_answer_less(job, link)
            else:
                self._submit(job, link, index)

    def _submit(self, job: Job, link: Link, index: int) -> None:
        try:
            valid_for = job.message.not_after - self._clock()
            pdu = link.encoder.submit_sm(job.number or "", job.segments[index], valid_for)
            answer = link.esme.submit(pdu)
        except (UnencodableError, ValueError) as error:
            log.error(  # noqa: TRY400 — the kind only: what the error says may quote the number
                "message %s can't be encoded: %s", job.message_id, type(error).__name__
            )
            job.refused = True
            self._one_answer_less(job, link)
        else:
            answer.add_done_callback(partial(self._answered, job, link, index))

    def _encode(self, job: Job, link: Link) -> bool:
        gone = job.number is None or (job.message.secret and job.secret is None)
        if gone:
            expired = job.message.not_after <= self._clock()
            self._finish(job, Outcome.EXPIRED if expired else Outcome.ERASED)
            return False
        try:
            job.segments = link.encoder.segments(job.message, job.secret)
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

    def _answered(
        self, job: Job, link: Link, index: int, answered: asyncio.Future[SubmitSmResp]
    ) -> None:
        error = None if answered.cancelled() else answered.exception()
        if answered.cancelled() or isinstance(error, UnansweredError):
            job.unanswered.add(index)
            job.parts[index] = PartResult()
            job.settled_nothing(index, None, link, self._clock())
        elif isinstance(error, NotSentError):
            job.pending.append(index)
        elif error is not None:
            raise error
        else:
            self._note(job, link, index, answered.result())
        self._one_answer_less(job, link)

    def _note(self, job: Job, link: Link, index: int, answer: SubmitSmResp) -> None:
        job.parts[index] = PartResult(
            status=answer.status, smsc_message_id=answer.message_id or None
        )
        if is_temporary(answer.status):
            job.pending.append(index)
            job.settled_nothing(index, answer.status, link, self._clock())
            if is_throttle(answer.status):
                metrics.THROTTLES.add(1, {"bind": link.name})
                link.slow_down()
        elif answer.status:
            job.refused = True
        else:
            link.taken()

    def _one_answer_less(self, job: Job, link: Link) -> None:
        job.in_flight -= 1
        if job.in_flight:
            return
        if job.refused:
            self._finish(job, Outcome.REJECTED)
        elif job.pending:
            job.pending.sort()
            if any(_is_its_own_trouble(job.parts[index].status) for index in job.pending):
                self._start(self._rest(job, link))
            else:
                self._push_back(job)
        elif job.unanswered:
            self._start(self._after_unknown(job))
        else:
            self._finish(job, Outcome.SUBMITTED)

    async def _rest(self, job: Job, link: Link) -> None:
        """Let others go while one number is in trouble; when many are, it is the centre's."""
        self._resting += 1
        if self._resting >= link.window:
            link.esme.hold(RETRY_PAUSE_S)
        try:
            await asyncio.sleep(RETRY_PAUSE_S)
        finally:  # also when stopping: what was not sent is given back
            self._resting -= 1
            self._push_back(job)

    def _push_back(self, job: Job) -> None:
        self._ready.push_back(job)
        self._links.wake()

    async def _after_unknown(self, job: Job) -> None:
        """Say so honestly, then do what the template's policy wants."""
        again = (
            self._links.resends_unknown(job.message.template)
            and job.attempt < self._settings.max_attempts
            and job.message.not_after > self._clock()
        )
        if not again:
            self._finish(job, Outcome.UNKNOWN)
            return
        unknown = self._fates.result(job, Outcome.UNKNOWN, final=False)
        self._results.add(job.partition.partition, unknown, lambda: None)
        job.sent_at = job.attempts = None
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
            self._links.wake()


def _is_its_own_trouble(status: int | None) -> bool:
    """Whether a part was refused for now, and not because of the pace of all."""
    return status is not None and is_temporary(status) and not is_throttle(status)
