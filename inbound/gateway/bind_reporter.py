"""Reports the binds of a gateway: to its health page and metrics, and to the database.

From the database the report brings back how many other binds share each account's rate, and
the time that all gateways share, and whether another gateway has an SMS centre that this one lacks.
"""

import logging
import time
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Final

from tenacity import (
    AsyncRetrying,
    RetryCallState,
    retry_if_exception_type,
    wait_random_exponential,
)

from inbound.errors import RetryableError
from inbound.gateway.bind_status import OldestWaiting, record_metrics, status_of
from inbound.gateway.rate_sharing import REPORT_VALID_FOR, ReportSchedule
from inbound.gateway.running_bind import RunningBind
from inbound.gateway.shared_clock import SharedClock
from inbound.ops import metrics
from inbound.ops.health import Health
from inbound.store.bind_reports import BindReport, BindReports, lacking_centres

log = logging.getLogger(__name__)

SHARED_FOR_S: Final = 2 * REPORT_VALID_FOR.total_seconds()


class BindReporter:
    """Reports whenever the schedule says so; `run` until cancelled."""

    def __init__(
        self,
        binds: Sequence[RunningBind],
        reports: BindReports,
        schedule: ReportSchedule,
        shared_clock: SharedClock,
        health: Health,
        *,
        gateway: str,
        oldest_waiting_s: OldestWaiting,
    ) -> None:
        self._binds = binds
        self._reports = reports
        self._schedule = schedule
        self._shared_clock = shared_clock
        self._health = health
        self._gateway = gateway
        self._oldest_waiting_s = oldest_waiting_s
        self._centres = {bind.settings.centre for bind in binds if bind.sending is not None}
        self._lacking: tuple[str, ...] = ()
        self._shared_since: dict[str, float] = {}
        self._told_shared: set[str] = set()
        self._database_failed = False
        self._database_was_away = False

    async def read_clock(self) -> None:
        """Read the shared clock for the first time.

        Blocks while the database is unavailable. A text that arrived before would have no time by
        this clock, and if the gateways' clocks differ a copy of it would not be recognised.
        """
        async for attempt in AsyncRetrying(
            retry=retry_if_exception_type(RetryableError),
            wait=wait_random_exponential(multiplier=0.1, max=3),
            before_sleep=self._report_wait,
        ):
            with attempt:
                await self._shared_clock.sync_exactly(self._reports.database_time)
        self._note_database()

    def _report_wait(self, state: RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome else None
        log.warning("binding waits: %s", error)
        self._database_was_away = True
        self._health.set("reports", ok=False, reason=str(error))

    async def run(self) -> None:
        """Report until cancelled. An outage of the database only delays reports."""
        while True:
            waiting = await self._schedule.due()
            await self._report()
            for reported in waiting:
                if not reported.done():  # its bind went down meanwhile
                    reported.set_result(None)

    async def _report(self) -> None:
        states = {bind.name: status_of(bind, self._oldest_waiting_s) for bind in self._binds}
        self._health.describe("binds", states)
        for name, status in states.items():
            record_metrics(name, status)
        try:
            await self._shared_clock.sync(self._reports.database_time)
            for bind in self._binds:
                submits = bind.is_bound and bind.sending is not None
                report = BindReport(
                    bind.account, bind.name, self._gateway, submits, states[bind.name]
                )
                self._share_rate(bind, await self._reports.report(report, REPORT_VALID_FOR))
            elsewhere = await self._reports.centres_elsewhere(self._gateway, REPORT_VALID_FOR)
            self._compare_centres(elsewhere)
            self._compare_names(
                await self._reports.names_elsewhere(self._gateway, REPORT_VALID_FOR)
            )
        except RetryableError as error:
            # The last known shares stay: without the database nothing is claimed anyway.
            self._database_failed = self._database_was_away = True
            log.warning("binds are not reported: %s", error)
            self._health.set("reports", ok=False, reason=str(error))
        else:
            self._note_database()

    def _note_database(self) -> None:
        """Report that the database takes reports; log it if it did not before."""
        self._health.set("reports", ok=True)
        if self._database_was_away:
            self._database_was_away = False
            log.info("the database can be reached again: binding and sending continue")

    def _compare_centres(self, elsewhere: Mapping[str, AbstractSet[str]]) -> None:
        """Report the SMS centres that another gateway has and this one lacks; log a change."""
        lacking = lacking_centres({**elsewhere, self._gateway: self._centres})
        mine = lacking.get(self._gateway, ())
        self._health.describe("lacking_centres", mine)
        metrics.LACKING_CENTRES.set(len(mine))
        if mine == self._lacking:
            return
        self._lacking = mine
        if mine:
            log.warning(
                "this gateway lacks a bind to the SMS centre %s, which another gateway has: "
                "replies to texts from there leave through another SMS centre. Every gateway "
                "needs a bind to every SMS centre",
                ", ".join(mine),
            )
        else:
            log.info("this gateway has a bind to every SMS centre of the others again")

    def _compare_names(self, elsewhere: Mapping[str, str]) -> None:
        """Warn once of a bind whose name another gateway uses.

        Only when both have reported for a while: the other one may be this gateway before it was
        killed.
        """
        now = time.monotonic()
        for name in {bind.name for bind in self._binds}:
            if name not in elsewhere:
                self._shared_since.pop(name, None)
                continue
            since = self._shared_since.setdefault(name, now)
            if now - since > SHARED_FOR_S and name not in self._told_shared:
                self._told_shared.add(name)
                log.warning(
                    "the gateway %s has a bind named %s, too: give each bind another name, or "
                    "events and metrics don't tell them apart",
                    *(elsewhere[name], name),
                )

    def _share_rate(self, bind: RunningBind, others: int) -> None:
        if self._database_failed:
            self._database_failed = False
            for each in self._binds:
                each.share.doubt()
        bind.share.update(others)
        bind.esme.set_rate(bind.share.current)
