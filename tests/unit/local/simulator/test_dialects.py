"""Receipts in each dialect, over TCP, and read as the service reads them."""

from typing import Any

import pytest

from inbound.errors import SetupError
from inbound.local.simulator.dialects import DIALECTS
from inbound.local.simulator.phone import Phone
from inbound.local.simulator.server import Simulator, SimulatorAccount, SimulatorSettings
from inbound.smpp import receipts
from inbound.smpp.pdu import (
    BindTransceiver,
    DataSm,
    DeliverSm,
    QuerySm,
    QuerySmResp,
    ResponsePdu,
    SubmitSm,
    SubmitSmResp,
)
from tests.unit.local.simulator.tools import (
    FEDERAL,
    NUMBER,
    accept,
    account,
    parts,
    simulator,
    submit,
)
from tests.unit.smpp.peer import Peer

LONG = "Очень длинный ответ, который никак не поместится в одну часть сообщения. " * 2
ENVELOPE = "sub:001 dlvrd:001 submit date:0001010000 done date:0001010000 stat:DELIVRD"
WITH_SECONDS = ENVELOPE.replace("0001010000", "000101000000")
HLR = (
    "imsi:250013912345678 msc:79168999100 mcc:250 mnc:01"
    " cn:%D0%A0%D0%BE%D1%81%D1%81%D0%B8%D1%8F net:%D0%9C%D0%A2%D0%A1 rcn: rnet:"
)
ID, STATE = (0x001E, b"1c8\0"), (0x0427, b"\2")


async def id_of(peer: Peer, pdu: SubmitSm) -> str:
    answer = await peer.ask(pdu)
    assert isinstance(answer, SubmitSmResp)
    return answer.message_id


@pytest.mark.parametrize(
    ("dialect", "answer_id", "text", "tlvs"),
    [
        ("standard", "1c8", f"id:1c8 {ENVELOPE} err:000 text:", (ID, STATE)),
        ("tlv", "1c8", "", (ID, STATE)),
        ("text", "1c8", f"id:1c8 {ENVELOPE} err:000 text:", ()),
        (
            "text-seconds",
            "1c8",
            f"id:1c8 {WITH_SECONDS} err:000 text:",
            (),
        ),
        (
            "hlr",
            "1c8",
            f"id:1c8 stat:DELIVRD err:000 {HLR}",
            (ID, STATE, (0x0423, b"\3\0\0")),
        ),
        ("err-hex", "1c8", f"id:1c8 {ENVELOPE} err:0x00 text:", ()),
        ("id-decimal", "1c8", f"id:456 {ENVELOPE} err:000 text:", ()),
        ("id-hex", "456", f"id:1c8 {ENVELOPE} err:000 text:", ()),
        ("id-padded", "1c8", f"id:000000000000000001c8 {ENVELOPE} err:000 text:", ()),
    ],
)
async def test_a_dialect(dialect: str, answer_id: str, text: str, tlvs: Any) -> None:
    async with (
        simulator(dialect=dialect, ids="1c8") as centre,
        Phone("127.0.0.1", centre.port, NUMBER),
        account(centre) as peer,
    ):
        answer: Any = await peer.ask(submit(registered_delivery=1))
        pdu = await accept(peer)
        assert answer.message_id == answer_id
        assert (pdu.short_message.decode("ascii"), pdu.tlvs) == (text, tlvs)
        assert (pdu.source_addr, pdu.destination_addr) == (NUMBER[1:], "SCSERV")
        read = receipts.read(pdu)
        assert read is not None
        assert read.outcome is receipts.DeliveryOutcome.DELIVERED
        assert set(receipts.candidate_ids(answer_id)) & set(read.message_ids)


async def test_by_data_sm() -> None:
    async with (
        simulator(dialect="data-sm") as centre,
        Phone("127.0.0.1", centre.port, NUMBER),
        account(centre) as peer,
    ):
        await peer.ask(submit(registered_delivery=1))
        pdu = await peer.read(DataSm)
        peer.send(pdu.answer())
        read = receipts.read(pdu)
        assert read is not None
        assert (read.message_ids[0], read.outcome) == ("a", receipts.DeliveryOutcome.DELIVERED)
        assert b"id:a " in dict(pdu.tlvs)[0x0424]
        await centre.ledger.count("receipt_resp")


