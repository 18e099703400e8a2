"""Two binds of one SMS centre, in one gateway or in two: parts and receipts use either."""

from collections.abc import AsyncIterator
from typing import Any, Final

import pytest
import pytest_asyncio

from inbound.smpp.pdu import DeliverSm
from inbound.smpp.session import Session
from inbound.smpp.status import Status
from tests.e2e.script import ACCOUNT
from tests.fix_servers import SharedKafka, SharedPostgres
from tests.fix_service import CONFIG, Service, eventually, open_service

pytestmark = pytest.mark.asyncio(loop_scope="module")

BIND: Final = """
[[binds]]
bind = "{name}"
port = {port}
system_id = "{account.system_id}"
password = "{account.password}"
response_timeout_s = 5
reconnect_min_s = 0.05
reconnect_max_s = 0.2
"""
UDHI: Final = 0x40
RECEIPT: Final = 0x04


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=["one gateway", "two gateways"])
async def service(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    postgres_server: SharedPostgres,
    kafka_server: SharedKafka,
) -> AsyncIterator[Service]:
    folder = tmp_path_factory.mktemp("two-binds")
    async with open_service(
        folder, postgres_server.url, kafka_server.bootstrap, {"SCSERV_SMPP__BIND": "main-1"}
    ) as service:
        if request.param == "one gateway":
            binds = (
                BIND.format(name=name, port=service.centre.port, account=ACCOUNT)
                for name in ("main-1", "main-2")
            )
            (folder / CONFIG).write_text("".join(binds), "utf-8")
            await service.stop(service.one("gateway"))
        else:
            service.extra_environment["SCSERV_SMPP__BIND"] = "main-2"
        await service.start("gateway")
        yield service


async def sessions(service: Service) -> list[Session]:
    found = service.centre.queue(ACCOUNT.system_id).sessions
    await eventually(lambda: len(found) == 2, lambda: f"{len(found)} of 2 binds are up")
    return list(found)


async def deliver(session: Session, **fields: Any) -> None:
    """Send one deliver_sm on this bind, and see it accepted."""
    numbers = {"source_addr_ton": 1, "source_addr_npi": 1, "dest_addr_ton": 1, "dest_addr_npi": 1}
    answer = await session.send(DeliverSm(**(numbers | fields)))
    assert answer.status == Status.ESME_ROK


@pytest.mark.parametrize("total", [2, 3])
async def test_parts_that_arrive_over_different_binds_are_one_request(
    service: Service, total: int
) -> None:
    binds = await sessions(service)
    client = service.new_client()
    pieces = ("CLIENT sms ", "stop") if total == 2 else ("CLI", "ENT sms ", "stop")
    forms = ("79086228779", "+79086228779", "79086228779")
    for number in reversed(range(total)):
        await deliver(
            binds[number % 2],
            source_addr=client.number[1:],
            destination_addr=forms[number],
            esm_class=UDHI,
            short_message=bytes((5, 0, 3, 7, total, number + 1)) + pieces[number].encode(),
        )
    await service.completed(client.number)
    [accepted] = [e for e in service.events(client.number) if e.type == "request.accepted"]
    assert accepted.data["command"] == "sms_stop"
    assert accepted.data["arrival"]["sequences"] == list(range(total, 0, -1))
    assert len(await service.script.replies(client.number)) == 2


async def test_receipts_that_arrive_over_the_other_bind_find_their_message(
    service: Service,
) -> None:
    binds = await sessions(service)
    client = service.new_client()
    sent: list[tuple[Session, str]] = []

    async def note(pdu: Any, session: Session, proceed: Any) -> Any:
        answer = await proceed(pdu, session)
        sent.append((session, answer.message_id))
        return answer

    service.script.fault = note
    try:
        await service.text(client.number, "CLIENT sms stop")
        await service.completed(client.number)
    finally:
        service.script.fault = None
    # The phone never binds, so the SMS centre itself reports nothing.
    for session, message_id in sent:
        [other] = (bind for bind in binds if bind is not session)
        await deliver(
            other,
            source_addr=client.number[1:],
            destination_addr="SCSERV",
            dest_addr_ton=5,
            esm_class=RECEIPT,
            short_message=f"id:{message_id} sub:001 dlvrd:001 stat:DELIVRD err:000".encode(),
        )
    await eventually(
        lambda: [e.type for e in service.events(client.number)].count("message.delivered") == 2,
        lambda: str([e.type for e in service.events(client.number)]),
    )
