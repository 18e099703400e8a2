"""An account may submit by data_sm."""

from dataclasses import replace

import pytest

from inbound.local.simulator.phone import Phone
from inbound.smpp.pdu import DataSm, DataSmResp
from inbound.smpp.status import Status
from inbound.smpp.user_data import TLV_MESSAGE_PAYLOAD
from tests.unit.local.simulator.tools import NUMBER, accept, account, rule, simulator

TEXT = "Длинный текст в одном PDU"
DATA = DataSm(
    sequence=7,
    source_addr_ton=5,
    source_addr="SCSERV",
    dest_addr_ton=1,
    dest_addr_npi=1,
    destination_addr=NUMBER.removeprefix("+"),
    registered_delivery=1,
    data_coding=8,
    tlvs=((TLV_MESSAGE_PAYLOAD, TEXT.encode("utf-16-be")),),
)


async def test_it_is_delivered_whole_answered_by_its_own_response_and_gets_a_receipt() -> None:
    async with (
        simulator() as centre,
        account(centre) as peer,
        Phone("127.0.0.1", centre.port, NUMBER) as phone,
    ):
        answer = await peer.ask(DATA)
        assert isinstance(answer, DataSmResp)
        assert (answer.status, answer.message_id) == (Status.ESME_ROK, "a")
        assert (await phone.receive()).text == TEXT
        receipt = await accept(peer)
        assert receipt.short_message.startswith(b"id:a ")
        assert [entry.detail for entry in centre.ledger.entries("submit_sm")] == ["data_sm"]


async def test_rules_for_submit_sm_apply_to_data_sm() -> None:
    throttled = rule("submit_sm", "first = 1", 'status = "ESME_RTHROTTLED"')
    late = rule("submit_sm", "", "duplicate = true")
    async with simulator(throttled + late) as centre, account(centre) as peer:
        refused = await peer.ask(DATA)
        assert (type(refused), refused.status) == (DataSmResp, Status.ESME_RTHROTTLED)
        assert (await peer.ask(DATA)).status == Status.ESME_ROK
        await peer.read(DataSmResp)


@pytest.mark.parametrize(
    ("pdu", "status"),
    [
        (replace(DATA, source_addr="7" * 21), Status.ESME_RINVSRCADR),
        (replace(DATA, destination_addr="7" * 21), Status.ESME_RINVDSTADR),
    ],
)
async def test_an_address_that_only_a_data_sm_could_carry_is_refused(
    pdu: DataSm, status: Status
) -> None:
    async with simulator() as centre, account(centre) as peer:
        assert (await peer.ask(pdu)).status == status
