"""Channels on the whole service: a program over SMPP, a real mail server, an SMS centre for HLR."""

import asyncio
import json
from collections.abc import AsyncIterator
from itertools import count

import httpx
import pytest
import pytest_asyncio

from inbound.local.simulator.phone import Phone
from inbound.local.simulator.receipts import _HLR as HLR
from inbound.local.simulator.server import Simulator, SimulatorAccount, SimulatorSettings
from inbound.smpp.status import Status
from tests.e2e.script import ACCOUNT
from tests.fix_servers import SharedKafka, SharedPostgres
from tests.fix_service import CONFIG, Service, free_port, open_service
from tests.integration.channels.mail_server import MailServer, mail_server
from tests.integration.ingress.smpp_world import Program, bind, close_all
from tests.patience import PATIENCE_S

pytestmark = pytest.mark.asyncio(loop_scope="module")

UPSTREAM = SimulatorAccount("channels", "smpp-pw", "+79086228779")
_numbers = count(1)
BINDS = """
[[binds]]
centre = "main"
bind = "main-1"
port = {port}
system_id = "scserv"
password = "smpp-pw"

[[binds]]
centre = "upstream"
bind = "upstream-1"
port = {upstream}
system_id = "channels"
password = "smpp-pw"
channels = "hlr,viber"
"""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def mails() -> AsyncIterator[MailServer]:
    async with mail_server() as server:
        yield server


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def upstream() -> AsyncIterator[Simulator]:
    settings = SimulatorSettings(port=0, accounts=(UPSTREAM,), dialect="hlr", retry_s=0.1)
    async with Simulator(settings) as centre:
        yield centre


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def service(
    tmp_path_factory: pytest.TempPathFactory,
    postgres_server: SharedPostgres,
    kafka_server: SharedKafka,
    mails: MailServer,
    upstream: Simulator,
) -> AsyncIterator[Service]:
    folder = tmp_path_factory.mktemp("channels")
    centre = SimulatorSettings(port=0, accounts=(ACCOUNT,), retry_s=0.1)
    async with Simulator(centre) as texts:
        binds = BINDS.format(port=texts.port, upstream=upstream.port)
        (folder / CONFIG).write_text(binds, "utf-8")
        environment = {
            "SCSERV_MAIL__HOST": "127.0.0.1",
            "SCSERV_MAIL__PORT": str(mails.port),
            "SCSERV_MAIL__SECURITY": "none",
            "SCSERV_MAIL__SENDER": "scserv@example.org",
            "SCSERV_INGRESS__PORT": str(free_port()),
            "SCSERV_SMPP_SERVER__PORT": str(free_port()),
        }
        async with open_service(
            folder, postgres_server.url, kafka_server.bootstrap, environment
        ) as service:
            await service.start("ingress")
            yield service
            close_all()


@pytest_asyncio.fixture(loop_scope="module")
async def program(service: Service) -> Program:
    """A program of an account that may use channels."""
    name = f"shop-{next(_numbers)}"
    ran = await service.command(
        "accounts", "create", name, "--grant", "send", "--grant", "channels", "--json"
    )
    assert ran.status == 0, ran.err
    return await bind(
        int(service.extra_environment["SCSERV_SMPP_SERVER__PORT"]), json.loads(ran.out)
    )


async def submit(program: Program, number: str, text: str) -> str:
    answer = await program.submit(
        text.encode("utf-16-be"), destination_addr=number[1:], data_coding=8
    )
    assert answer.status == 0
    return answer.message_id


async def load_address(service: Service, client_id: str, address: str) -> None:
    table = service.folder / "addresses.csv"
    table.write_text(f"client_id,address\n{client_id},{address}\n", "utf-8")
    ran = await service.command("clients", "addresses", str(table), "--channel", "mail")
    assert (ran.status, ran.out.strip()) == (0, "loaded: the address of 1 client")


