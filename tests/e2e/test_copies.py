"""Two gateways in a row are killed while results can't reach the worker: few copies, all explained.

A fast SMS centre takes a hundred acknowledgements while Kafka, the worker or PostgreSQL is down.
The successors learn from the database what was sent. Only what was in flight, or recorded nowhere,
may go again: about two windows for each kill, or all since PostgreSQL is down.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Final, LiteralString

import pytest
import pytest_asyncio

from inbound.local.simulator.faults import Proceed
from inbound.smpp.pdu import SubmitSm
from inbound.smpp.session import Answer, Session
from inbound.smpp.status import Status
from schemas.partitions import partition_of
from schemas.topics import PARTITIONS
from tests.chaos.balance import MOST_COPIES
from tests.e2e import poison
from tests.e2e.script import Submit
from tests.fix_own_servers import OwnServers
from tests.fix_service import WINDOW, RoleProcess, Service, eventually, open_service
from tests.patience import PATIENCE_S

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.drill]

PEOPLE = 300
SET_ASIDE: Final[LiteralString] = "SELECT topic, partition, kafka_offset FROM dead_letters"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def service(
    tmp_path_factory: pytest.TempPathFactory, own_servers: OwnServers
) -> AsyncIterator[Service]:
    folder = tmp_path_factory.mktemp("copies")
    # The answers are held until every acknowledgement waits in the gateway.
    environment = {"SCSERV_SMPP__RESPONSE_TIMEOUT_S": str(4 * PATIENCE_S)}
    async with open_service(
        folder, own_servers.postgres.url, own_servers.kafka.bootstrap, environment
    ) as service:
        service.revive(service.one("relay"), service.one("worker"))
        yield service


@dataclass(slots=True)
class Centre:
    """Takes acknowledgements once it is open, and kills a gateway after so many of them."""

    service: Service
    numbers: set[str]
    opened: asyncio.Event = field(default_factory=asyncio.Event)
    killed: asyncio.Event = field(default_factory=asyncio.Event)
    victim: RoleProcess | None = None
    left: int = 0

    async def take(self, pdu: SubmitSm, session: Session, proceed: Proceed) -> Answer:
        await self.opened.wait()
        return await proceed(pdu, session)

    def watch(self, submit: Submit) -> None:
        if self.victim is None or not self.opened.is_set():
            return
        if not submit.acknowledges or submit.number not in self.numbers:
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


@pytest_asyncio.fixture(loop_scope="module")
async def centre(service: Service, own_servers: OwnServers) -> AsyncIterator[Centre]:
    """A centre with its texters. What a failed test left stopped runs again afterwards."""
    numbers = service.new_numbers(PEOPLE)
    service.import_clients_of(numbers)
    centre = Centre(service, set(numbers))
    service.script.fault, service.script.watch = centre.take, centre.watch
    yield centre
    centre.victim = None
    centre.opened.set()
    for server in (own_servers.kafka, own_servers.postgres):
        if server.pid is None:
            await asyncio.to_thread(server.start)
    running = {one.role for one in service.running}
    if "worker" not in running:
        service.revive(await service.launch("worker"))
    if "gateway" not in running:
        await service.launch("gateway")
    await service.ready()


@pytest.mark.parametrize(("down", "after"), [("kafka", 100), ("worker", 100), ("postgres", 30)])
async def test_few_messages_go_twice_when_two_gateways_in_a_row_are_killed(
    service: Service, own_servers: OwnServers, centre: Centre, down: str, after: int
) -> None:
    claimed = claims(service)
    settled = [service.deliver(number, "CLIENT sms stop") for number in centre.numbers]
    async with asyncio.timeout(PATIENCE_S):
        assert set(await asyncio.gather(*settled)) == {Status.ESME_ROK}
    await all_are_fetched(service, centre.numbers)
    # Without the database the gateway sends only what it claimed before: at least two windows.
    await eventually(
        lambda: claims(service) - claimed >= 2 * WINDOW,
        lambda: f"{claims(service) - claimed} acknowledgements are claimed",
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
    await service.completed(*centre.numbers)
    # Nothing can be recorded while PostgreSQL is down.
    unrecorded = after + WINDOW if down == "postgres" else 2 * WINDOW
    check(service, centre.numbers, unrecorded + 2 * WINDOW)


async def all_are_fetched(service: Service, numbers: set[str]) -> None:
    """Wait until the gateway has fetched the acknowledgement of each number.

    It sets aside what it can't read, unlike messages, at once: here a record behind the last
    acknowledgement of each partition.
    """
    lane, keys = service.names.mt_urgent, {service.key_of(number) for number in numbers}
    await eventually(
        lambda: keys <= {record.key for record in service.records(lane)},
        lambda: "not every text has an acknowledgement",
    )
    last = {partition_of(service.key_of(number), PARTITIONS): number for number in numbers}
    places = [place for n in last.values() for place in poison.put(service, lane, [b""], number=n)]
    await eventually(
        lambda: set(places) <= set(service.rows(SET_ASIDE)),
        lambda: f"the gateway did not fetch all:\n{service.log_of('gateway')[-2000:]}",
    )


def claims(service: Service) -> int:
    """Return how many messages the gateways have claimed so far."""
    return service.sizes("mt_claims")["mt_claims"]


def check(service: Service, wanted: set[str], most_extra: int) -> None:
    """Compare what the SMS centre took with what the log says."""
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
