"""Habits of real SMS centres: what goes over the wire, and that it means what it should."""

from typing import Any

import pytest

from inbound.errors import SetupError
from inbound.local.simulator.delivery_queue import QueuedMessage
from inbound.local.simulator.habits import HABITS, bend, lengthen
from inbound.local.simulator.script import parse_script
from inbound.smpp.pdu import (
    BindTransceiverResp,
    DeliverSm,
    SubmitSmResp,
    Unbind,
    decode,
    encode,
)
from tests.unit.local.simulator.tools import ACCOUNT, BIND, account, rule, simulator, submit
from tests.unit.smpp.peer import connect

TEXT = b"CLIENT info"
RECEIPT = b"id:7 stat:DELIVRD"


def deliver(**fields: Any) -> DeliverSm:
    values: dict[str, Any] = {
        "source_addr_ton": 1,
        "source_addr": "79161234567",
        "short_message": TEXT,
    }
    return DeliverSm(**(values | fields))


@pytest.mark.parametrize(
    ("habit", "changes"),
    [
        ("nul_padding", {"short_message": TEXT + b"\0"}),
        ("prefix_00", {"source_addr": "0079161234567"}),
        ("bad_header", {"esm_class": 0x40, "short_message": b"\6\0\3\x7f\1\1\0" + TEXT}),
        ("no_header", {"esm_class": 0x40}),
        ("odd_escape", {"short_message": b"CLIEN\x1bT info"}),
    ],
)
def test_what_each_habit_makes_of_a_text(habit: str, changes: dict[str, Any]) -> None:
    assert bend(habit, deliver()) == deliver(**changes)


def test_a_receipt_is_padded_in_front() -> None:
    padded = bend("nul_padding", deliver(esm_class=4, short_message=RECEIPT))
    assert padded.short_message == b"\0" + RECEIPT


@pytest.mark.parametrize("habit", ["nul_padding", "no_header", "odd_escape"])
@pytest.mark.parametrize(
    "pdu",
    [
        deliver(data_coding=8, short_message="CLIENT info".encode("utf-16-be")),
        deliver(esm_class=0x40, short_message=b"\5\0\3\7\2\1CLIENT"),
    ],
)
def test_a_habit_that_would_change_the_meaning_changes_nothing(habit: str, pdu: DeliverSm) -> None:
    assert bend(habit, pdu) == pdu


@pytest.mark.parametrize(("habit", "tail"), [("stray_octet", b"\0"), ("cut_tlv", b"\2\4\0\2\1")])
def test_octets_after_the_last_field_are_counted(habit: str, tail: bytes) -> None:
    whole = encode(deliver(sequence=3))
    assert encode(bend(habit, deliver(sequence=3))) == lengthen(habit, whole)
    assert lengthen(habit, whole)[4:] == whole[4:] + tail
    assert int.from_bytes(lengthen(habit, whole)[:4], "big") == len(whole) + len(tail)


@pytest.mark.parametrize("habit", [name for name, commands in HABITS.items() if "bind" in commands])
async def test_a_bind_response_with_a_habit_binds(habit: str) -> None:
    async with simulator(rule("bind", fault=f'habit = "{habit}"')) as centre:
        peer = await connect(centre.port)
        peer.send(BIND)
        size = int.from_bytes(header := await peer.reader.readexactly(4), "big")
        frame = header + await peer.reader.readexactly(size - 4)
        answer = decode(frame)
        assert isinstance(answer, BindTransceiverResp)
        assert answer.status == 0
        assert frame == lengthen(habit, encode(answer))
        assert (await peer.ask(submit())).status == 0
        peer.close()


async def test_a_message_with_a_habit_is_delivered_once() -> None:
    async with (
        simulator(rule("deliver_sm", fault='habit = "cut_tlv"')) as centre,
        account(centre) as peer,
    ):
        statuses: list[int] = []
        centre.queue(ACCOUNT.system_id).put(QueuedMessage(deliver(), statuses.append))
        delivered = await peer.read(DeliverSm)
        assert delivered.short_message == TEXT
        peer.send(delivered.answer())
        assert (await peer.ask(submit())).status == 0
        assert statuses == [0]


async def test_an_unbind_comes_before_the_answer() -> None:
    async with (
        simulator(rule("submit_sm", "first = 1", 'habit = "unbind"')) as centre,
        account(centre) as peer,
    ):
        peer.send(submit(sequence=7))
        unbind = await peer.read(Unbind)
        answer = await peer.read(SubmitSmResp)
        assert (answer.status, answer.sequence) == (0, 7)
        peer.send(unbind.answer())
        assert await peer.at_end()


def test_a_habit_of_another_command_is_refused() -> None:
    with pytest.raises(SetupError, match="odd_escape is a habit of deliver_sm"):
        parse_script(rule("receipt", fault='habit = "odd_escape"'))
    with pytest.raises(SetupError, match="unknown 'bad'; choose one of stray_octet"):
        parse_script(rule("receipt", fault='habit = "bad"'))
