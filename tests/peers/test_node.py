"""node-smpp, as the centre that we bind to and as the ESME that binds to us."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from inbound.smpp import receipts
from inbound.smpp.bind_health import BindHealth, EsmeState
from inbound.smpp.esme import Esme
from inbound.smpp.pdu import DeliverSm, QuerySm
from inbound.smpp.receipts import DeliveryOutcome, normalise
from inbound.smpp.segmentation import split
from inbound.smpp.session import SessionSettings
from inbound.smpp.status import Status
from tests.peers.conftest import CACHE
from tests.peers.foreign import (
    GSM,
    NUMBER,
    PASSWORD,
    SERVICE,
    Facts,
    Foreign,
    OurCentre,
    Taken,
    bind_settings,
    deliveries,
    every_text,
    our_centre,
    running,
    submissions,
)
from tests.unit.smpp.certificate import self_signed

SCRIPT = str(Path(__file__).parent / "programs" / "node.js")
MODULES = {"NODE_PATH": str(CACHE / "node_modules")}


@asynccontextmanager
async def server(node: list[str], *arguments: str) -> AsyncIterator[tuple[Foreign, int]]:
    async with running(*node, SCRIPT, "server", *arguments, environment=MODULES) as foreign:
        yield foreign, (await foreign.hear("listening"))["port"]


@asynccontextmanager
async def bound_to(
    node: list[str], *arguments: str, trust: ssl.SSLContext | None = None
) -> AsyncIterator[tuple[Esme, Taken, Foreign]]:
    """Yield our ESME, bound to node's centre."""
    async with server(node, *arguments) as (foreign, port):
        taken = Taken()
        esme = Esme(bind_settings(port), taken.on_request, ssl=trust)
        task = asyncio.create_task(esme.run())
        await esme.slot()
        yield esme, taken, foreign
        await esme.close()
        await task


@asynccontextmanager
async def client(node: list[str], centre: OurCentre, *arguments: str) -> AsyncIterator[Foreign]:
    port = str(centre.listener.port)
    async with running(*node, SCRIPT, "client", port, *arguments, environment=MODULES) as foreign:
        await foreign.hear("connected")
        yield foreign


@asynccontextmanager
async def bound_client(node: list[str], centre: OurCentre) -> AsyncIterator[Foreign]:
    async with client(node, centre) as foreign:
        foreign.say(command="bind_transceiver", system_id="node", password=PASSWORD)
        assert (await answer(foreign, "bind_transceiver_resp"))["system_id"] == "ours"
        yield foreign


async def answer(foreign: Foreign, command: str) -> Facts:
    facts = await foreign.hear("pdu", command=command)
    assert facts["command_status"] == 0
    return facts


# node-smpp is the centre.


@every_text
async def test_its_centre_reads_our_replies(node: list[str], text: str) -> None:
    async with bound_to(node) as (esme, _, foreign):
        sent = [await esme.submit(pdu) for pdu in submissions(text)]
        assert all(response.status == 0 and response.message_id for response in sent)
        heard = [await foreign.hear("pdu", command="submit_sm") for _ in sent]
        assert "".join(facts["text"] for facts in heard) == text
        assert [facts["source_addr"] for facts in heard] == ["SCSERV"] * len(heard)
        if len(sent) > 1:
            headers = [facts["udh"] for facts in heard]
            assert headers == [[f"000307{len(sent):02x}{n:02x}"] for n in range(1, len(sent) + 1)]


@every_text
async def test_we_read_its_texts(node: list[str], text: str) -> None:
    async with bound_to(node) as (_, taken, foreign):
        for fields in in_its_own_encoding(text):
            foreign.say(
                command="deliver_sm",
                source_addr=NUMBER,
                destination_addr=SERVICE,
                **fields,
            )
        assert await taken.text() == text
        await answer(foreign, "deliver_sm_resp")


def in_its_own_encoding(text: str) -> list[Facts]:
    """Cut a text for node-smpp, which encodes the pieces itself."""
    segments = split(text)
    coding = segments[0].data_coding
    if len(segments) == 1:
        return [{"message": text, "data_coding": coding}]
    size = 60 if coding else 140
    pieces = [text[at : at + size] for at in range(0, len(text), size)]
    return [
        {"message": piece, "data_coding": coding, "udh": f"050003{9:02x}{len(pieces):02x}{n:02x}"}
        for n, piece in enumerate(pieces, 1)
    ]


async def test_its_receipt_finds_the_message_although_it_writes_the_id_otherwise(
    node: list[str],
) -> None:
    async with bound_to(node) as (esme, taken, _):
        (pdu,) = submissions(GSM)
        pdu.registered_delivery = 1
        message_id = (await esme.submit(pdu)).message_id
        delivered = await taken.message()
        assert isinstance(delivered, DeliverSm)
        receipt = receipts.read(delivered)
        assert receipt is not None
        assert receipt.outcome is DeliveryOutcome.DELIVERED
        assert message_id not in delivered.short_message.decode()
        assert normalise(message_id) in receipt.message_ids


