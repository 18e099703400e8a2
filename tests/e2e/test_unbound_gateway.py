"""A gateway whose bind is down owns no messages while another gateway can send them."""

import pytest

from inbound.local.simulator.server import Simulator, SimulatorSettings
from tests.e2e.script import ACCOUNT, Script
from tests.fix_service import RoleProcess, Service, eventually, free_port

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.drill]

PEOPLE = 150


async def answered(service: Service, people: int) -> None:
    """Have so many people text, and wait until each request is completed.

    The messages that an unbound gateway owned would wait for as long as it runs.
    """
    numbers = service.new_numbers(people)
    service.import_clients_of(numbers)
    for number in numbers:
        service.deliver(number, "CLIENT sms stop")
    await service.completed(*numbers)


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
    await eventually(lambda: "ESME_RINVPASWD" in unbound.not_ready(), unbound.not_ready)
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
