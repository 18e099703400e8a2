"""Every magic number, seen by a real client over TCP."""

import asyncio

import pytest

from inbound.local.simulator.phone import Phone
from inbound.smpp.errors import UnansweredError
from inbound.smpp.pdu import EnquireLink, EnquireLinkResp, ResponsePdu, SubmitSmResp
from inbound.smpp.session import Session, SessionRole, SessionSettings
from inbound.smpp.status import Status, name_of
from tests.patience import PATIENCE_S
from tests.unit.local.simulator.tools import (
    BIND,
    NUMBER,
    Clock,
    accept,
    account,
    no_requests,
    simulator,
    submit,
)

ENQUIRY = EnquireLink(sequence=99)


def to(digits: str) -> str:
    return f"+791612{digits}"


async def test_magic_numbers_are_off_by_default() -> None:
    async with simulator() as centre, account(centre) as peer:
        assert (await peer.ask(submit(to("99019")))).status == 0


@pytest.mark.parametrize(("digits", "seconds"), [("99001", 1), ("99005", 5), ("99015", 15)])
async def test_a_slow_answer_is_overtaken(digits: str, seconds: float) -> None:
    clock = Clock()
    async with (
        simulator(magic=True, clock=clock) as centre,
        account(centre) as peer,
        Phone("127.0.0.1", centre.port, to(digits)) as phone,
    ):
        peer.send(submit(to(digits), 7, registered_delivery=1), submit(NUMBER, 8))
        assert (await peer.read(SubmitSmResp)).sequence == 8
        assert (await phone.receive()).text == "ok"  # taken at once
        assert await clock.passes() == seconds
        answer = await peer.read(SubmitSmResp)
        assert (answer.sequence, answer.status, answer.message_id) == (7, 0, "a")
        assert await clock.passes() == seconds  # and its receipt follows the answer
        assert b"id:a " in (await accept(peer)).short_message


@pytest.mark.parametrize(("digits", "delivered"), [("99008", False), ("99009", True)])
async def test_no_answer(digits: str, delivered: bool) -> None:
    async with (
        simulator(magic=True) as centre,
        account(centre) as peer,
        Phone("127.0.0.1", centre.port, to(digits)) as phone,
    ):
        peer.send(submit(to(digits), text=b"silent"), submit(to(digits)[:-5] + "00000"), ENQUIRY)
        answers = {type(await peer.read(ResponsePdu)) for _ in range(2)}
        assert answers == {SubmitSmResp, EnquireLinkResp}
        assert centre.stats.submitted == (2 if delivered else 1)
        if delivered:
            assert (await phone.receive()).text == "silent"


@pytest.mark.parametrize(
    ("digits", "statuses"),
    [
        ("99011", [Status.ESME_RTHROTTLED, 0, Status.ESME_RTHROTTLED, 0]),
        ("99013", [Status.ESME_RTHROTTLED] * 3 + [0]),
        ("99019", [Status.ESME_RTHROTTLED] * 5),
        ("99021", [Status.ESME_RMSGQFUL, 0]),
        ("99029", [Status.ESME_RMSGQFUL] * 2),
        ("99031", [Status.ESME_RINVDSTADR] * 2),
        ("99032", [Status.ESME_RSUBMITFAIL] * 2),
        ("99038", [Status.ESME_RSYSERR, 0]),
        ("99039", [0x4FF] * 2),
    ],
)
async def test_errors(digits: str, statuses: list[int]) -> None:
    async with simulator(magic=True) as centre, account(centre) as peer:
        got = [(await peer.ask(submit(to(digits)))).status for _ in statuses]
        assert [name_of(status) for status in got] == [name_of(status) for status in statuses]
        assert centre.stats.submitted == statuses.count(0)


async def test_attempts_are_counted_per_part() -> None:
    async with simulator(magic=True) as centre, account(centre) as peer:
        texts = [b"one", b"two", b"one", b"two"]
        got = [(await peer.ask(submit(to("99011"), text=text))).status for text in texts]
        assert got == [Status.ESME_RTHROTTLED] * 2 + [0, 0]


@pytest.mark.parametrize(
    ("digits", "octets", "delivered"), [("99041", 0, 0), ("99042", 0, 1), ("99043", 9, 1)]
)
async def test_a_link_cut_around_the_answer(digits: str, octets: int, delivered: int) -> None:
    async with simulator(magic=True) as centre:
        async with account(centre) as peer:
            assert (await peer.ask(submit(NUMBER, 1))).status == 0
            peer.send(submit(to(digits)))
            async with asyncio.timeout(PATIENCE_S):
                assert len(await peer.reader.read()) == octets
        assert centre.stats.submitted == 1 + delivered
        async with account(centre) as peer:
            assert (await peer.ask(submit(to(digits)))).status == 0


async def test_a_cut_answer_is_unknown_to_a_session() -> None:
    async with simulator(magic=True) as centre:
        _, session = await asyncio.get_running_loop().create_connection(
            lambda: Session(SessionRole.ESME, SessionSettings(), no_requests),
            "127.0.0.1",
            centre.port,
        )
        await session.bind(BIND)
        with pytest.raises(UnansweredError):
            await session.send(submit(to("99043")))
        await session.wait_closed()


