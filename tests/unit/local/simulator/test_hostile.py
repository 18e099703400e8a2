"""A hostile SMS centre: the values and the floods that go over the wire."""

import asyncio
from typing import Any

import pytest

from inbound.errors import SetupError
from inbound.local.simulator.attacks import ATTACKS
from inbound.local.simulator.delivery_queue import QueuedMessage
from inbound.local.simulator.hostile_values import CONTROL, HOSTILE, forge, in_answer, in_message
from inbound.local.simulator.script import Attack, parse_script, with_hostility
from inbound.smpp import receipts
from inbound.smpp.leniency import Leniency
from inbound.smpp.pdu import (
    AlertNotification,
    BindTransceiverResp,
    DeliverSm,
    EnquireLink,
    EnquireLinkResp,
    QuerySm,
    SubmitSmResp,
    decode,
    encode,
)
from inbound.smpp.user_data import part_of, user_data_of
from tests.patience import PATIENCE_S
from tests.unit.local.simulator.tools import (
    ACCOUNT,
    BIND,
    NUMBER,
    Clock,
    account,
    rule,
    simulator,
    submit,
)
from tests.unit.smpp.peer import Peer, connect

ID = "0f"
RECEIPT = (
    b"id:0f sub:001 dlvrd:001 submit date:2001010000 done date:2001010000 stat:DELIVRD"
    b" err:000 text:"
)


def receipt() -> DeliverSm:
    return DeliverSm(
        source_addr_ton=1,
        source_addr="79161234567",
        destination_addr="79086228779",
        esm_class=4,
        short_message=RECEIPT,
        tlvs=((0x001E, b"0f\0"), (0x0427, b"\2")),
    )


async def read_frame(peer: Peer) -> bytes:
    async with asyncio.timeout(PATIENCE_S):
        header = await peer.reader.readexactly(4)
        return header + await peer.reader.readexactly(int.from_bytes(header, "big") - 4)


# -- values ------------------------------------------------------------------------------


def answer_with(value: str, text: bytes = b"ok") -> bytes:
    return in_answer(value, submit(text=text), encode(SubmitSmResp(message_id=ID, sequence=7)))


@pytest.mark.parametrize("value", [v for v, where in HOSTILE.items() if "submit_sm" in where])
def test_an_answer_keeps_its_header_and_its_length_is_true(value: str) -> None:
    frame = answer_with(value)
    assert frame[4:16] == encode(SubmitSmResp(message_id=ID, sequence=7))[4:16]
    assert int.from_bytes(frame[:4], "big") == len(frame) <= 65_536
    assert frame[16:] != b"0f\0"


def test_the_id_is_huge_or_has_control_characters() -> None:
    assert answer_with("huge").count(b"\x01") == 65_500
    assert answer_with("control")[16:] == CONTROL + b"\0"


def test_the_id_tells_the_number_and_the_password() -> None:
    text = "пароль: 1a2b3c4d.".encode("utf-16-be")
    request = submit(text=text, data_coding=8)
    frame = in_answer("telling", request, encode(SubmitSmResp(message_id=ID)))
    assert frame[16:] == b"79161234567/1a2b3c4d.\0"


def test_a_receipt_tells_the_number() -> None:
    assert b"err:79161234567 " in in_message("telling", receipt()).short_message


def test_a_forged_receipt_is_about_the_same_message_and_from_another_phone() -> None:
    true, forged = receipts.read(receipt()), receipts.read(forge(receipt()))
    assert true is not None
    assert forged is not None
    assert forged.message_ids == true.message_ids
    assert forged.state is receipts.MessageState.UNDELIVERABLE
    assert forge(receipt()).source_addr == "79161234568"


def test_an_unknown_id_is_in_text_and_tlv() -> None:
    read = receipts.read(in_message("unknown_id", receipt()))
    assert read is not None
    assert read.message_ids[0] == "feedfacecafebeef"
    assert b"id:0f" not in in_message("unknown_id", receipt()).short_message


@pytest.mark.parametrize("value", [v for v, where in HOSTILE.items() if "deliver_sm" in where])
def test_a_text_keeps_its_sender_and_its_words(value: str) -> None:
    text = DeliverSm(source_addr_ton=1, source_addr="79161234567", short_message=b"CLIENT info")
    read = decode(encode(in_message(value, text)))
    assert isinstance(read, DeliverSm)
    assert (read.source_addr, read.short_message) == ("79161234567", b"CLIENT info")
    assert read.destination_addr or read.leniencies


async def test_a_bind_response_is_hostile_and_binds() -> None:
    async with simulator(rule("bind", fault='hostile = "control"')) as centre:
        peer = await connect(centre.port)
        peer.send(BIND)
        answer = decode(await read_frame(peer))
        assert isinstance(answer, BindTransceiverResp)
        assert answer.leniencies == (Leniency.BIND_RESPONSE,)
        assert "\x1b" not in answer.system_id or len(answer.system_id) > 15
        assert (await peer.ask(submit())).status == 0
        peer.close()


async def test_answers_of_a_hostile_centre_go_over_the_wire() -> None:
    async with (
        simulator(
            rule("submit_sm", fault='hostile = "huge"')
            + rule("query_sm", fault='hostile = "control"')
        ) as centre,
        account(centre) as peer,
    ):
        peer.send(submit())
        assert len(await read_frame(peer)) == 16 + 65_501
        peer.send(QuerySm(message_id="a", sequence=8))
        assert CONTROL in await read_frame(peer)


