"""Two centres and two gateways, one of which is killed: replies go where their text came from."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from itertools import cycle

import pytest
import pytest_asyncio

from inbound.local.simulator.server import Simulator, SimulatorSettings
from tests.e2e.script import ACCOUNT, Script, Submit
from tests.fix_servers import SharedKafka, SharedPostgres
from tests.fix_service import CONFIG, Service, open_service

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.drill]

PEOPLE = 40
BIND = """
[[binds]]
centre = "{name}"
bind = "{name}-1"
port = {port}
system_id = "{account.system_id}"
password = "{account.password}"
response_timeout_s = 5
reconnect_min_s = 0.05
reconnect_max_s = 0.2
"""


@dataclass(frozen=True, slots=True)
class Site:
    name: str
    centre: Simulator
    script: Script


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def sites() -> AsyncIterator[list[Site]]:
    scripts = Script(), Script()
    north, south = (
        Simulator(SimulatorSettings(port=0, accounts=(ACCOUNT,), retry_s=0.1), faults=script)
        for script in scripts
    )
    async with north, south:
        yield [Site("north", north, scripts[0]), Site("south", south, scripts[1])]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def service(
    tmp_path_factory: pytest.TempPathFactory,
    postgres_server: SharedPostgres,
    kafka_server: SharedKafka,
    sites: list[Site],
) -> AsyncIterator[Service]:
    folder = tmp_path_factory.mktemp("two-centres")
    binds = [BIND.format(name=site.name, port=site.centre.port, account=ACCOUNT) for site in sites]
    (folder / CONFIG).write_text("".join(binds), "utf-8")
    async with open_service(folder, postgres_server.url, kafka_server.bootstrap) as service:
        yield service


async def test_replies_go_where_their_text_came_from_also_when_a_gateway_is_killed(
    service: Service, sites: list[Site]
) -> None:
    victim = service.one("gateway")
    await service.start("gateway")
    clients = [service.new_client() for _ in range(PEOPLE)]
    texted = {client.number: site for client, site in zip(clients, cycle(sites), strict=False)}
    acknowledged = 0

    def strike(submit: Submit) -> None:
        nonlocal acknowledged
        acknowledged += submit.acknowledges
        if acknowledged == PEOPLE // 4:
            victim.kill()

    for site in sites:
        site.script.watch = strike
    for number, site in texted.items():
        service.deliver(number, "CLIENT info", centre=site.centre)
    await service.completed(*texted)
    assert victim.killed
    for client in clients:
        site = texted[client.number]
        assert set(site.script.texts_to(client.number)) >= {client.registration}
        (elsewhere,) = (other for other in sites if other is not site)
        assert not elsewhere.script.to(client.number)