async def test_a_burst_is_answered_once_each(node: list[str]) -> None:
    async with bound_to(node) as (esme, _, foreign):
        answers = []
        for _ in range(500):
            await esme.slot()
            answers.append(esme.submit(submissions(GSM)[0]))
        ids = [response.message_id for response in await asyncio.gather(*answers)]
        assert len(set(ids)) == 500
        # By sequence number: listeners of this program may hear one PDU twice.
        heard = [await foreign.hear("pdu", command="submit_sm") for _ in ids]
        assert len({facts["sequence_number"] for facts in heard}) == 500


async def test_its_centre_answers_a_query_and_both_enquire(node: list[str]) -> None:
    async with bound_to(node) as (esme, _, foreign):
        found = await esme.query(QuerySm(message_id="abcdef", source_addr="SCSERV"))
        assert (found.status, found.message_id, found.message_state) == (0, "abcdef", 2)
        foreign.say(command="enquire_link")
        await answer(foreign, "enquire_link_resp")
    async with server(node) as (foreign, port):
        esme = Esme(bind_settings(port, enquire_link_s=0.05), Taken().on_request)
        task = asyncio.create_task(esme.run())
        for _ in range(3):
            await foreign.hear("pdu", command="enquire_link")
        assert esme.health.state is EsmeState.BOUND
        await esme.close()
        await task
        await foreign.hear("pdu", command="unbind")
        await foreign.hear("closed")


async def test_its_centre_refuses_a_wrong_password(node: list[str]) -> None:
    told: asyncio.Queue[BindHealth] = asyncio.Queue()
    async with server(node) as (_, port):
        esme = Esme(
            bind_settings(port, password="wrong"), Taken().on_request, on_change=told.put_nowait
        )
        task = asyncio.create_task(esme.run())
        while "wrong password" not in (health := await told.get()).reason:
            assert health.state is not EsmeState.BOUND
        await esme.close()
        await task


async def test_its_centre_over_tls(node: list[str], tmp_path: Path) -> None:
    certificate = self_signed(tmp_path / "centre.pem")
    trust = ssl.create_default_context(cafile=str(certificate))
    async with bound_to(node, str(certificate), trust=trust) as (esme, _, foreign):
        assert (await esme.submit(submissions(GSM)[0])).status == 0
        assert (await foreign.hear("pdu", command="submit_sm"))["text"] == GSM


# node-smpp is the ESME.


@every_text
async def test_its_esme_reads_our_texts(node: list[str], text: str) -> None:
    async with our_centre() as centre, bound_client(node, centre) as foreign:
        session = await centre.bound()
        sent = [session.send(pdu) for pdu in deliveries(text)]
        heard = [await foreign.hear("pdu", command="deliver_sm") for _ in sent]
        assert "".join(facts["text"] for facts in heard) == text
        assert [response.status for response in await asyncio.gather(*sent)] == [0] * len(sent)


@every_text
async def test_we_read_its_replies(node: list[str], text: str) -> None:
    async with our_centre() as centre, bound_client(node, centre) as foreign:
        for fields in in_its_own_encoding(text):
            foreign.say(
                command="submit_sm", source_addr="SCSERV", destination_addr=NUMBER, **fields
            )
            assert (await answer(foreign, "submit_sm_resp"))["message_id"]
        assert await centre.taken.text() == text


async def test_its_esme_lives_through_enquiries_and_a_command_we_do_not_offer(
    node: list[str],
) -> None:
    settings = SessionSettings(system_id="ours", enquire_link_s=0.05)
    async with our_centre(settings=settings) as centre, bound_client(node, centre) as foreign:
        session = await centre.bound()
        for _ in range(3):
            await foreign.hear("pdu", command="enquire_link")
        foreign.say(command="replace_sm", message_id="7", source_addr="SCSERV", short_message="x")
        refused = await foreign.hear("pdu", command="generic_nack")
        assert refused["command_status"] == Status.ESME_RINVCMDID
        foreign.say(command="query_sm", message_id="7", source_addr="SCSERV")
        await answer(foreign, "query_sm_resp")
        foreign.say(command="unbind")
        await answer(foreign, "unbind_resp")
        assert await session.wait_closed() == "the peer unbound"


async def test_our_centre_refuses_its_wrong_password(node: list[str]) -> None:
    async with our_centre() as centre, client(node, centre) as foreign:
        foreign.say(command="bind_transceiver", system_id="node", password="wrong")
        refused = await foreign.hear("pdu", command="bind_transceiver_resp")
        assert refused["command_status"] == Status.ESME_RINVPASWD
        foreign.say(command="submit_sm", destination_addr=NUMBER, message=GSM)
        refused = await foreign.hear("pdu", command="submit_sm_resp")
        assert refused["command_status"] == Status.ESME_RINVBNDSTS
        assert centre.taken.messages.empty()


async def test_its_esme_over_tls(node: list[str], tmp_path: Path) -> None:
    certificate = self_signed(tmp_path / "centre.pem")
    ours = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    ours.load_cert_chain(certificate)
    async with our_centre(ours) as centre, client(node, centre, str(certificate)) as foreign:
        foreign.say(command="bind_transmitter", system_id="node", password=PASSWORD)
        await answer(foreign, "bind_transmitter_resp")
        # Left to itself it writes GSM 03.38 and says data_coding 1, which is ASCII.
        foreign.say(command="submit_sm", destination_addr=NUMBER, message=GSM, data_coding=0)
        await answer(foreign, "submit_sm_resp")
        assert await centre.taken.text() == GSM
