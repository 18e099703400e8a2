"""A reply goes to the centre its text came from, and by another when that one is gone."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import timedelta
from itertools import count
from uuid import uuid4

import pytest
from aiokafka import TopicPartition

from inbound.clock import utc_now
from inbound.gateway.sending_binds import Downtime, SendingBind, SendingBinds
from inbound.local.simulator.faults import Proceed
from inbound.local.simulator.server import Simulator, SimulatorSettings
from inbound.smpp.esme import Esme
from inbound.smpp.pdu import SubmitSm
from inbound.smpp.session import Answer, Session
from inbound.smpp.status import Status
from inbound.store.claims.memory import MemoryClaims
from inbound.store.transactions.memory import MemoryStore
from schemas.lanes import Lane
from schemas.messages import MobileTerminated, Purpose
from streams.outbox.encoding import Encoder
from streams.outbox.offsets import OffsetTracker
from streams.outbox.queues import Queues
from streams.outbox.recording import ResultRecorder
from streams.outbox.results import ResultPublisher
from streams.outbox.sender import Sender, SenderSettings
from tests.e2e.script import ACCOUNT, Script
from tests.integration.streams.outbox.bench import (
    GATEWAY,
    WINDOW,
    Published,
    _bind_settings,
    _no_texts,
    catalogue,
)
from tests.patience import PATIENCE_S
from tests.set_aside import SetAside

FAILOVER_S = 0.2


@dataclass(slots=True)
class Sites:
    """One sender with a bind to each of two centres."""

    centres: dict[str, Simulator]
    scripts: dict[str, Script]
    sender: Sender
    store: MemoryStore
    published: Published
    offsets: "count[int]"

    def offer(self, centre: str | None, lane: int = 1) -> str:
        """Owe somebody new a reply; return the number."""
        subject_id, offset = uuid4(), next(self.offsets)
        number = f"+7916{offset:07d}"
        self.store.tables.numbers[subject_id] = number
        message = MobileTerminated(
            message_id=uuid4(),
            subject_id=subject_id,
            purpose=Purpose.NOTIFICATION,
            template="stopped",
            centre=centre,
            not_after=utc_now() + timedelta(hours=1),
        )
        partition = TopicPartition(f"lane-{lane}", 0)
        self.sender.offer(Lane(lane), partition, offset, subject_id.hex, message)
        return number

    async def results(self, number: int) -> list[str]:
        """Wait for that many results; return the binds that carried them, in order."""
        async with asyncio.timeout(PATIENCE_S):
            while len(self.published.results) < number:
                self.published.changed.clear()
                await self.published.changed.wait()
        return [result.bind for result in self.published.results]


@pytest.fixture
async def sites() -> AsyncIterator[Sites]:
    async with AsyncExitStack() as stack:
        centres, scripts, binds, tasks = {}, {}, [], []
        for name in ("north", "south"):
            scripts[name] = Script()
            centre = Simulator(SimulatorSettings(port=0, accounts=(ACCOUNT,)), faults=scripts[name])
            centres[name] = await stack.enter_async_context(centre)
            downtime = Downtime()
            esme = Esme(_bind_settings(centre.port), _no_texts, on_change=downtime.note)
            binds.append(SendingBind(f"{name}-1", name, esme, downtime, alphabet="gsm0338"))
            tasks.append(asyncio.create_task(esme.run()))
        store, published = MemoryStore(), Published()
        claims = MemoryClaims(store)
        recorder = ResultRecorder(claims, 100)
        results = ResultPublisher(
            published, GATEWAY, "receipts", recorder, SetAside(), clock=utc_now, new_id=uuid4
        )
        sender = Sender(
            SendingBinds(binds, FAILOVER_S),
            Queues(utc_now),
            Encoder(catalogue(), "SCSERV"),
            claims,
            results,
            OffsetTracker(),
            SenderSettings(gateway=GATEWAY, max_attempts=3),
            clock=utc_now,
        )
        tasks += [asyncio.create_task(results.run()), asyncio.create_task(sender.run())]
        async with asyncio.timeout(PATIENCE_S):
            for bind in binds:  # one that takes its time to bind would be passed over
                await bind.slot()
        yield Sites(centres, scripts, sender, store, published, count())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def test_a_reply_goes_where_its_text_came_from(sites: Sites) -> None:
    to_south, to_north, to_any = sites.offer("south"), sites.offer("north"), sites.offer(None)
    assert sorted(await sites.results(3)) == ["north-1", "north-1", "south-1"]
    assert [s.number for s in sites.scripts["south"].submitted] == [to_south]
    assert {s.number for s in sites.scripts["north"].submitted} == {to_north, to_any}


async def test_another_centre_takes_over_when_one_is_gone(sites: Sites) -> None:
    sites.offer("south")
    assert await sites.results(1) == ["south-1"]
    await sites.centres["south"].close()
    sites.offer("south")
    assert await sites.results(2) == ["south-1", "north-1"]


async def test_a_centre_that_throttles_holds_up_only_its_own(sites: Sites) -> None:
    async def slower(pdu: SubmitSm, _session: Session, _proceed: Proceed) -> Answer:
        return pdu.answer(Status.ESME_RTHROTTLED)

    sites.scripts["south"].fault = slower
    for _ in range(3 * WINDOW):
        sites.offer("south", lane=2)
    for _ in range(5):
        sites.offer("north")
    assert await sites.results(5) == ["north-1"] * 5
    sites.scripts["south"].fault = None
    assert (await sites.results(5 + 3 * WINDOW)).count("south-1") == 3 * WINDOW
