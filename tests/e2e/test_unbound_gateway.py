"""A gateway whose bind is down owns no messages while another gateway can send them."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from inbound.local.simulator.server import Simulator, SimulatorSettings
from tests.e2e.script import ACCOUNT, Script
from tests.fix_servers import SharedKafka, SharedPostgres
from tests.fix_service import RoleProcess, Service, eventually, free_port, open_service

pytestmark = pytest.mark.asyncio(loop_scope="module")

PEOPLE = 600
PROMPT_S = 30.0
"""An unbound gateway kept messages for as long as it ran; the machine may be busy."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def service(
    tmp_path_factory: pytest.TempPathFactory,
    postgres_server: SharedPostgres,
    kafka_server: SharedKafka,
) -> AsyncIterator[Service]:
    folder = tmp_path_factory.mktemp("unbound")
    async with open_service(folder, postgres_server.url, kafka_server.bootstrap) as service:
        yield service


async def answered(service: Service, people: int) -> None:
    """Have so many people text, and check that each is acknowledged promptly."""
    numbers = service.new_numbers(people)
    service.import_clients_of(numbers)
    for number in numbers:
        service.deliver(number, "CLIENT sms stop")
    await service.completed(*numbers)
    waits = service.rows(
        "SELECT extract(epoch FROM told.recorded_at - accepted.recorded_at)"
        " FROM events accepted JOIN events told USING (stream_id)"
        " JOIN subjects ON subject_id = stream_id"
        " WHERE accepted.type = 'request.accepted' AND told.type = 'message.submitted'"
        " AND told.data->>'purpose' = 'acknowledgement'"
    )
    assert len(waits) >= people
    assert max(wait for (wait,) in waits) < PROMPT_S


def log_of(service: Service, gateway: RoleProcess) -> str:
    log = service.folder / f"gateway-{gateway.port}.log"
    return log.read_text("utf-8") if log.exists() else ""


async def test_a_gateway_with_a_wrong_password_delays_no_message(service: Service) -> None:
    service.extra_environment = {"SCSERV_SMPP__PASSWORD": "wrong"}
    unbound = await service.launch("gateway")
    service.extra_environment = {}
    await eventually(
        lambda: "ESME_RINVPASWD" in log_of(service, unbound),
        lambda: log_of(service, unbound)[-2000:],
    )
    await answered(service, PEOPLE)
    assert "sends for" not in log_of(service, unbound)
    assert "ESME_RINVPASWD" in unbound.not_ready()
    await service.kill(unbound)


async def test_a_gateway_gives_its_share_up_without_a_bind_and_takes_it_back(
    service: Service,
) -> None:
    port = free_port()

    def elsewhere() -> Simulator:
        settings = SimulatorSettings(port=port, accounts=(ACCOUNT,), retry_s=0.1)
        return Simulator(settings, faults=Script())

    service.extra_environment = {"SCSERV_SMPP__PORT": str(port)}
    async with elsewhere():
        [other] = await service.start("gateway")
        await eventually(
            lambda: "sends for" in log_of(service, other),
            lambda: log_of(service, other)[-2000:],
        )
    service.extra_environment = {}
    await eventually(
        lambda: "leaves the lanes to other gateways" in log_of(service, other),
        lambda: log_of(service, other)[-2000:],
    )
    await answered(service, 40)
    async with elsewhere():
        await eventually(
            lambda: log_of(service, other).count("sends for") > 1,
            lambda: log_of(service, other)[-2000:],
        )
        await answered(service, 40)
    await service.kill(other)
