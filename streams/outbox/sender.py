"""The sender: from the lanes to submit_sm, most urgent first, each message once.

A message passes four places: `backlog` (fetched), `ready` (claimed in the database, so
that another gateway knows it may have been sent), in flight, and the result publisher.
Claims are made just ahead of sending, a chunk at a time, because what is claimed and not
sent when this process is killed has to count as `unknown`.

What happens to a message once a bind can take it is `streams.outbox.submitting`.
"""

import asyncio
import logging
import time
from collections import OrderedDict
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from aiokafka import TopicPartition

from inbound.store.claims.port import Claims
from schemas.lanes import Lane
from streams.outbox.backlog import Backlog
from streams.outbox.claims import Claimer
from streams.outbox.encoding import Encoder
from streams.outbox.jobs import Job, LaneQueues
from streams.outbox.offsets import OffsetTracker
from streams.outbox.outcomes import Fates
from streams.outbox.ports import Bind, Binds
from streams.outbox.results import ResultPublisher
from streams.outbox.submitting import Submitter

log = logging.getLogger(__name__)


REMEMBERED = 10_000
"""Finished messages that are recognised without asking the database."""


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
        links: Binds,
        encoder: Encoder,
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
        self._offsets = offsets
        self._settings = settings
        self._clock = clock
        self._backlog = Backlog(links.centres)
        self._ready = LaneQueues(len(Lane), links.centres)
        self._live: dict[UUID, Job] = {}
        self._finished: OrderedDict[UUID, None] = OrderedDict()
        self._held_since: dict[TopicPartition, float] = {}
        self._wake_claimer = asyncio.Event()
        self._one_less = asyncio.Event()
        self._claiming = asyncio.Lock()
        self._group: asyncio.TaskGroup | None = None
        self._submitter = Submitter(
            self,
            encoder,
            self._claimer,
            results,
            Fates(settings.gateway, clock),
            max_attempts=settings.max_attempts,
            clock=clock,
        )

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
            job.held_since = self._held_since.setdefault(job.partition, time.monotonic())
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

        In seconds since the text that it answers arrived, or since it came into its lane;
        lanes without one are left out.
        """
        now = self._clock()
        ages = {}
        for lane in Lane:
            first = self._ready.first(lane, centre) or self._backlog.first(lane, centre)
            if first is not None and first.waits_since is not None:
                ages[lane.label] = max(0.0, (now - first.waits_since).total_seconds())
        return ages

    async def withdraw(self, partitions: set[TopicPartition], within_s: float) -> None:
        """Give partitions up: drop what was not sent, finish what was begun, wait for results.

        Blocks up to `within_s`; `run` must be running. What is still unanswered then is
        claimed and will be settled by the next owner.
        """
        for partition in partitions:
            self._held_since.pop(partition, None)
        try:
            async with asyncio.timeout(within_s):
                async with self._claiming:  # what is just being claimed stands in no queue
                    unsent = self._drop(partitions, keep_begun=True)
                self._forget_contested(partitions)
                if unsent:
                    await self._claimer.release(unsent)
                while self._of(partitions):
                    self._one_less.clear()
                    await self._one_less.wait()
        except TimeoutError:
            log.warning("partitions are given up with messages unanswered")
            self._drop(partitions, keep_begun=False)
            for job in self._of(partitions):
                del self._live[job.message_id]

    def _forget_contested(self, partitions: set[TopicPartition]) -> None:
        """Forget what another gateway may have sent: its next owner can find out as well."""
        for job in self._of(partitions):
            if job.contested:
                del self._live[job.message_id]

    def _drop(self, partitions: set[TopicPartition], *, keep_begun: bool) -> list[Job]:
        """Take what waits out of the queues; return what of it was claimed."""
        claimed = self._ready.remove(partitions, keep_begun=keep_begun)
        for job in (*claimed, *self._backlog.remove(partitions)):
            self._live.pop(job.message_id, None)
        return claimed

    def _of(self, partitions: set[TopicPartition]) -> list[Job]:
        return [job for job in self._live.values() if job.partition in partitions]

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
            async with self._claiming:
                await self._claim_some()

    async def _claim_some(self) -> None:
        jobs = self._next_to_claim()
        if not jobs:
            self._wake_claimer.clear()
            return
        try:
            await self._claimer.claim(jobs)
        except asyncio.CancelledError:
            # Stopping. Claimed or not, nobody sends them: `withdraw` gives them back.
            for job in jobs:
                self._ready.push(job)
            raise
        kept = [job for job in jobs if self.is_live(job)]
        for job in kept:
            if job.dealt_with:
                self.end(job)
            else:
                self._ready.push(job)
        self._links.wake()
        if len(kept) < len(jobs):  # withdrawn while they were being claimed
            await self._claimer.release([job for job in jobs if job not in kept])

    def _next_to_claim(self) -> list[Job]:
        """Take what fits in front of the windows, for each lane and centre by itself.

        So neither a lane full of broadcasts nor a centre that hangs keeps an
        acknowledgement from being claimed.
        """
        jobs: list[Job] = []
        for lane in Lane:
            for centre in self._links.centres:
                window = self._links.window(centre)
                room = 2 * window - self._ready.size(lane, centre)
                if room >= window // 2:  # else a dispatcher wakes us when there is more
                    jobs += self._backlog.take(lane, centre, room)
        return jobs

    async def _dispatch_forever(self, link: Bind) -> None:
        """Choose a message only once this bind can take one: so the most urgent goes first."""
        while True:
            await self._results.room()
            await link.slot()
            job = self._ready.pop(self._links.served_from(link.centre), bulk=link.takes_bulk)
            if job is None:
                await link.wait_for_work()
                continue
            if self._ready.size(job.lane, job.centre) < self._links.window(job.centre):
                self._wake_claimer.set()
            self._submitter.send(job, link)

    # -- what the submitter sees ----------------------------------------------------

    def start(self, work: Coroutine[None, None, None]) -> None:
        """See `Queue`."""
        try:
            if self._group is not None:
                self._group.create_task(work)
                return
        except RuntimeError:  # the group is ending
            pass
        # Stopping: the message stays claimed, and its next owner settles it.
        work.close()

    def go_on(self, job: Job) -> None:
        """See `Queue`. What was given up meanwhile is left to its next owner.

        That may be this gateway again: then it waits behind the one that was given up.
        """
        if self.is_live(job):
            self._ready.push_back(job)
            self._links.wake()
        else:
            self.let_next_go(job)

    def let_next_go(self, job: Job) -> None:
        """See `Queue`."""
        self._ready.release(job)
        if len(self._ready):
            self._links.wake()

    def end(self, job: Job) -> None:
        """See `Queue`."""
        self.let_next_go(job)
        for partition, offset in ((job.partition, job.offset), *job.again_at):
            self._offsets.done(partition, offset)
        if self.is_live(job):
            del self._live[job.message_id]
        self._one_less.set()
        self._finished[job.message_id] = None
        if len(self._finished) > REMEMBERED:
            self._finished.popitem(last=False)

    def is_live(self, job: Job) -> bool:
        """See `Queue`."""
        return self._live.get(job.message_id) is job
