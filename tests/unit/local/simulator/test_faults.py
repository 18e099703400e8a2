"""Each fault of a script, seen by a real client over TCP."""

import asyncio
from dataclasses import replace

import pytest

from inbound.local.simulator.malformed import ENDING, MALFORMED
from inbound.local.simulator.phone import Phone
from inbound.smpp.errors import BindRefusedError, PduError, UnansweredError
from inbound.smpp.pdu import (
    BindReceiver,
    BindResp,
    DeliverSm,
    EnquireLink,
    EnquireLinkResp,
    ResponsePdu,
    SubmitSmResp,
    decode,
)
from inbound.smpp.session import Session, SessionRole, SessionSettings
from inbound.smpp.status import Status
from tests.patience import PATIENCE_S
from tests.unit.local.simulator.tools import (
    ACCOUNT,
    BIND,
    NUMBER,
    Clock,
    accept,
    account,
    no_requests,
    rule,
    simulator,
    submit,
)
from tests.unit.smpp.peer import connect

# -- faults of answers -------------------------------------------------------------------


async def test_faults_of_binds() -> None:
    clock = Clock()
    script = (
        rule("bind", "first = 1", 'status = "ESME_RBINDFAIL"')
        + rule("bind", "after = 1, first = 1", "delay_s = 3")
        + rule("bind", "after = 2, first = 1", 'cut = "before"')
        + rule("bind", "after = 3, first = 1", 'cut = "middle"')
        + rule("bind", "after = 4, first = 1", 'malformed = "garbage"')
        + rule("bind", "after = 5, first = 1")
    )
    async with simulator(script, clock) as centre:
        peer = await connect(centre.port)
        assert (await peer.ask(BIND)).status == Status.ESME_RBINDFAIL
        peer.send(BIND)
        assert await clock.passes() == 3
        assert (await peer.read(BindResp)).status == 0
        peer.close()
        for octets in (b"", b"\0\0\0\x21\x80\0\0\x09", b"\xff" * 64):
            peer = await connect(centre.port)
            peer.send(BIND)
            async with asyncio.timeout(PATIENCE_S):
                got = await peer.reader.readexactly(len(octets))
            assert got[4:8] == octets[4:8]
            assert len(octets) > 16 or await peer.at_end()
            peer.close()
        peer = await connect(centre.port)
        peer.send(BIND)
        await centre.ledger.count("fault", 6)
        peer.send(EnquireLink(sequence=2))
        assert isinstance(await peer.read(ResponsePdu), EnquireLinkResp)
        peer.close()
        await centre.ledger.count("end", 5)
        assert centre.ledger.counts["bind_resp"] >= 4
        async with account(centre):
            pass


async def test_a_client_learns_of_a_refused_bind() -> None:
    async with simulator(rule("bind", fault="status = 0x0D")) as centre:
        _, session = await asyncio.get_running_loop().create_connection(
            lambda: Session(SessionRole.ESME, SessionSettings(), no_requests),
            "127.0.0.1",
            centre.port,
        )
        with pytest.raises(BindRefusedError, match="ESME_RBINDFAIL"):
            await session.bind(BIND)
        await session.wait_closed()


async def test_enquire_link_is_ignored_late_and_refused() -> None:
    clock = Clock()
    script = (
        rule("enquire_link", "first = 1")
        + rule("enquire_link", "after = 1, first = 1", "delay_s = 2")
        + rule("enquire_link", "after = 2, first = 1", "status = 8")
    )
    async with simulator(script, clock) as centre, account(centre) as peer:
        peer.send(*(EnquireLink(sequence=number) for number in (11, 12, 13, 14)))
        answers = [await peer.read(EnquireLinkResp) for _ in range(2)]
        assert [(answer.sequence, answer.status) for answer in answers] == [(13, 8), (14, 0)]
        assert await clock.passes() == 2
        assert (await peer.read(EnquireLinkResp)).sequence == 12


async def test_an_ignored_enquire_link_ends_a_session() -> None:
    async with simulator(rule("enquire_link")) as centre:
        settings = SessionSettings(enquire_link_s=0.01, response_timeout_s=0.01)
        _, session = await asyncio.get_running_loop().create_connection(
            lambda: Session(SessionRole.ESME, settings, no_requests), "127.0.0.1", centre.port
        )
        # Given more time than its enquiries.
        await asyncio.wait_for(session.bind(BIND), PATIENCE_S)
        assert "no answer to enquire_link" in await asyncio.wait_for(
            session.wait_closed(), PATIENCE_S
        )


