"""Runs the binds of one gateway, everything that works on them, and their reports."""

import asyncio
import logging

from inbound.clock import utc_now
from inbound.errors import RetryableError
from inbound.gateway.arrival_storage import Storage
from inbound.gateway.backlog import backlog_of
from inbound.gateway.bind_factory import BindFactory
from inbound.gateway.bind_reporter import BindReporter
from inbound.gateway.bind_status import OldestWaiting, Readiness
from inbound.gateway.channel_binds import centre_of
from inbound.gateway.channel_factory import make_channels
from inbound.gateway.outlets import Outlets
from inbound.gateway.rate_sharing import ReportSchedule
from inbound.gateway.sending_binds import SendingBinds
from inbound.gateway.shared_clock import SharedClock
from inbound.gateway.stalls import StallDetector
from inbound.keys import SubjectHasher
from inbound.ops.health import Health
from inbound.settings import Settings
from inbound.store.bind_reports import BindReports
from inbound.store.receipts.overdue import OverdueReceipts

log = logging.getLogger(__name__)


class Binds:
    """All binds of a gateway: `run`, then `close`.

    `sending` are those that submit texts, `outlets` all ways out; `backlog` has to be kept up to
    date.
    """

    def __init__(
        self,
        settings: Settings,
        storage: Storage,
        hasher: SubjectHasher,
        reports: BindReports,
        overdue: OverdueReceipts,
        health: Health,
        *,
        gateway: str,
        oldest_waiting_s: OldestWaiting,
    ) -> None:
        self._reports = reports
        self._gateway = gateway
        self._stalls = StallDetector()
        self.backlog = backlog_of(settings, health, storage.partitions)
        shared_clock, schedule = SharedClock(), ReportSchedule()
        factory = BindFactory(
            settings,
            gateway,
            storage,
            hasher,
            overdue,
            schedule,
            Readiness(health, settings.text_binds),
            self._stalls,
            self.backlog,
            shared_clock,
            utc_now,
        )
        self.binds = tuple(factory.make(each) for each in settings.all_binds)
        sending = [(bind.settings, bind.sending) for bind in self.binds if bind.sending]
        self.sending = SendingBinds([bind for of, bind in sending if not of.offered_channels])
        upstream = [bind for of, bind in sending if of.offered_channels]
        self._channels = make_channels(settings, health, utc_now)
        self.outlets = Outlets(
            self.sending,
            upstream,
            self._channels,
            {channel: centre_of(channel) for channel in settings.own_channels}
            | {channel: of.centre for of, _ in sending for channel in of.offered_channels},
        )
        self._reporter = BindReporter(
            self.binds,
            self._reports,
            schedule,
            shared_clock,
            health,
            gateway=gateway,
            oldest_waiting_s=oldest_waiting_s,
        )

    async def run(self) -> None:
        """Run until `close`. Raises when a part fails for good.

        Binds only once the clock that all gateways share was read.
        """
        await self._reporter.read_clock()
        background = [self._reporter.run(), self._stalls.watch()]
        background += [bind.receipts.run() for bind in self.binds]
        background += [bind.queries.run() for bind in self.binds if bind.queries]
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(work) for work in background]
            async with asyncio.TaskGroup() as clients:
                for bind in self.binds:
                    clients.create_task(bind.esme.run())
            for task in tasks:
                task.cancel()

    async def close(self) -> None:
        """Finish what is in flight, unbind, and leave the rate to the other gateways."""
        closing = [bind.esme.close() for bind in self.binds]
        await asyncio.gather(*closing, *(channel.close() for channel in self._channels))
        try:
            await self._reports.withdraw(self._gateway)
        except RetryableError as error:
            log.info("binds stay in the list until their reports are too old: %s", error)
