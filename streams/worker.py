"""The worker process: the Faust app, its processors, and the housekeeping of the store."""

import asyncio
import contextlib
import logging
import time
from datetime import timedelta
from functools import partial
from itertools import count

import faust

from inbound.clock import utc_now
from inbound.deadletter.isolation import BatchProcessor
from inbound.deadletter.writing import DeadLetterWriter
from inbound.directory.port import Directory
from inbound.errors import RetryableError
from inbound.keys import SubjectHasher
from inbound.ops.health import Health
from inbound.retention import sweep
from inbound.settings import Settings
from inbound.store.transactions.port import Store
from inbound.subjects import StateCache
from schemas.topics import TopicNames
from streams.app import make_app
from streams.commands.processor import CommandProcessor, CommandSettings
from streams.delivery.processor import DeliveryProcessor, split
from streams.progress import Progress

log = logging.getLogger(__name__)

CHECK_EVERY_S = 2.0
HEARTBEAT_S = 15.0
STOP_WITHIN_S = 4.0
SWEEP_EVERY_S = 60.0
THOROUGH_EVERY = 60


class Worker:
    """Runs the agents until cancelled. Each agent has a store of its own: one connection."""

    def __init__(
        self,
        settings: Settings,
        stores: tuple[Store, Store],
        directory: Directory,
        health: Health,
    ) -> None:
        self._settings = settings
        self._stores = stores
        self._health = health
        self._progress = Progress(time.monotonic)
        commands, delivery = stores
        cache = StateCache()
        limits = settings.dead_letter_limits()
        names = TopicNames.prefixed(settings.topic_prefix)
        self.app = make_app(
            settings,
            BatchProcessor(
                CommandProcessor(
                    commands,
                    directory,
                    SubjectHasher(settings.subject_key_bytes()),
                    cache,
                    CommandSettings(
                        settings.policies,
                        names,
                        settings.federal_number,
                        timedelta(seconds=settings.secret_ttl_s),
                        note_misses=settings.miss_days > 0,
                    ),
                    clock=utc_now,
                ),
                DeadLetterWriter(commands, limits, health, check="dead letters of commands"),
                report=partial(self._report, "commands"),
            ),
            BatchProcessor(
                DeliveryProcessor(delivery, settings.policies, names, cache, clock=utc_now),
                DeadLetterWriter(delivery, limits, health, check="dead letters of results"),
                split,
                report=partial(self._report, "results"),
            ),
            self._progress,
        )

    async def run(self) -> None:
        """Serve until cancelled; raise when the app crashed, so that the process restarts."""
        await self.app.start()
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(_until_stopped(self.app))
                group.create_task(self._check_forever())
                group.create_task(self._sweep_forever())
        finally:
            # After a crash Faust may wait a minute for what will never come.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(STOP_WITHIN_S):
                    await self.app.stop()
            for store in self._stores:
                await store.close()

    async def _check_forever(self) -> None:
        while True:
            consumer = self.app.consumer
            ends = {
                (tp.topic, tp.partition): consumer.highwater(tp) for tp in consumer.assignment()
            }
            reason = self._progress.check(ends)
            if not ends:
                reason = "no partitions assigned: another worker has them, or Kafka is away"
            self._health.set("partitions", ok=reason is None, reason=reason or "")
            self._health.beat("heartbeat", HEARTBEAT_S)
            await asyncio.sleep(CHECK_EVERY_S)

    def _report(self, check: str, reason: str | None) -> None:
        self._health.set(check, ok=reason is None, reason=reason or "")

    async def _sweep_forever(self) -> None:
        for round_ in count():
            thorough = round_ % THOROUGH_EVERY == 0
            await asyncio.to_thread(sweep, self._settings, utc_now(), thorough=thorough)
            await asyncio.sleep(SWEEP_EVERY_S)


async def _until_stopped(app: faust.App) -> None:
    await app.wait_until_stopped()
    reason = app.crash_reason
    if isinstance(reason, RetryableError):
        raise reason  # an outage, said in its own words
    raise RuntimeError("the Faust app stopped") from reason