async def test_a_forged_receipt_precedes_the_true_one() -> None:
    async with (
        simulator(rule("receipt", fault='hostile = "forged"')) as centre,
        account(centre) as peer,
    ):
        centre.queue(ACCOUNT.system_id).put(QueuedMessage(receipt()))
        forged, true = await peer.read(DeliverSm), await peer.read(DeliverSm)
        assert (forged.source_addr, true.source_addr) == ("79161234568", "79161234567")
        assert forged.sequence != true.sequence


# -- attacks -----------------------------------------------------------------------------


def attack(kind: str, more: str = "count = 3") -> str:
    return f'[[attack]]\nkind = "{kind}"\n{more}\n'


@pytest.mark.parametrize("kind", [name for name, kind in ATTACKS.items() if kind.pdu])
async def test_an_attack_sends_as_many_whole_pdus_as_it_says(kind: str) -> None:
    async with simulator(attack(kind)) as centre, account(centre) as peer:
        sequences = set()
        for _ in range(3):
            frame = await read_frame(peer)
            sequences.add(frame[12:16])
        assert len(sequences) == 3
        await centre.ledger.count("attacked", 1)
        [entry] = centre.ledger.entries("attacked")
        assert entry.detail == f"{kind}: 3 PDUs"


async def test_parts_are_the_first_of_other_messages() -> None:
    async with simulator(attack("large_parts", "count = 2\nphones = 1")) as centre:
        async with account(centre) as peer:
            first, second = await peer.read(DeliverSm), await peer.read(DeliverSm)
        one, two = part_of(first), part_of(second)
        assert one is not None
        assert two is not None
        assert (one.sequence, one.total, len(user_data_of(first).body)) == (1, 255, 60_000)
        assert one.reference != two.reference
        assert first.source_addr == second.source_addr == "79990000000"


async def test_an_attack_waits_and_is_paced() -> None:
    clock = Clock()
    script = attack("alerts", "after_s = 5\ncount = 40\nper_second = 200")
    async with simulator(script, clock) as centre, account(centre) as peer:
        assert await clock.passes() == 5
        for _ in range(4):
            for _ in range(10):
                await peer.read(AlertNotification)
            assert await clock.passes() == 0.05


async def test_one_who_does_not_read_answers_gets_no_more_than_the_client_reads() -> None:
    script = attack("unread_texts", "count = 1_000_000")
    async with simulator(script) as centre, account(centre) as peer:
        for _ in range(100):
            peer.send((await peer.read(DeliverSm)).answer())
        peer.send(EnquireLink(sequence=9))
        [session] = centre.queue(ACCOUNT.system_id).sessions
        assert session.reading_paused
        assert session.stats.unmatched_answers == 0


async def test_octets_go_out_one_at_a_time() -> None:
    clock = Clock()
    async with (
        simulator(attack("slow_octets", "per_second = 10"), clock) as centre,
        account(centre) as peer,
    ):
        assert await clock.passes() == 0.1
        peer.send(EnquireLink(sequence=9))
        reading = asyncio.create_task(peer.read(EnquireLinkResp))
        passed = 0
        while not reading.done():
            assert await clock.passes() == 0.1
            passed += 1
        assert passed >= 16
        assert (await reading).sequence == 9


async def test_phones_are_not_attacked_and_the_test_may_attack_at_any_time() -> None:
    async with simulator() as centre, account(centre) as peer:
        phone = await connect(centre.port)
        bind = type(BIND)(system_id="phone", address_range=NUMBER, sequence=1)
        assert (await phone.ask(bind)).status == 0
        assert await centre.attack(Attack(kind="enquiries", count=2)) == 2
        for _ in range(2):
            await peer.read(EnquireLink)
        phone.send(EnquireLink(sequence=9))
        await phone.read(EnquireLinkResp)
        phone.close()


# -- scripts and the command line --------------------------------------------------------


def test_names_of_the_command_line_become_rules_that_take_turns() -> None:
    own = parse_script(rule("submit_sm", "first = 1", 'status = "ESME_RSYSERR"'))
    script = with_hostility(own, ("huge", "control", "alerts"))
    answers = [each for each in script.rule if each.match.command == "submit_sm"]
    assert answers[0] == own.rule[0]
    assert [(each.fault.hostile, each.match.after, each.match.every) for each in answers[1:]] == [
        ("huge", 0, 2),
        ("control", 1, 2),
    ]
    assert [each.kind for each in script.attack] == ["alerts"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (rule("receipt", fault='hostile = "bad"'), "unknown 'bad'; choose one of huge"),
        (rule("bind", fault='hostile = "forged"'), "forged is a value in receipt"),
        (attack("bad"), "unknown 'bad'; choose one of texts"),
    ],
)
def test_what_does_not_exist_is_refused(text: str, message: str) -> None:
    with pytest.raises(SetupError, match=message):
        parse_script(text)


def test_an_unknown_name_of_the_command_line_is_refused() -> None:
    none: Any = parse_script("")
    with pytest.raises(SetupError, match="--hostile bad: choose one of huge"):
        with_hostility(none, ("bad",))
