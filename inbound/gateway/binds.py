"""The binds of one gateway: made from the settings, kept running, told about.

Each tells the database every `REPORT_EVERY_S` how it is. So `scserv binds` knows them all,
and the binds of an account share its rate: a newcomer waits until the others have heard of
it, and what a dead one had is given out after `ALIVE`. The sum stays within the rate, and a
bind sends nothing before it has reported itself.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from aiokafka import AIOKafkaProducer

from inbound.errors import RetryableError
from inbound.gateway.arrivals import Arrivals, ArrivalSettings
from inbound.gateway.bind_settings import bind_settings, tls
from inbound.gateway.queries import Asking
from inbound.gateway.receipts import ReceiptPublisher
from inbound.gateway.sending_binds import Downtime, SendingBind, SendingBinds
from inbound.gateway.shared_clock import SharedClock
from inbound.gateway.stalls import Standstill
from inbound.keys import SubjectHasher
from inbound.ops import metrics
from inbound.ops.health import Health
from inbound.settings import Settings, SmppSettings
from inbound.smpp.esme import BindHealth, Esme, EsmeState
from inbound.smpp.message_ids import IdForm
from inbound.store.bind_reports import BindReport, BindReports
from inbound.store.receipts.overdue import OverdueReceipts
from schemas.lanes import Lane
from schemas.topics import TopicNames

log = logging.getLogger(__name__)

REPORT_EVERY_S = 2.0
ALIVE = timedelta(seconds=3 * REPORT_EVERY_S)

OldestWaiting = Callable[[str], Mapping[str, float]]


@dataclass(slots=True)
class _Kept:
    """One bind as it runs; `link` only when it sends."""

    settings: SmppSettings
    esme: Esme
    receipts: ReceiptPublisher
    link: SendingBind | None
    others: int = 0

    @property
    def bound(self) -> bool:
        return self.esme.health.state is EsmeState.BOUND

    @property
    def account(self) -> str:
        return f"{self.settings.centre}/{self.settings.system_id}"


class Binds:
    """All binds of a gateway. `run` until `close`."""

    def __init__(
        self,
        settings: Settings,
        producer: AIOKafkaProducer,
        presence: BindReports,
        overdue: OverdueReceipts,
        health: Health,
        *,
        gateway: str,
        clock: Callable[[], datetime],
    ) -> None:
        self._settings = settings
        self._producer = producer
        self._hasher = SubjectHasher(settings.subject_key_bytes())
        self._names = TopicNames.prefixed(settings.topic_prefix)
        self._presence = presence
        self._overdue = overdue
        self._health = health
        self._clock = clock
        self._gateway = gateway
        self._standstill = Standstill()
        self._shared_clock = SharedClock()
        self._changed = asyncio.Event()
        self._reporting = asyncio.Lock()
        self._doubtful = False
        self._doubt_until = 0.0
        self._oldest_waiting_s: OldestWaiting = lambda _centre: {}
        self._kept = [self._make(bind) for bind in settings.all_binds]
        self.links = SendingBinds([kept.link for kept in self._kept if kept.link is not None])

    async def run(self, oldest_waiting_s: OldestWaiting) -> None:
        """Keep the binds and report on them until `close`."""
        self._oldest_waiting_s = oldest_waiting_s
        beside = [asyncio.create_task(self._report_forever())]
        beside.append(asyncio.create_task(self._standstill.watch()))
        beside += [asyncio.create_task(kept.receipts.run()) for kept in self._kept]
        beside += [asyncio.create_task(asking.run()) for asking in self._asking()]
        try:
            async with asyncio.TaskGroup() as group:
                for kept in self._kept:
                    group.create_task(kept.esme.run())
        finally:
            for task in beside:
                task.cancel()
            await asyncio.gather(*beside, return_exceptions=True)

    async def close(self) -> None:
        """Finish what is in flight, unbind, and leave the rate to the others."""
        await asyncio.gather(*(kept.esme.close() for kept in self._kept))
        try:
            await self._presence.withdraw(self._gateway)
        except RetryableError as error:
            log.info("the other gateways were not told: %s", error)

    def describe(self, kept: "_Kept") -> dict[str, Any]:
        """Return what an operator wants to know of a bind; JSON, no secrets."""
        settings, health = kept.settings, kept.esme.health
        session = kept.esme.session
        free = session.window_free() if session is not None and kept.bound else settings.window
        return {
            "centre": settings.centre,
            "address": f"{settings.host}:{settings.port}",
            "type": settings.type,
            "state": health.state.value,
            "since": datetime.fromtimestamp(health.since, UTC).isoformat(timespec="seconds"),
            "reason": health.reason,
            "rate": self._share(kept),
            "window": settings.window,
            "in_flight": settings.window - free,
            "throttles": kept.link.throttles if kept.link else 0,
            "oldest_waiting_s": dict(self._oldest_waiting_s(settings.centre)) if kept.link else {},
        }

    async def _report_forever(self) -> None:
        while True:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._changed.wait(), REPORT_EVERY_S)
            self._changed.clear()
            await self._report()

    async def _admit(self, kept: _Kept) -> None:
        """Let a new bind send once those who share its rate have heard of it."""
        if not kept.settings.rate:
            return
        await self._report()
        if kept.others:
            await asyncio.sleep(2 * REPORT_EVERY_S)

    async def _report(self) -> None:
        async with self._reporting:
            await self._report_all()

    async def _report_all(self) -> None:
        described = {k.settings.bind: self.describe(k) for k in self._kept}
        self._health.describe("binds", described)
        for bind, about in described.items():
            _measure(bind, about)
        try:
            await self._shared_clock.sync(self._presence.database_time)
            for kept in self._kept:
                sends = kept.bound and kept.link is not None
                state = described[kept.settings.bind]
                report = BindReport(kept.account, kept.settings.bind, self._gateway, sends, state)
                self._share_with(kept, await self._presence.report(report, ALIVE))
        except RetryableError as error:
            # The last known shares stay: without the database nothing is claimed anyway.
            self._doubtful = True
            log.warning("binds are not reported: %s", error)
            self._health.set("database", ok=False, reason=f"sending waits: {error}")
        else:
            self._health.set("database", ok=True)

    def _share_with(self, kept: _Kept, others: int) -> None:
        """Take note of how many others of the account send.

        When the database was away nobody could report, and who is not there may only be late.
        """
        now = asyncio.get_running_loop().time()
        if self._doubtful:
            self._doubtful, self._doubt_until = False, now + 2 * REPORT_EVERY_S
        kept.others = max(others, kept.others) if now < self._doubt_until else others
        kept.esme.set_rate(self._share(kept))

    def _share(self, kept: _Kept) -> float:
        return kept.settings.rate / (kept.others + 1)

    def _make(self, settings: SmppSettings) -> _Kept:
        receipts = ReceiptPublisher(
            self._producer, self._names.receipts, clock=self._clock, new_id=uuid4
        )
        arrivals = Arrivals(
            self._producer,
            receipts,
            self._hasher,
            settings=ArrivalSettings(
                self._gateway,
                settings.centre,
                settings.bind,
                settings.alphabet,
                self._names.mo,
                IdForm(settings.receipt_ids),
                per_message=settings.receipt_per == "message",
                data_codings=settings.data_coding_map,
            ),
            standstill=self._standstill,
            clock=self._clock,
            heard=self._shared_clock.now,
            new_id=uuid4,
        )
        downtime = Downtime()

        def changed(health: BindHealth) -> None:
            downtime.note(health)
            self._on_change()

        esme = Esme(
            bind_settings(settings),
            arrivals.on_request,
            on_change=changed,
            admit=lambda: self._admit(self._kept_as(settings.bind)),
            ssl=tls(settings),
        )
        link = None
        if settings.sends:
            link = SendingBind(
                settings.bind,
                settings.centre,
                esme,
                downtime,
                alphabet=settings.alphabet,
                answer_ids=IdForm(settings.answer_ids),
            )
        return _Kept(settings, esme, receipts, link)

    def _asking(self) -> Iterator[Asking]:
        """Yield one for each bind whose centre may be asked about overdue receipts."""
        for kept in self._kept:
            if kept.link is None or not kept.settings.query_after_s:
                continue
            yield Asking(
                kept.settings,
                self._settings.sender,
                kept.esme,
                self._overdue,
                kept.receipts,
                clock=self._clock,
            )

    def _on_change(self) -> None:
        self._changed.set()
        self._tell()

    def _kept_as(self, bind: str) -> _Kept:
        (found,) = (kept for kept in self._kept if kept.settings.bind == bind)
        return found

    def _tell(self) -> None:
        """Ready is a gateway that can receive and send, if only by one bind each."""
        down = [kept for kept in self._kept if not kept.bound]
        works = any(kept.bound and kept.settings.sends for kept in self._kept) and any(
            kept.bound and kept.settings.receives for kept in self._kept
        )
        reasons = "; ".join(
            f"{kept.settings.bind} to {kept.settings.host}:{kept.settings.port}: "
            f"{kept.esme.health.reason}"
            for kept in down
        )
        self._health.set("bind", ok=works, reason=reasons)


def _measure(bind: str, about: Mapping[str, Any]) -> None:
    metrics.BIND_UP.set(int(about["state"] == EsmeState.BOUND.value), {"bind": bind})
    metrics.BIND_IN_FLIGHT.set(about["in_flight"], {"bind": bind})
    metrics.BIND_RATE.set(about["rate"], {"bind": bind})
    for lane in Lane:
        age_s = about["oldest_waiting_s"].get(lane.label, 0.0)
        metrics.OLDEST.set(age_s, {"centre": about["centre"], "lane": lane.label})
