"""Net::SMPP as the ESME that binds to us: old, synchronous, and strict about what it reads."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from inbound.smpp import alphabet
from inbound.smpp.pdu import BindTransceiver, EnquireLink, QuerySm, SubmitSm
from inbound.smpp.segmentation import split
from inbound.smpp.session import SessionSettings, SessionState
from inbound.smpp.status import Status
from tests.peers.foreign import (
    GSM,
    NUMBER,
    PASSWORD,
    Foreign,
    OurCentre,
    deliveries,
    every_text,
    our_centre,
    running,
)

SCRIPT = str(Path(__file__).parent / "programs" / "client.pl")
DELIVER, ENQUIRE = str(0x05), str(0x15)


@asynccontextmanager
async def client(
    perl: list[str], password: str = PASSWORD, settings: SessionSettings | None = None
) -> AsyncIterator[tuple[Foreign, OurCentre]]:
    async with our_centre(settings=settings) as centre:
        port = str(centre.listener.port)
        async with running(*perl, SCRIPT, port, password) as foreign:
            yield foreign, centre


async def test_its_bind_and_ours_understand_each_other(perl: list[str]) -> None:
    async with client(perl) as (foreign, centre):
        assert await foreign.hear(status="0", system_id="ours", sc_interface_version="4")
        bind, _ = await centre.binds.get()
        assert isinstance(bind, BindTransceiver)
        assert (bind.system_id, bind.interface_version) == ("perl", 0x34)
        session = await centre.bound()
        assert (await foreign.ask(call="enquire_link"))["status"] == "0"
        assert (await foreign.ask(call="unbind"))["status"] == "0"
        assert await session.wait_closed() == "the peer unbound"


@every_text
async def test_we_read_its_messages(perl: list[str], text: str) -> None:
    async with client(perl) as (foreign, centre):
        await foreign.hear(status="0")
        for segment in split(text):
            response = await foreign.ask(
                call="submit_sm",
                source_addr="SCSERV",
                source_addr_ton=5,
                destination_addr=NUMBER,
                text=segment.short_message.hex(),
                esm_class=segment.esm_class,
                data_coding=segment.data_coding,
                validity_period="000001000000000R",
            )
            assert (response["status"], len(response["message_id"])) == ("0", 8)
        first = centre.taken.messages._queue[0]  # type: ignore[attr-defined]  # a look ahead
        assert isinstance(first, SubmitSm)
        assert first.validity_period == "000001000000000R"
        assert (first.source_addr_ton, first.source_addr) == (5, "SCSERV")
        assert await centre.taken.text() == text


@every_text
async def test_it_reads_our_texts(perl: list[str], text: str) -> None:
    async with client(perl) as (foreign, centre):
        await foreign.hear(status="0")
        session = await centre.bound()
        octets = b""
        for pdu in deliveries(text):
            sent = session.send(pdu)
            facts = await foreign.ask(call="read")
            assert (facts["cmd"], facts["source_addr"]) == (DELIVER, NUMBER)
            assert facts["esm_class"] == str(pdu.esm_class)
            body = bytes.fromhex(facts["short_message"])
            octets += body[6:] if pdu.esm_class else body
            assert (await sent).status == 0
        assert alphabet.decode(octets, pdu.data_coding) == text


async def test_it_sends_data_sm_and_asks_with_query_sm(perl: list[str]) -> None:
    async with client(perl) as (foreign, centre):
        await foreign.hear(status="0")
        payload = GSM.encode("utf-16-be").decode("latin-1")
        response = await foreign.ask(
            call="data_sm", destination_addr=NUMBER, data_coding=8, message_payload=payload
        )
        assert response["status"] == "0"
        assert await centre.taken.text() == GSM
        asked = await foreign.ask(call="query_sm", message_id="00ABCDEF", source_addr="SCSERV")
        assert asked["status"] == "0"
        (query,) = centre.taken.others
        assert isinstance(query, QuerySm)
        assert (query.message_id, query.source_addr) == ("00ABCDEF", "SCSERV")


async def test_it_answers_our_enquiries(perl: list[str]) -> None:
    settings = SessionSettings(system_id="ours", enquire_link_s=0.05)
    async with client(perl, settings=settings) as (foreign, centre):
        await foreign.hear(status="0")
        session = await centre.bound()
        for answered in range(1, 4):
            assert (await foreign.ask(call="read"))["cmd"] == ENQUIRE
            # What it sends next comes behind its answer.
            assert (await foreign.ask(call="query_sm", message_id="7"))["status"] == "0"
            assert session.stats.answers_in >= answered
        assert session.state is SessionState.BOUND
        assert EnquireLink not in map(type, centre.taken.others)


async def test_our_centre_refuses_its_wrong_password(perl: list[str]) -> None:
    async with client(perl, "wrong") as (foreign, _):
        assert await foreign.hear(status=str(int(Status.ESME_RINVPASWD)))
