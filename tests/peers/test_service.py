"""The whole service with programs of others around it: a foreign centre, and foreign phones."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from inbound.local.simulator.phone import FEDERAL_NUMBER
from inbound.smpp import alphabet
from tests.e2e.script import ACKNOWLEDGEMENT
from tests.fix_servers import SharedKafka, SharedPostgres
from tests.fix_service import STARTED, STOPPED, Service, eventually, open_service
from tests.peers import test_kannel, test_node, test_perl
from tests.peers.foreign import PASSWORD, Foreign, running
from tests.unit.smpp.certificate import self_signed

pytestmark = pytest.mark.asyncio(loop_scope="module")

SERVICE = FEDERAL_NUMBER.removeprefix("+")
FATES = ["message.delivered", "message.delivered"]


@asynccontextmanager
async def bound_to_node(
    node: list[str], folder: Path, postgres: SharedPostgres, kafka: SharedKafka, *, tls: bool
) -> AsyncIterator[tuple[Service, Foreign]]:
    """Yield the service whose SMS centre is node-smpp."""
    environment = {"SCSERV_SMPP__PASSWORD": PASSWORD}
    arguments: list[str] = []
    if tls:
        arguments.append(str(self_signed(folder / "centre.pem")))
        environment |= {"SCSERV_SMPP__TLS": "true", "SCSERV_SMPP__TLS_CA": arguments[0]}
    async with test_node.server(node, *arguments) as (foreign, port):
        environment["SCSERV_SMPP__PORT"] = str(port)
        async with open_service(folder, postgres.url, kafka.bootstrap, environment) as service:
            yield service, foreign


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "TLS"])
async def test_a_text_from_its_centre_gets_both_answers_and_their_receipts(
    node: list[str],
    tmp_path: Path,
    postgres_server: SharedPostgres,
    kafka_server: SharedKafka,
    *,
    tls: bool,
) -> None:
    async with bound_to_node(node, tmp_path, postgres_server, kafka_server, tls=tls) as (
        service,
        foreign,
    ):
        client = service.new_client()
        number = client.number.removeprefix("+")
        foreign.say(
            command="deliver_sm",
            source_addr_ton=1,
            source_addr=number,
            destination_addr=SERVICE,
            data_coding=0,
            message="CLIENT info",
        )
        await test_node.answer(foreign, "deliver_sm_resp")
        acknowledgement = await submitted(foreign, number)
        assert (acknowledgement["text"], acknowledgement["udh"]) == (ACKNOWLEDGEMENT, [])
        parts = [await submitted(foreign, number) for _ in range(3)]
        assert "".join(part["text"] for part in parts) == client.registration
        assert [part["udh"][0][-4:] for part in parts] == ["0301", "0302", "0303"]
        # Its receipts have the id in decimal, its answers in hexadecimal with zeros in front.
        await service.completed(client.number)
        await eventually(lambda: fates(service, client.number) == FATES, lambda: "no receipts")


async def submitted(foreign: Foreign, number: str) -> dict[str, Any]:
    """Take the next submit_sm to a number."""
    facts = await foreign.hear("pdu", command="submit_sm", destination_addr=number)
    assert (facts["source_addr_ton"], facts["source_addr"]) == (5, "SCSERV")
    return facts


def fates(service: Service, number: str) -> list[str]:
    known = {"message.delivered", "message.undeliverable", "message.undetermined"}
    return [event.type for event in service.events(number) if event.type in known]


async def test_net_smpp_as_a_phone(perl: list[str], service: Service) -> None:
    client = service.new_client()
    phone = "phone", client.number
    port = str(service.centre.port)
    async with running(*perl, test_perl.SCRIPT, port, "", *phone) as foreign:
        assert await foreign.hear(status="0")
        sent = await foreign.ask(
            call="submit_sm",
            source_addr=client.number,
            destination_addr=SERVICE,
            dest_addr_ton=1,
            text=b"client SMS stop".hex(),
        )
        assert sent["status"] == "0"
        replies = [await next_text(foreign) for _ in range(2)]
        assert replies == [ACKNOWLEDGEMENT, STOPPED]


async def next_text(foreign: Foreign) -> str | None:
    """Have it read until a deliver_sm comes; the centre enquires in between."""
    while True:
        facts = await foreign.ask(call="read")
        if facts["cmd"] == test_perl.DELIVER:
            assert facts["source_addr"] == "SCSERV"
            octets = bytes.fromhex(facts["short_message"])
            return alphabet.decode(octets, int(facts["data_coding"]))


async def test_kannel_as_a_phone(kannel: tuple[str, str], service: Service, tmp_path: Path) -> None:
    client = service.new_client()
    async with test_kannel.running(
        kannel,
        service.centre.port,
        tmp_path,
        username="phone",
        more=f'address-range = "{client.number}"',
    ) as theirs:
        await theirs.send("CLIENT sms start", **{"from": client.number, "to": SERVICE})
        replies = [await theirs.asked() for _ in range(2)]
        assert [(one["from"], one["text"]) for one in replies] == [
            ("SCSERV", ACKNOWLEDGEMENT),
            ("SCSERV", STARTED),
        ]
