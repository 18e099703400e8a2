"""Programs over SMPP on the whole service: to the phone, and the receipt back."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from inbound.smpp import receipts
from inbound.smpp.receipts import DeliveryOutcome
from inbound.smpp.segmentation import split
from tests.e2e.script import ACKNOWLEDGEMENT
from tests.fix_servers import SharedKafka, SharedPostgres
from tests.fix_service import STOPPED, Service, eventually, free_port, open_service
from tests.integration.ingress.smpp_world import Program, bind, close_all
from tests.patience import PATIENCE_S

pytestmark = pytest.mark.asyncio(loop_scope="module")

KILLS = 5
TEXT = "Ваш заказ 4711 собран. " * 5


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def port(service: Service) -> AsyncIterator[int]:
    """The port of the service's SMPP server."""
    found = free_port()
    service.extra_environment |= {
        "SCSERV_INGRESS__PORT": str(free_port()),
        "SCSERV_SMPP_SERVER__PORT": str(found),
    }
    await service.start("ingress", "scheduler")
    yield found
    close_all()


async def new_account(service: Service, name: str) -> dict[str, Any]:
    ran = await service.command("accounts", "create", name, "--json")
    assert ran.status == 0, ran.err
    found: dict[str, Any] = json.loads(ran.out)
    return found


async def submit(program: Program, number: str, text: str) -> list[str]:
    """Submit a text in parts; return the id of each."""
    ids = []
    for part in split(text, reference=9):
        answer = await program.submit(
            part.short_message,
            destination_addr=number[1:],
            esm_class=part.esm_class,
            data_coding=part.data_coding,
        )
        assert answer.status == 0
        ids.append(answer.message_id)
    return ids


async def test_a_program_s_message_reaches_the_phone_and_its_receipt_comes_back(
    service: Service, port: int
) -> None:
    client = service.new_client()
    program = await bind(port, await new_account(service, "shop"))
    async with service.phone(client.number) as phone, asyncio.timeout(PATIENCE_S):
        ids = await submit(program, client.number, TEXT)
        received = await phone.receive()
        receipt = await program.receive()
    assert (received.text, received.sender) == (TEXT, "SCSERV")
    assert len(ids) > 1
    assert len(set(ids)) == 1
    read = receipts.read(receipt)
    assert read is not None
    assert (read.outcome, read.message_ids[0]) == (DeliveryOutcome.DELIVERED, ids[0])
    assert receipt.source_addr == client.number[1:]
    log = service.log_of("ingress")
    assert "bound" in log
    assert client.number[1:] not in log
    assert TEXT[:10] not in log


async def test_a_text_of_a_phone_reaches_the_program_and_nobody_answers_the_phone(
    service: Service, port: int
) -> None:
    client = service.new_client()
    account = await new_account(service, "chat")
    ran = await service.command("accounts", "texts", "assign", "chat", "--word", "chat")
    assert ran.status == 0, ran.err
    program = await bind(port, account)
    await service.text(client.number, "Chat pelican")
    async with asyncio.timeout(PATIENCE_S):
        received = await program.receive()
    assert (received.source_addr, received.destination_addr) == (client.number[1:], "79086228779")
    assert (received.esm_class, received.short_message) == (0, b"Chat pelican")
    await service.text(client.number, "CLIENT sms stop")
    assert await service.script.replies(client.number) == [ACKNOWLEDGEMENT, STOPPED]
    await eventually(
        lambda: service.value("SELECT count(*) FROM account_texts") == 0,
        lambda: "a text waits that was acknowledged",
    )
    for role in ("worker", "ingress"):
        assert "pelican" not in service.log_of(role)


@pytest.mark.drill
async def test_killed_servers_lose_and_double_nothing(service: Service, port: int) -> None:
    client = service.new_client()
    account = await new_account(service, "crm")
    service.revive(service.one("ingress"))
    answered: dict[str, str] = {}

    async def submit_all(texts: list[str]) -> None:
        """Submit texts one after the other; raises when the link or the server goes away."""
        program = await bind(port, account)
        for text in texts:
            answer = await program.submit(text, destination_addr=client.number[1:])
            assert answer.status == 0, answer
            answered[text] = answer.message_id

    texts = [f"Order {number}" for number in range(10 * KILLS)]
    async with asyncio.timeout(PATIENCE_S):
        for kill in range(KILLS):
            victim = await service.alive("ingress")
            asyncio.get_running_loop().call_later(0.03 * kill, victim.kill)
            batch = texts[10 * kill : 10 * (kill + 1)]
            while left := [text for text in batch if text not in answered]:
                try:
                    await submit_all(left)
                except (OSError, EOFError):
                    await asyncio.sleep(0.1)
    told: set[str] = set()

    async def receive_all() -> None:
        program = await bind(port, account)
        while not told.issuperset(answered.values()):
            receipt = await program.receive()
            told.add(receipt.short_message.decode().split()[0].removeprefix("id:"))

    # Without a phone there are no receipts.
    async with service.phone(client.number), asyncio.timeout(PATIENCE_S):
        while not told.issuperset(answered.values()):
            try:
                await receive_all()
            except (OSError, EOFError):
                await asyncio.sleep(0.1)
    assert sorted(service.script.texts_to(client.number)) == sorted(texts)
    await eventually(
        lambda: service.value("SELECT count(*) FROM smpp_deliveries") == 0,
        lambda: "receipts wait that were acknowledged",
    )


async def test_a_second_service_is_a_program_of_ours(
    service: Service,
    port: int,
    tmp_path: Path,
    postgres_server: SharedPostgres,
    kafka_server: SharedKafka,
) -> None:
    account = await new_account(service, "reseller")
    client = service.new_client()
    environment = {
        "SCSERV_SMPP__PORT": str(port),
        "SCSERV_SMPP__SYSTEM_ID": account["login"],
        "SCSERV_SMPP__PASSWORD": account["password"],
    }
    async with open_service(
        tmp_path, postgres_server.url, kafka_server.bootstrap, environment
    ) as second:
        second.import_clients_of([client.number])
        async with service.phone(client.number) as phone:
            ran = await second.command("notify", "--phone", client.number, "--text", TEXT)
            assert ran.status == 0, ran.err
            async with asyncio.timeout(PATIENCE_S):
                received = await phone.receive()
        assert received.text == TEXT
        await eventually(
            lambda: second.value("SELECT count(*) FROM orders WHERE state = 'delivered'") == 1,
            lambda: f"the second service got no receipt: {second.log_of('gateway')[-2000:]}",
        )