async def test_a_range_of_delays_comes_from_the_seed() -> None:
    slept = []
    for _ in range(2):
        clock = Clock()
        script = "seed = 5\n" + rule("submit_sm", fault="delay_s = [1, 9]")
        async with simulator(script, clock) as centre, account(centre) as peer:
            peer.send(submit(sequence=1), submit(sequence=2))
            slept.append([await clock.passes(), await clock.passes()])
            assert [(await peer.read(SubmitSmResp)).sequence for _ in range(2)] == [1, 2]
    assert slept[0] == slept[1]
    assert all(1 <= seconds <= 9 for seconds in slept[0])
    assert slept[0][0] != slept[0][1]


async def test_delayed_answers_are_bounded() -> None:
    clock = Clock()
    async with (
        simulator(rule("submit_sm", fault="delay_s = 5"), clock, window=2) as centre,
        account(centre) as peer,
    ):
        peer.send(*(submit(sequence=number) for number in (1, 2, 3)))
        answer = await peer.read(SubmitSmResp)
        assert (answer.sequence, answer.status) == (3, Status.ESME_RTHROTTLED)
        await clock.passes()
        assert (await peer.read(SubmitSmResp)).sequence == 1
        peer.send(submit(sequence=4))
        await clock.passes()
        await clock.passes()
        assert [(await peer.read(SubmitSmResp)).sequence for _ in range(2)] == [2, 4]


async def test_reading_pauses_and_resumes() -> None:
    clock = Clock()
    script = rule("submit_sm", "first = 1", "slow_reading_s = 4")
    async with simulator(script, clock) as centre, account(centre) as peer:
        peer.send(submit(sequence=1))
        await centre.ledger.count("fault")
        peer.send(EnquireLink(sequence=2))
        async with account(centre) as other:  # a while in which it could have been read
            await other.ask(EnquireLink(sequence=1))
        assert await clock.passes() == 4
        # Had it been read, the enquire_link would have been answered first.
        assert [(await peer.read(ResponsePdu)).sequence for _ in range(2)] == [1, 2]


async def test_the_link_is_cut_after_the_answer() -> None:
    script = rule("submit_sm", fault='cut = "after"')
    async with simulator(script) as centre, account(centre) as peer:
        assert (await peer.ask(submit())).status == 0
        assert await peer.at_end()


@pytest.mark.parametrize("name", MALFORMED)
async def test_a_malformed_answer(name: str) -> None:
    """A session survives what has a next frame and closes on what has none."""
    script = rule("submit_sm", "first = 1", f'malformed = "{name}"')
    async with simulator(script) as centre:
        # The answers to these are lost, and only time tells.
        is_lost = name in {"length_swallows", "unknown_command", "other_response", "wrong_sequence"}
        timeout_s = 0.05 if is_lost else PATIENCE_S
        settings = SessionSettings(response_timeout_s=timeout_s, enquire_link_s=0)
        _, session = await asyncio.get_running_loop().create_connection(
            lambda: Session(SessionRole.ESME, settings, no_requests), "127.0.0.1", centre.port
        )
        await session.bind(BIND)
        first = session.send(submit())
        if name in ENDING - {"length_swallows"}:
            with pytest.raises(UnansweredError):
                await first
            assert await asyncio.wait_for(session.wait_closed(), PATIENCE_S)
            return
        if name == "length_swallows":
            with pytest.raises(UnansweredError):
                await first
            session.abort("the stream is lost")
            await session.wait_closed()
            return
        if name in {"unknown_command", "other_response", "wrong_sequence", "cut_tlv"}:
            # Of these only the TLV can be read past: an answer is worth more than its end.
            outcome = await asyncio.gather(first, return_exceptions=True)
            assert isinstance(outcome[0], SubmitSmResp) is (name == "cut_tlv")
            session.settings = replace(settings, response_timeout_s=PATIENCE_S)
        else:
            assert (await first).status == 0
        assert (await session.send(submit())).status == 0
        await session.unbind()