async def test_an_answer_twice_and_one_of_another_command() -> None:
    async with simulator(magic=True) as centre, account(centre) as peer:
        peer.send(submit(to("99044")))
        assert [(await peer.read(SubmitSmResp)).message_id for _ in range(2)] == ["a", "a"]
        answer = await peer.ask(submit(to("99045"), 11))
        assert isinstance(answer, EnquireLinkResp)
        assert answer.sequence == 11


@pytest.mark.parametrize(
    ("digits", "words"),
    [
        ("99051", b"stat:UNDELIV err:001"),
        ("99052", b"stat:EXPIRED err:002"),
        ("99053", b"stat:REJECTD err:003"),
    ],
)
async def test_a_receipt_of_failure_after_the_answer(digits: str, words: bytes) -> None:
    async with (
        simulator(magic=True) as centre,
        Phone("127.0.0.1", centre.port, to(digits)),
        account(centre) as peer,
    ):
        assert (await peer.ask(submit(to(digits), registered_delivery=1))).status == 0
        receipt = await accept(peer)
        assert words in receipt.short_message
        assert b"dlvrd:000" in receipt.short_message
        await centre.ledger.count("receipt_resp")
        assert centre.ledger.entries("deliver_sm") == []  # the phone got nothing


async def test_receipts_late_twice_early_and_never() -> None:
    clock = Clock()
    async with (
        simulator(magic=True, clock=clock) as centre,
        Phone("127.0.0.1", centre.port, "+791612*"),
        account(centre) as peer,
    ):
        assert (await peer.ask(submit(to("99054"), registered_delivery=1))).status == 0
        assert await clock.passes() == 10
        assert b"id:a " in (await accept(peer)).short_message

        assert (await peer.ask(submit(to("99055"), registered_delivery=1))).status == 0
        assert b"id:b " in (await accept(peer)).short_message
        assert b"id:b " in (await accept(peer)).short_message

        peer.send(submit(to("99056"), registered_delivery=1))
        assert b"id:c " in (await accept(peer)).short_message
        assert (await peer.read(SubmitSmResp)).message_id == "c"

        assert (await peer.ask(submit(to("99057"), registered_delivery=1))).status == 0
        assert (await peer.ask(submit(NUMBER[:7] + "00000", registered_delivery=1))).status == 0
        assert b"id:e " in (await accept(peer)).short_message  # and none of d before it


async def test_a_text_twice_as_if_the_answer_had_been_lost() -> None:
    async with (
        simulator(magic=True) as centre,
        account(centre) as peer,
        Phone("127.0.0.1", centre.port, to("99061")) as phone,
    ):
        await phone.text("CLIENT info")
        first, second = await accept(peer), await accept(peer)
        assert first.short_message == second.short_message == b"CLIENT info"
        assert first.sequence != second.sequence
        await phone.text("next")
        assert (await accept(peer)).short_message == b"next"


@pytest.mark.parametrize(("digits", "whole"), [("99062", True), ("99063", False)])
async def test_a_link_cut_around_a_text(digits: str, whole: bool) -> None:
    async with (
        simulator(magic=True) as centre,
        Phone("127.0.0.1", centre.port, to(digits)) as phone,
    ):
        async with account(centre) as peer:
            await phone.text("CLIENT info")
            async with asyncio.timeout(PATIENCE_S):
                octets = await peer.reader.read()
            assert octets.endswith(b"CLIENT info") is whole
            assert octets
        async with account(centre) as peer:
            assert (await accept(peer)).short_message == b"CLIENT info"
            await centre.ledger.count("deliver_sm_resp")
        assert centre.queue("scserv").stats.retried == 1


async def test_a_text_behind_junk_and_a_late_one() -> None:
    clock = Clock()
    async with (
        simulator(magic=True, clock=clock) as centre,
        account(centre) as peer,
        Phone("127.0.0.1", centre.port, "+791612*") as phone,
    ):
        await phone.text("junk first", source=to("99064"))
        async with asyncio.timeout(PATIENCE_S):
            header = await peer.reader.readexactly(16)
        await peer.reader.readexactly(int.from_bytes(header[:4], "big") - 16)
        assert (await accept(peer)).short_message == b"junk first"
        await phone.text("late", source=to("99065"))
        assert await clock.passes() == 5
        assert (await accept(peer)).short_message == b"late"


async def test_magic_numbers_apply_to_neither_phones_nor_receipts() -> None:
    async with (
        simulator(magic=True) as centre,
        account(centre) as peer,
        Phone("127.0.0.1", centre.port, to("99061"), federal=to("99019")) as phone,
        Phone("127.0.0.1", centre.port, to("99019")) as other,
    ):
        await phone.text("from phone to phone")
        assert (await other.receive()).text == "from phone to phone"
        for _ in range(2):
            answer = await peer.ask(submit(to("99061"), registered_delivery=1))
            assert isinstance(answer, SubmitSmResp)
            assert f"id:{answer.message_id} ".encode() in (await accept(peer)).short_message
            assert (await phone.receive()).text == "ok"