async def test_the_error_code_of_a_refusal_is_not_decimal() -> None:
    script = """
    [[rule]]
    match = { command = "submit_sm" }
    fault = { receipt = { state = "UNDELIV", err = "E6B", dialect = "mine" } }
    [dialect.mine]
    tlvs = false
    date_digits = 12
    """
    async with simulator(script) as centre, account(centre) as peer:
        await peer.ask(submit(registered_delivery=1))
        read = receipts.read(await accept(peer))
        assert read is not None
        assert (read.outcome, read.error) == (receipts.DeliveryOutcome.UNDELIVERABLE, "E6B")


@pytest.mark.parametrize(("dialect", "ids", "texts"), [("standard", 3, 3), ("whole", 1, 1)])
async def test_a_receipt_for_each_part_or_for_all(dialect: str, ids: int, texts: int) -> None:
    async with (
        simulator(dialect=dialect) as centre,
        Phone("127.0.0.1", centre.port, NUMBER) as phone,
        account(centre) as peer,
    ):
        pdus = parts(LONG, registered_delivery=1)
        assert len(pdus) == 3
        peer.send(*pdus)
        answers: list[Any] = []
        got: list[bytes] = []
        while len(answers) < 3 or len(got) < texts:
            pdu = await peer.read(ResponsePdu | DeliverSm)  # type: ignore[arg-type] # isinstance's
            if isinstance(pdu, DeliverSm):
                peer.send(pdu.answer())
                got.append(pdu.short_message)
            else:
                answers.append(pdu)
        assert len({answer.message_id for answer in answers}) == ids
        assert (await phone.receive()).text == LONG
        assert (await peer.ask(submit(text=b"short", registered_delivery=1))).status == 0
        # Nothing came between the last receipt and this one.
        assert f"id:{'abcd'[ids]} ".encode() in (await accept(peer)).short_message
        sub = b"sub:001" if texts == 3 else b"sub:003 dlvrd:003"
        assert all(sub in text for text in got)


async def test_a_whole_message_ends_with_its_last_part() -> None:
    phone_bind = BindTransceiver(system_id="phone", address_range=NUMBER, sequence=1)
    query = QuerySm(message_id="a", source_addr="SCSERV", sequence=9)
    async with (
        simulator(dialect="whole") as centre,
        account(centre, phone_bind) as phone,
        account(centre) as peer,
    ):
        pdus = parts("длинный " * 15, registered_delivery=1)
        assert [await id_of(peer, pdu) for pdu in pdus] == ["a", "a"]
        await accept(phone)
        second = await phone.read(DeliverSm)
        peer.send(query)
        assert (await peer.read(QuerySmResp)).message_state == 1
        phone.send(second.answer())
        assert b"id:a sub:002 dlvrd:002" in (await accept(peer)).short_message
        # The next message with this reference is another one.
        assert {await id_of(peer, pdu) for pdu in pdus} == {"b"}


@pytest.mark.parametrize(
    ("registered_delivery", "number", "comes"),
    [(0, "99051", False), (1, "99057", False), (2, "00000", False), (2, "99051", True)],
)
async def test_receipt_is_sent_only_if_requested(
    registered_delivery: int, number: str, comes: bool
) -> None:
    async with (
        simulator(magic=True) as centre,
        Phone("127.0.0.1", centre.port, "+791612*"),
        account(centre) as peer,
    ):
        asked = submit(f"+791612{number}", registered_delivery=registered_delivery)
        assert (await peer.ask(asked)).status == 0
        if comes:
            assert b"id:a " in (await accept(peer)).short_message
        assert (await peer.ask(submit("+79161211111", registered_delivery=1))).status == 0
        assert b"id:b " in (await accept(peer)).short_message


async def test_an_account_has_its_own_dialect() -> None:
    tlv = SimulatorAccount("scserv", "sesame12", FEDERAL, dialect="tlv")
    async with (
        simulator(accounts=(tlv,)) as centre,
        Phone("127.0.0.1", centre.port, NUMBER),
        account(centre) as peer,
    ):
        await peer.ask(submit(registered_delivery=1))
        assert (await accept(peer)).short_message == b""


def test_an_unknown_dialect_is_named_with_its_account() -> None:
    wrong = SimulatorAccount("scserv", "sesame12", FEDERAL, dialect="tvl")
    with pytest.raises(
        SetupError, match="account scserv: unknown dialect 'tvl'; choose one of standard"
    ):
        Simulator(SimulatorSettings(accounts=(wrong,)))


def test_every_dialect_is_tested() -> None:
    marks = test_a_dialect.pytestmark
    assert {case[0] for case in marks[0].args[1]} == DIALECTS.keys() - {"data-sm", "whole"}
