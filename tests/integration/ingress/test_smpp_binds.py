"""What a program chooses by its bind: version, alphabet, links; and what no bind allows."""

import asyncio
from typing import Any

import psycopg
import pytest

from inbound.smpp.pdu import (
    BindTransceiver,
    BindTransceiverResp,
    EnquireLink,
    EnquireLinkResp,
    GenericNack,
)
from inbound.smpp.status import Status
from tests.integration.ingress.smpp_world import (
    bind,
    create_account,
    end_orders,
    serving,
    texts_of,
)
from tests.patience import PATIENCE_S
from tests.unit.smpp.peer import connect

pytestmark = pytest.mark.usefixtures("settings_of_the_service")


@pytest.fixture
def shop() -> dict[str, Any]:
    return create_account("shop")


@pytest.mark.parametrize("version", [0x34, 0x50])
async def test_a_program_of_either_version_sends_and_gets_its_receipt(
    shop: dict[str, Any], conn: psycopg.Connection, version: int
) -> None:
    async with serving() as (port,):
        peer = await connect(port)
        peer.send(
            BindTransceiver(
                system_id=shop["login"],
                password=shop["password"],
                interface_version=version,
                sequence=1,
            )
        )
        answer = await peer.read(BindTransceiverResp)
        assert (answer.status, answer.tlvs) == (0, ((0x0210, bytes([version])),))
        peer.close()
        program = await bind(port, shop, interface_version=version)
        sent = await program.submit("hello")
        end_orders(conn)
        receipt = await program.receive()
        assert receipt.short_message.startswith(f"id:{sent.message_id} ".encode())


@pytest.mark.parametrize(
    ("system_type", "text"),
    [("", "@\u00e8"), ("ISO", "\u00e9"), ("SINGLE, ISO", "\u00e9"), ("MCON2,ISO", "\u00e9")],
)
async def test_iso_says_what_data_coding_0_is(
    shop: dict[str, Any], conn: psycopg.Connection, system_type: str, text: str
) -> None:
    octets = text.encode("latin-1") if text == "\u00e9" else b"\0\x04"
    async with serving() as (port,):
        program = await bind(port, shop, system_type=system_type)
        assert (await program.submit(octets)).status == 0
        # Another data_coding means the same with and without it.
        assert (await program.submit(b"\xfc", data_coding=3)).status == 0
        assert (await program.submit("Ы".encode("utf-16-be"), data_coding=8)).status == 0
    assert texts_of(conn) == [text, "\u00fc", "Ы"]


async def test_options_are_joined_by_commas(shop: dict[str, Any], conn: psycopg.Connection) -> None:
    async with serving() as (port,):
        first = await bind(port, shop, system_type="SINGLE,MCON2")
        second = await bind(port, shop, system_type="MCON2,SINGLE")
        for reference, program in enumerate((first, second)):
            ids = set()
            for part in (1, 2):
                head = bytes([5, 0, 3, reference, 2, part])
                answer = await program.submit(head + b"part %d" % reference, esm_class=0x40)
                assert answer.status == 0
                ids.add(answer.message_id)
            assert len(ids) == 2
    assert texts_of(conn) == ["part 0part 0", "part 1part 1"]


def frame(command_id: int, body: bytes) -> bytes:
    """Return a PDU with the sequence number 2."""
    head = (16 + len(body), command_id, 0, 2)
    return b"".join(one.to_bytes(4, "big") for one in head) + body


@pytest.mark.parametrize(
    ("system_type", "status"),
    [
        (b"MCON1,SINGLE,ISO", Status.ESME_RINVSYSTYP),
        (b"MCON1,SINGLE", Status.ESME_ROK),
        (b"MCON\x01,VMS", Status.ESME_ROK),
        ("СМС".encode(), Status.ESME_ROK),
    ],
)
async def test_a_system_type_that_is_too_long_is_refused_and_other_words_are_ignored(
    shop: dict[str, Any], system_type: bytes, status: Status
) -> None:
    names = b"\0".join((shop["login"].encode(), shop["password"].encode(), system_type))
    async with serving() as (port,):
        peer = await connect(port)
        peer.writer.write(frame(0x09, names + b"\0\x34\0\0\0"))
        assert (await peer.read(BindTransceiverResp)).status == status
        peer.close()


async def test_replace_sm_is_not_offered(shop: dict[str, Any]) -> None:
    async with serving() as (port,):
        program = await bind(port, shop)
        program.peer.writer.write(frame(0x07, b"1\0\0\0\0\0\0\0\0\0\0"))
        refused = await program.peer.read(GenericNack)
        assert (refused.sequence, refused.status) == (2, Status.ESME_RINVCMDID)
        program.sequence = 2
        assert (await program.submit("the link goes on")).status == Status.ESME_ROK


async def test_a_link_on_which_nothing_arrives_ends_unless_it_enquires(
    shop: dict[str, Any],
) -> None:
    async with serving(idle_s=1.0) as (port,):
        silent = await bind(port, shop, system_type="MCON2")
        alive = await bind(port, shop, system_type="MCON2")
        async with asyncio.timeout(PATIENCE_S):
            ended = asyncio.create_task(silent.peer.at_end())
            while not ended.done():
                await alive.ask(EnquireLink(), EnquireLinkResp)
                await asyncio.wait([ended], timeout=0.1)
        assert (await alive.submit("still here")).status == Status.ESME_ROK
