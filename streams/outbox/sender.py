"""The sender: from the lanes to submit_sm, most urgent first, each message once.

A message passes through the unclaimed messages (fetched), the ready queue (claimed in the database,
so that another gateway knows it may have been sent), a bind, and the result publisher; its phases
are in `streams.outbox.phases`. Claims are made just ahead of sending, a chunk at a time: what is
claimed and not sent when this process is killed has to count as `unknown`.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from aiokafka import TopicPartition

from inbound.store.claims.port import Claims
from schemas.lanes import Lane
from schemas.messages import MobileTerminated
from streams.outbox.claims import ATTEMPTS_PER_HOUR, Claimer
from streams.outbox.driver import Driver, EffectTools
from streams.outbox.encoding import Encoder
from streams.outbox.ledger import Entry, Ledger
from streams.outbox.offsets import OffsetTracker
from streams.outbox.outcomes import Outcomes
from streams.outbox.phases import Fetched
from streams.outbox.ports import BindPort, BindsPort
from streams.outbox.queues import Queues
from streams.outbox.resend_policy import FIRST_PAUSE_S, ResendPolicy
from streams.outbox.results import ResultPublisher

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class SenderSettings:
    """Limits of one sender; `backlog` is in messages for each lane and centre."""

    gateway: str
    max_attempts: int
    backlog: int = 1000
    unknown_grace: timedelta = timedelta(seconds=5)
    first_pause_s: float = FIRST_PAUSE_S


class Sender:
    """Sends what `offer` brings. `run` until cancelled, then `withdraw`."""

    def __init__(
        self,
        binds: BindsPort,
        queues: Queues,
        encoder: Encoder,
        claims: Claims,
        results: ResultPublisher,
        offsets: OffsetTracker,
        settings: SenderSettings,
        *,
        clock: Callable[[], datetime],
    ) -> None:
        self._binds = binds
        self._backlog = queues.backlog
        self._ready = queues.ready
        self._claimer = Claimer(
            claims,
            settings.gateway,
            settings.unknown_grace,
            per_hour=min(settings.max_attempts, ATTEMPTS_PER_HOUR),
        )
        self._results = results
        self._settings = settings
        self._ledger = Ledger(offsets)
        self._owned_since: dict[TopicPartition, float] = {}
        self._wake_claimer = asyncio.Event()
        self._claiming = asyncio.Lock()
        self._driver = Driver(
            EffectTools(
                binds=binds,
                ready=self._ready,
                ledger=self._ledger,
                encoder=encoder,
                claimer=self._claimer,
                results=results,
                outcomes=Outcomes(settings.gateway, clock),
                policy=ResendPolicy(
                    settings.max_attempts, encoder.resends_unknown, settings.first_pause_s
                ),
                clock=clock,
            )
        )

    # -- what the lanes see ---------------------------------------------------------

    def offer(
        self,
        lane: Lane,
        partition: TopicPartition,
        offset: int,
        key: str,
        message: MobileTerminated,
        *,
        traceparent: str | None = None,
        queued_at: datetime | None = None,
    ) -> None:
        """Take a message from a lane. Never blocks: ask `is_full` before fetching more."""
        centre = self._binds.centre_for(message.centre, message.channel)
        fetched = Fetched(lane, partition, offset, key, message, centre, traceparent, queued_at)
        entry = self._ledger.admit(fetched)
        if entry is not None:
            self._owned_since.setdefault(partition, time.monotonic())
            self._backlog.add(entry)
            self._wake_claimer.set()

    def is_full(self, lane: Lane) -> bool:
        """Whether this lane should be paused."""
        return self._backlog.size(lane) >= self._settings.backlog * len(self._binds.centres)

    def has_room(self, lane: Lane) -> bool:
        """Whether a paused lane may go on."""
        return self._backlog.size(lane) < self._settings.backlog // 2

    async def withdraw(self, partitions: set[TopicPartition], within_s: float) -> None:
        """Give partitions up: drop what is not begun, finish the rest, wait for its results.

        Blocks up to `within_s`; `run` must be running. What is still unanswered then is
        claimed, and its next owner finds out.
        """
        for partition in partitions:
            self._owned_since.pop(partition, None)
        try:
            async with asyncio.timeout(within_s):
                async with self._claiming:  # those being claimed at this moment are in no queue
                    self._driver.hand_over(partitions)
                    self._drop_done()
                await self._release_unsent()
                await self._ledger.emptied(partitions)
        except TimeoutError:
            log.warning("partitions are given up with messages unanswered")
            self._driver.give_up(partitions)
            self._drop_done()

    # -- claiming and dispatching ---------------------------------------------------

    async def run(self) -> None:
        """Claim and dispatch until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._driver.run())
            group.create_task(self._claim_forever())
            for bind in self._binds:
                group.create_task(self._dispatch_forever(bind))

    async def _claim_forever(self) -> None:
        while True:
            await self._wake_claimer.wait()
            async with self._claiming:
                await self._claim_some()

    async def _claim_some(self) -> None:
        entries = self._next_to_claim()
        if not entries:
            self._wake_claimer.clear()
            return
        try:
            messages = [entry.fetched for entry in entries]
            replies = await self._claimer.claim(messages, self._owned_since_of)
        except asyncio.CancelledError:
            for entry in entries:
                self._driver.claim_interrupted(entry)
            raise
        for entry, reply in zip(entries, replies, strict=True):
            self._driver.claimed(entry, reply)
        self._binds.wake()
        await self._release_unsent()  # withdrawn while they were being claimed

    def _next_to_claim(self) -> list[Entry]:
        """Take as many messages as the windows have room for, for each lane and centre separately.

        So neither a lane full of broadcasts nor a centre that hangs keeps an
        acknowledgement from being claimed.
        """
        entries: list[Entry] = []
        for lane in Lane:
            for centre in self._binds.centres:
                window = self._binds.window(centre)
                room = 2 * window - self._ready.size(lane, centre)
                if room >= window // 2:  # else a dispatcher wakes us when there is more
                    entries += self._backlog.take(lane, centre, room)
        return entries

    async def _dispatch_forever(self, bind: BindPort) -> None:
        """Choose a message only once this bind can take one: so the most urgent goes first."""
        while True:
            await self._results.room()
            await bind.slot()
            centres = self._binds.served_from(bind.centre)
            entry = self._ready.pop(centres, bulk=bind.takes_bulk)
            if entry is None:
                await bind.wait_for_work()
                continue
            lane, centre = entry.fetched.lane, entry.fetched.centre
            if self._ready.size(lane, centre) < self._binds.window(centre):
                self._wake_claimer.set()
            self._driver.slot(entry, bind)

    def _owned_since_of(self, fetched: Fetched) -> float:
        """When the partition became ours; one that was given up meanwhile is not ours yet."""
        return self._owned_since.get(fetched.partition, time.monotonic())

    async def _release_unsent(self) -> None:
        if unsent := self._driver.unsent():
            await self._claimer.release(unsent)

    def _drop_done(self) -> None:
        self._ready.drop_done()
        self._backlog.drop_done()