async def test_a_mail_of_a_program_arrives_and_its_program_gets_a_receipt(
    service: Service, program: Program, mails: MailServer
) -> None:
    client = service.new_client()
    await load_address(service, service._client_ids[client.number], "anna@example.net")
    async with asyncio.timeout(PATIENCE_S):
        message_id = await submit(
            program, client.number, "__MAIL__: Ваш заказ собран.\nsubj:Заказ 4711"
        )
        receipt = await program.receive()
    (mail,) = mails.mails
    assert (mail["To"], mail["Subject"]) == ("anna@example.net", "Заказ 4711")
    assert mail.get_content().strip() == "Ваш заказ собран."
    assert receipt.short_message.startswith(f"id:{message_id} ".encode())
    assert b" stat:ACCEPTD err:000" in receipt.short_message
    for one, sentence in (
        ("en", "was handed to the mail server"),
        ("ru", "передано почтовому серверу"),
    ):
        ran = await service.command("timeline", "--phone", client.number, "--lang", one)
        assert sentence in " ".join(ran.out.split())
        assert "anna@" not in ran.out
    for role in ("gateway", "worker", "ingress"):
        log = service.log_of(role)
        assert "anna@" not in log
        assert "4711" not in log


async def test_a_question_about_a_number_is_answered_in_the_receipt(
    service: Service, program: Program, upstream: Simulator
) -> None:
    client = service.new_client()
    async with (
        Phone("127.0.0.1", upstream.port, client.number) as phone,
        asyncio.timeout(PATIENCE_S),
    ):
        message_id = await submit(program, client.number, "__HLR__")
        asked = await phone.receive()
        receipt = await program.receive()
    assert asked.text == "__HLR__"
    text = receipt.short_message.decode()
    assert text == f"id:{message_id} stat:DELIVRD err:000 {HLR}"
    # Sealed everywhere in between, and gone with the person.
    assert "250013912345678" not in service.log_of("gateway") + service.log_of("worker")
    kept = "SELECT answer FROM smpp_messages WHERE message_id = %s"
    assert b"250013912345678" not in service.value(kept, int(message_id))
    await service.command("erase", "--phone", client.number, "--reason", "a test", "--yes")
    assert service.value(kept, int(message_id)) is None


async def test_an_answer_about_a_number_is_told_over_http(
    service: Service, upstream: Simulator
) -> None:
    ran = await service.command(
        *("accounts", "create", "asker", "--grant", "send", "--grant", "channels", "--json")
    )
    signed = {"login": "asker", "psw": json.loads(ran.out)["password"], "fmt": "3"}
    client, port = service.new_client(), service.extra_environment["SCSERV_INGRESS__PORT"]
    async with (
        Phone("127.0.0.1", upstream.port, client.number),
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as http,
        asyncio.timeout(PATIENCE_S),
    ):
        asked = signed | {"phones": client.number, "hlr": "1", "id": "h-1"}
        sent = (await http.get("/sys/send.php", params=asked)).json()
        assert sent == {"id": "h-1", "cnt": 1}
        found = {"status": -1}
        while found["status"] in {-1, 0}:
            asked = signed | {"phone": client.number, "id": "h-1"}
            found = (await http.get("/sys/status.php", params=asked)).json()
    told = {name: found[name] for name in ("status", "imsi", "msc", "mcc", "mnc", "cn", "rnet")}
    assert told == {
        "status": 1,
        "imsi": "250013912345678",
        "msc": "79168999100",
        "mcc": "250",
        "mnc": "01",
        "cn": "Россия",
        "rnet": "",
    }
    kept = "SELECT answer FROM network_answers"
    assert b"250013912345678" not in service.value(kept)
    await service.command("erase", "--phone", client.number, "--reason", "a test", "--yes")
    assert service.value("SELECT count(*) FROM network_answers") == 0


async def test_a_text_of_another_channel_passes_unchanged_and_texts_go_to_their_own_centre(
    service: Service, program: Program, upstream: Simulator
) -> None:
    client = service.new_client()
    async with (
        Phone("127.0.0.1", upstream.port, client.number) as phone,
        asyncio.timeout(PATIENCE_S),
    ):
        written = "__VIBER__: Ваш заказ собран " + "и ждёт Вас " * 10
        await submit(program, client.number, written[:60])
        assert (await phone.receive()).text == written[:60]


async def test_what_can_not_be_sent_is_refused_before_it_is_stored(
    service: Service, program: Program
) -> None:
    client = service.new_client()
    for text, status in (
        ("__SOC__: nobody offers it", Status.ESME_RINVSERTYP),
        ("__MAIL__ no colon", Status.ESME_RINVSERTYP),
        ("__MAIL__: this client has no address", Status.ESME_RINVDSTADR),
    ):
        answer = await program.submit(
            text.encode("utf-16-be"), destination_addr=client.number[1:], data_coding=8
        )
        assert (text, answer.status) == (text, status)
    ran = await service.command("timeline", "--phone", client.number, "--lang", "en")
    assert "our client directory has no address for it" in " ".join(ran.out.split())
