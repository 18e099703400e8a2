"""Two gateways in a row are killed while results can't reach the worker: few copies, all explained.

A fast SMS centre takes a hundred acknowledgements while Kafka, the worker or PostgreSQL is down.
The successors learn from the database what was sent. Only what was in flight, or recorded nowhere,
may go again: about two windows for each kill, or all since PostgreSQL is down.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
import pytest_asyncio

from inbound.local.simulator.faults import Proceed
from inbound.smpp.pdu import SubmitSm
from inbound.smpp.session import Answer, Session
from inbound.smpp.status import Status
from tests.chaos.balance import MOST_COPIES
from tests.e2e.script import Submit
from tests.fix_servers import OwnServers
from tests.fix_service import WINDOW, RoleProcess, Service, eventually, open_service
from tests.patience import PATIENCE_S

pytestmark = pytest.mark.asyncio(loop_scope="module")

PEOPLE = 300


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def service(
    tmp_path_factory: pytest.TempPathFactory, own_servers: OwnServers
) -> AsyncIterator[Service]:
    folder = tmp_path_factory.mktemp("copies")
    # The answers are held until every acknowledgement waits in the gateway.
    environment = {"SCSERV_SMPP__RESPONSE_TIMEOUT_S": "120"}
    async with open_service(
        folder, own_servers.postgres.url, own_servers.kafka.bootstrap, environment
    ) as service:
        service.revive(service.one("relay"), service.one("worker"))
        yield service


@dataclass(slots=True)
class Centre:
    """Takes acknowledgements once it is open, and kills a gateway after so many of them."""

    service: Service
    opened: asyncio.Event
    killed: asyncio.Event
    victim: RoleProcess | None = None
    left: int = 0

    async def take(self, pdu: SubmitSm, session: Session, proceed: Proceed) -> Answer:
        await self.opened.wait()
        return await proceed(pdu, session)

    def watch(self, submit: Submit) -> None:
        if self.victim is None or not self.opened.is_set() or not submit.acknowledges:
            return
        self.left -= 1
        if not self.left:
            self.victim.kill()
            self.killed.set()

    async def kills(self, victim: RoleProcess, after: int) -> None:
        """Kill a gateway once the centre took so many more; return when it is gone."""
        self.victim, self.left = victim, after
        self.opened.set()
        async with asyncio.timeout(PATIENCE_S):
            await self.killed.wait()
        self.killed.clear()
        await self.service.kill(victim)


@pytest.mark.parametrize(("down", "after"), [("kafka", 100), ("worker", 100), ("postgres", 30)])
async def test_few_messages_go_twice_when_two_gateways_in_a_row_are_killed(
    service: Service, own_servers: OwnServers, down: str, after: int
) -> None:
    script = service.script
    centre = Centre(service, asyncio.Event(), asyncio.Event())
    script.fault, script.watch = centre.take, centre.watch
    numbers = service.new_numbers(PEOPLE)
    service.import_clients_of(numbers)
    settled = [service.deliver(number, "CLIENT sms stop") for number in numbers]
    async with asyncio.timeout(PATIENCE_S):
        assert set(await asyncio.gather(*settled)) == {Status.ESME_ROK}
    await eventually(
        lambda: all(service.accepted(number) for number in numbers[-20:]),
        lambda: "not every text made a request",
    )
    first = service.one("gateway")
    if down == "kafka":
        own_servers.kafka.kill()
    elif down == "postgres":
        own_servers.postgres.kill()
    else:
        await service.stop(service.one("worker"))
    await centre.kills(first, after)
    if down == "kafka":
        await asyncio.to_thread(own_servers.kafka.start)
    elif down == "postgres":
        await asyncio.to_thread(own_servers.postgres.start)
    second = await service.launch("gateway")
    await centre.kills(second, after)
    centre.victim = None
    await service.launch("gateway")
    if down == "worker":
        service.revive(await service.launch("worker"))
    await service.completed(*numbers)
    # Nothing can be recorded while PostgreSQL is down.
    unrecorded = after + WINDOW if down == "postgres" else 2 * WINDOW
    check(service, numbers, unrecorded + 2 * WINDOW)


def check(service: Service, numbers: list[str], most_extra: int) -> None:
    """Compare what the SMS centre took with what the log says."""
    wanted = set(numbers)
    copies = Counter(
        submit.number
        for submit in service.script.submitted
        if submit.acknowledges and submit.number in wanted
    )
    assert set(copies) == wanted
    assert max(copies.values()) <= MOST_COPIES
    extra = {number: count - 1 for number, count in copies.items() if count > 1}
    for number, more in extra.items():
        unknown = {
            event.data["attempt"]
            for event in service.events(number)
            if event.type == "message.unknown" and event.data["purpose"] == "acknowledgement"
        }
        assert len(unknown) >= more, f"{number} got {more} more, the log knows of {unknown}"
    assert sum(extra.values()) <= most_extra
