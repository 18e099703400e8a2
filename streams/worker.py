"""The worker process: the processors of its topics, health checks, and retention sweeps."""

import asyncio
import contextlib
import itertools
import logging
import time
from datetime import timedelta
from functools import partial

from inbound.clock import utc_now
from inbound.deadletter.isolation import BatchProcessor
from inbound.deadletter.writing import DeadLetterWriter
from inbound.directory.port import Directory
from inbound.errors import RetryableError
from inbound.keys import SubjectHasher
from inbound.ops.health import Health
from inbound.orders.wiring import IntakeConnections
from inbound.plurals import counted
from inbound.registrations.holds import Holds, HoldSettings
from inbound.retention import sweep
from inbound.settings import Settings
from inbound.store.transactions.port import Store
from inbound.store.turns import Turns
from inbound.subjects import StateCache
from schemas.topics import TopicNames
from streams.app import WorkerApp
from streams.commands.model import CommandSettings
from streams.commands.processor import CommandProcessor
from streams.delivery.processor import DeliveryProcessor, split
from streams.notify.processor import NotifyProcessor
from streams.partition_watch import PartitionWatch
from streams.progress import PartitionProgress

log = logging.getLogger(__name__)

STOP_WITHIN_S = 4.0
SWEEP_EVERY_S = 60.0
THOROUGH_EVERY = 60
"""One sweep in this many is a thorough one."""


class Worker:
    """Runs the agents until cancelled. Each agent has a store of its own: one connection."""

    def __init__(
        self,
        settings: Settings,
        hasher: SubjectHasher,
        stores: tuple[Store, Store],
        directory: Directory,
        orders: IntakeConnections,
        health: Health,
    ) -> None:
        self._settings = settings
        self._stores = stores
        self._orders = orders
        self._health = health
        progress = PartitionProgress(time.monotonic)
        self._waiting: set[str] = set()
        self._names = TopicNames.prefixed(settings.topic_prefix)
        # Shared: results change the subjects that commands changed before.
        cache, self._turns = StateCache(), Turns()
        self._holds = Holds(
            stores[1],
            HoldSettings(self._names, timedelta(seconds=settings.policies.reply_valid_for_s)),
            clock=utc_now,
        )
        self._app = WorkerApp(
            settings,
            self._commands(stores[0], directory, hasher, cache),
            self._delivery(stores[1], cache),
            self._notify(orders),
            progress,
        )
        self._watch = PartitionWatch(self._app, progress, health, lambda: bool(self._waiting))

    def _commands(
        self, store: Store, directory: Directory, hasher: SubjectHasher, cache: StateCache
    ) -> BatchProcessor:
        settings = self._settings
        processor = CommandProcessor(
            store,
            directory,
            hasher,
            cache,
            CommandSettings(
                settings.policies,
                self._names,
                settings.federal_number,
                timedelta(seconds=settings.secret_ttl_s),
                record_rejected=settings.rejected_mo_days > 0,
            ),
            clock=utc_now,
        )
        return BatchProcessor(
            processor,
            self._dead_letters(store, "dead letters of commands"),
            report=partial(self._report, "commands"),
            turns=self._turns,
        )

    def _delivery(self, store: Store, cache: StateCache) -> BatchProcessor:
        processor = DeliveryProcessor(
            store, self._settings.policies, self._names, cache, clock=utc_now
        )
        return BatchProcessor(
            processor,
            self._dead_letters(store, "dead letters of results"),
            split,
            report=partial(self._report, "results"),
            turns=self._turns,
        )

    def _notify(self, orders: IntakeConnections) -> BatchProcessor:
        return BatchProcessor(
            NotifyProcessor(
                orders.intake.place, ahead_days=self._settings.order_ahead_days, clock=utc_now
            ),
            self._dead_letters(orders.store, "dead letters of orders"),
            report=partial(self._report, "orders"),
            turns=self._turns,
        )

    def _dead_letters(self, store: Store, check: str) -> DeadLetterWriter:
        limits = self._settings.dead_letter_limits()
        return DeadLetterWriter(store, limits, self._health, check=check)

    async def run(self) -> None:
        """Serve until cancelled; raise when the app crashed, so that the process restarts."""
        await self._app.start()
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._app.run_until_stopped())
                group.create_task(self._watch.run())
                group.create_task(self._sweep_forever())
        finally:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(STOP_WITHIN_S):
                    await self._app.stop()
            for store in self._stores:
                await store.close()
            await self._orders.close()

    def _report(self, check: str, reason: str | None) -> None:
        if reason is None:
            self._waiting.discard(check)
        else:
            self._waiting.add(check)
        self._health.set(check, ok=reason is None, reason=reason or "")

    async def _sweep_forever(self) -> None:
        was_done = True
        for round_ in itertools.count():
            thorough = round_ % THOROUGH_EVERY == 0
            done = await asyncio.to_thread(sweep, self._settings, utc_now(), thorough=thorough)
            if done and not was_done:
                log.info("retention sweeps continue: the database can be reached again")
            was_done = done
            await self._expire_holds()
            await asyncio.sleep(SWEEP_EVERY_S)

    async def _expire_holds(self) -> None:
        """Refuse registrations that were held for too long."""
        expired = 0
        try:
            while count := await self._holds.expire():
                expired += count
        except RetryableError as error:
            log.warning("held registrations can't be expired at the moment: %s", error)
        if expired:
            log.info("expired and refused: %s", counted(expired, "held registration"))