@pytest.mark.parametrize("name", sorted(MALFORMED.keys() - ENDING - {"other_response"}))
async def test_malformed_message_precedes_the_valid_one(name: str) -> None:
    script = rule("deliver_sm", "first = 1", f'malformed = "{name}"')
    async with (
        simulator(script) as centre,
        account(centre) as peer,
        Phone("127.0.0.1", centre.port, NUMBER) as phone,
    ):
        await phone.text("CLIENT info")
        async with asyncio.timeout(PATIENCE_S):
            header = await peer.reader.readexactly(16)
            frame = header + await peer.reader.readexactly(int.from_bytes(header[:4], "big") - 16)
        if name in {"wrong_sequence", "cut_tlv"}:
            assert isinstance(decode(frame), DeliverSm)
        else:
            with pytest.raises(PduError):
                decode(frame)
        assert (await accept(peer)).short_message == b"CLIENT info"


# -- faults of messages ------------------------------------------------------------------


async def test_ignored_answer_causes_a_redelivery() -> None:
    async with (
        simulator(rule("deliver_sm", "first = 2")) as centre,
        account(centre) as peer,
        Phone("127.0.0.1", centre.port, NUMBER) as phone,
    ):
        await phone.text("CLIENT info")
        got = [(await accept(peer)).short_message for _ in range(3)]
        assert got == [b"CLIENT info"] * 3
        await centre.ledger.count("deliver_sm_resp")
        assert len(centre.ledger.entries("unanswered")) == 2


async def test_a_link_cut_before_a_message() -> None:
    script = rule("deliver_sm", "first = 1", 'cut = "before"')
    async with (
        simulator(script) as centre,
        Phone("127.0.0.1", centre.port, NUMBER) as phone,
    ):
        async with account(centre) as peer:
            await phone.text("CLIENT info")
            assert await peer.at_end()
        async with account(centre) as peer:
            assert (await accept(peer)).short_message == b"CLIENT info"


async def test_a_rule_for_receipts_leaves_texts_alone() -> None:
    async with (
        simulator(rule("receipt", fault="duplicate = true")) as centre,
        Phone("127.0.0.1", centre.port, NUMBER) as phone,
        account(centre, BindReceiver(system_id="scserv", password="sesame12")) as receiver,
        account(centre) as peer,
    ):
        receiver.close()
        await centre.ledger.count("end")
        await phone.text("text")
        assert (await accept(peer)).short_message == b"text"
        assert (await peer.ask(submit(registered_delivery=1))).status == 0
        assert [b"stat:DELIVRD" in (await accept(peer)).short_message for _ in range(2)] == [
            True,
            True,
        ]


async def test_a_rule_goes_before_a_magic_number() -> None:
    script = rule("submit_sm", "first = 1", 'status = "ESME_RSYSERR"')
    async with simulator(script, magic=True) as centre, account(centre) as peer:
        magic = "+79161299031"
        statuses = [(await peer.ask(submit(magic))).status for _ in range(2)]
        assert statuses == [Status.ESME_RSYSERR, Status.ESME_RINVDSTADR]
        details = [entry.detail for entry in centre.ledger.entries("fault")]
        assert details == ["rule 1", "magic 99031"]


async def test_phones_meet_no_rule() -> None:
    refuse = "".join(rule(command, fault="status = 8") for command in ("bind", "submit_sm"))
    async with (
        simulator(refuse + rule("deliver_sm", fault='cut = "before"')) as centre,
        Phone("127.0.0.1", centre.port, NUMBER, federal="+79161230000") as phone,
        Phone("127.0.0.1", centre.port, "+79161230000") as other,
    ):
        await phone.text("from phone to phone")
        assert (await other.receive()).text == "from phone to phone"


async def test_delayed_answers_are_cancelled_on_close() -> None:
    clock = Clock()
    async with simulator(rule("submit_sm", fault="delay_s = 5"), clock) as centre:
        async with account(centre) as peer:
            peer.send(submit())
            await centre.ledger.count("fault")
        await centre.ledger.count("end")
    await asyncio.sleep(0)
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_only_the_account_of_a_rule_meets_its_fault() -> None:
    script = rule("submit_sm", 'account = "other"', "status = 8")
    async with simulator(script) as centre, account(centre) as peer:
        assert ACCOUNT.system_id != "other"
        assert (await peer.ask(submit())).status == 0
