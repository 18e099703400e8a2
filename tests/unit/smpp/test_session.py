"""A session in the ESME's role against a scripted centre."""

import asyncio
import logging
import os
import socket
from dataclasses import replace
from typing import Any

import pytest

from inbound.smpp.errors import BindRefusedError, NotSentError, UnansweredError
from inbound.smpp.pdu import (
    BindTransceiverResp,
    BindTransmitter,
    DeliverSm,
    DeliverSmResp,
    EnquireLink,
    EnquireLinkResp,
    GenericNack,
    QuerySm,
    RequestPdu,
    ResponsePdu,
    SubmitSm,
    SubmitSmResp,
    encode,
)
from inbound.smpp.session import Session
from inbound.smpp.status import Status
from tests.patience import PATIENCE_S
from tests.unit.smpp.corpus.malformed import frame
from tests.unit.smpp.peer import BIND, FAST, deliver, esme_session, submit, until

SECRETS = ("79161234567", "sesame12", "1a2b3c4d")


async def test_a_request_ends_with_its_answer_whatever_the_order() -> None:
    async with esme_session() as (session, peer):
        first, second = session.send(submit()), session.send(submit())
        one, two = await peer.read(SubmitSm), await peer.read(SubmitSm)
        peer.send(SubmitSmResp(sequence=two.sequence, message_id="b"))
        peer.send(SubmitSmResp(sequence=one.sequence, status=0x4FF))
        assert (await second).message_id == "b"
        assert (await first).status == 0x4FF


async def test_a_generic_nack_is_an_answer_with_its_status() -> None:
    async with esme_session() as (session, peer):
        sent = session.send(submit())
        number = (await peer.read(SubmitSm)).sequence
        peer.send(GenericNack(sequence=number, status=Status.ESME_RINVCMDLEN))
        assert await sent == SubmitSmResp(sequence=number, status=Status.ESME_RINVCMDLEN)


async def test_answers_leave_in_the_order_of_arrival() -> None:
    loop = asyncio.get_running_loop()
    stored = [loop.create_future() for _ in range(3)]

    async def store(request: RequestPdu[Any], _: Session) -> asyncio.Future[ResponsePdu]:
        return stored[request.sequence - 1]

    async with esme_session(store) as (_, peer):
        peer.send(deliver(1), deliver(2), deliver(3))
        stored[2].set_result(deliver(3).answer())
        stored[1].set_exception(OSError("no broker"))
        # An enquire_link does not wait for them, and shows that nothing else was written.
        assert isinstance(await peer.ask(EnquireLink(sequence=9)), EnquireLinkResp)
        stored[0].set_result(deliver(1).answer())
        answers = [await peer.read(DeliverSmResp) for _ in range(3)]
    assert [answer.sequence for answer in answers] == [1, 2, 3]
    assert [answer.status for answer in answers] == [0, Status.ESME_RX_T_APPN, 0]


@pytest.mark.parametrize("failure", ["raises", "cancelled", "wrong answer", "unencodable"])
async def test_a_failing_handler_makes_the_centre_keep_the_message(failure: str) -> None:
    async def fail(request: RequestPdu[Any], _: Session) -> Any:
        if request.sequence == 1:
            if failure == "raises":
                raise RuntimeError("bug")
            if failure == "cancelled":
                waited = asyncio.get_running_loop().create_future()
                waited.cancel()
                await waited
            if failure == "wrong answer":
                return SubmitSmResp()
            return DeliverSmResp(message_id="x" * 65)
        return request.answer()

    async with esme_session(fail) as (_, peer):
        answer = await peer.ask(deliver(1))
        assert (answer.status, answer.sequence) == (Status.ESME_RX_T_APPN, 1)
        assert (await peer.ask(deliver(2))).status == 0


async def test_message_read_after_the_peer_closed_is_recognised() -> None:
    left: list[bool] = []
    served = asyncio.Event()

    async def handler(request: RequestPdu[Any], session: Session) -> ResponsePdu:
        left.append(session.is_closed_by_peer())
        served.set()
        answer: ResponsePdu = request.answer()
        return answer

    async with esme_session(handler) as (_, peer):
        await peer.ask(deliver(1))
        served.clear()
        # Both octets and their end reach the kernel before the loop turns again.
        connection = peer.writer.get_extra_info("socket")
        os.write(connection.fileno(), encode(deliver(2)))
        connection.shutdown(socket.SHUT_WR)
        await served.wait()
    assert left == [False, True]


async def test_requests_are_served_one_at_a_time() -> None:
    served: list[int] = []
    gate = asyncio.Event()

    async def serve(request: RequestPdu[Any], _: Session) -> ResponsePdu:
        served.append(request.sequence)
        await gate.wait()
        answer: ResponsePdu = request.answer()
        return answer

    async with esme_session(serve) as (_, peer):
        peer.send(deliver(1), deliver(2))
        await peer.ask(EnquireLink(sequence=9))
        assert served == [1]
        gate.set()
        assert [(await peer.read(DeliverSmResp)).sequence for _ in range(2)] == [1, 2]


async def test_window_limits_requests_and_an_answer_frees_a_place() -> None:
    async with esme_session() as (session, peer):
        sent = [session.send(submit()) for _ in range(FAST.window)]
        assert session.window_free() == 0
        with pytest.raises(NotSentError, match="window is full"):
            await session.send(submit())
        slot = asyncio.ensure_future(session.slot())
        numbers = [(await peer.read(SubmitSm)).sequence for _ in sent]
        assert not slot.done()
        peer.send(SubmitSmResp(sequence=numbers[1]))
        await slot
        assert session.window_free() == 1
        assert sent[1].done()
        for future in (sent[0], sent[2]):
            future.cancel()


async def test_lost_link_distinguishes_written_from_unwritten_requests() -> None:
    async with esme_session() as (session, peer):
        written = session.send(submit())
        await peer.read(SubmitSm)
        unwritten = session.send(submit())
        session.abort("cut")
        with pytest.raises(UnansweredError, match="cut"):
            await written
        with pytest.raises(NotSentError, match="cut"):
            await unwritten
        with pytest.raises(NotSentError, match="cut"):
            await session.send(submit())
        with pytest.raises(NotSentError, match="cut"):
            await session.slot()


async def test_waiting_for_a_slot_fails_when_the_session_ends() -> None:
    async with esme_session() as (session, peer):
        sent = [session.send(submit()) for _ in range(FAST.window)]
        waiting = asyncio.ensure_future(session.slot())
        await peer.read(SubmitSm)
        peer.close()
        with pytest.raises(NotSentError):
            await waiting
        outcomes = await asyncio.gather(*sent, return_exceptions=True)
        assert {type(outcome) for outcome in outcomes} == {UnansweredError}


def end_response_timeouts(session: Session) -> None:
    """As if the time for every answer that is missing were over."""
    for pending in session._window._pending.values():
        pending.deadline = 0.0
    session._tick()


async def test_no_answer_in_time_is_unanswered_and_frees_the_window() -> None:
    async with esme_session(settings=replace(FAST, window=1)) as (session, peer):
        sent = session.send(submit())
        late = await peer.read(SubmitSm)
        end_response_timeouts(session)
        with pytest.raises(UnansweredError, match=f"no answer for {PATIENCE_S:g} s"):
            await sent
        await session.slot()
        peer.send(late.answer())
        await until(lambda: session.stats.unmatched_answers == 1)
        sent = session.send(submit())
        peer.send((await peer.read(SubmitSm)).answer())
        assert (await sent).status == 0


async def test_transmitter_receives_no_deliver_sm() -> None:
    async with esme_session(bound=False) as (session, peer):
        binding = asyncio.ensure_future(session.bind(BindTransmitter(system_id="scserv")))
        await peer.accept_bind()
        await binding
        assert (await peer.ask(deliver(1))).status == Status.ESME_RINVBNDSTS


async def test_an_answer_that_cannot_be_read_is_unanswered() -> None:
    async with esme_session() as (session, peer):
        asked = session.send(QuerySm(message_id="1"))
        number = (await peer.read(QuerySm)).sequence
        peer.send(frame(0x80000003, b"id", sequence=number))
        with pytest.raises(UnansweredError, match="can't be parsed"):
            await asked


async def test_a_refused_bind_says_why() -> None:
    async with esme_session(bound=False) as (session, peer):
        binding = asyncio.ensure_future(session.bind(BIND))
        peer.send((await peer.read(type(BIND))).answer(Status.ESME_RINVPASWD))
        with pytest.raises(BindRefusedError) as caught:
            await binding
        assert caught.value.status == Status.ESME_RINVPASWD
        wanted = "the SMS centre refused the bind: ESME_RINVPASWD (wrong password)"
        assert await session.wait_closed() == str(caught.value) == wanted
        assert await peer.at_end()


async def test_a_message_right_behind_the_bind_answer_is_served() -> None:
    async with esme_session(bound=False) as (session, peer):
        binding = asyncio.ensure_future(session.bind(BIND))
        bind = await peer.read(type(BIND))
        peer.send(BindTransceiverResp(sequence=bind.sequence), deliver(5))
        assert (await peer.read(DeliverSmResp)).status == 0
        await binding


async def test_unreadable_pdus_do_not_flood_the_log(caplog: pytest.LogCaptureFixture) -> None:
    settings = replace(FAST, bind="south-1")
    async with esme_session(settings=settings) as (session, peer):
        for _ in range(100):
            peer.send(b"\0\0\0\x10\0\0\0\x05\0\0\0\0\0\0\0\x01")
            await peer.read(DeliverSmResp)
        assert session.stats.unreadable == 100
    assert [line for line in caplog.messages if "can't parse" in line][-1].endswith(
        "(64 unreadable PDUs so far)"
    )
    assert len(caplog.messages) == 7
    assert all(line.startswith("bind south-1: can't parse ") for line in caplog.messages)


async def test_congestion_state_tlv_is_kept() -> None:
    async with esme_session() as (session, peer):
        sent = session.send(submit())
        number = (await peer.read(SubmitSm)).sequence
        congested = ((0x0428, b"\x50"),)
        peer.send(SubmitSmResp(sequence=number, message_id="7", tlvs=congested))
        assert (await sent).tlvs == congested


async def test_logs_contain_no_message_contents(caplog: pytest.LogCaptureFixture) -> None:
    async def fail(_request: RequestPdu[Any], _: Session) -> ResponsePdu:
        raise RuntimeError("bug")

    caplog.set_level(logging.DEBUG)
    async with esme_session(fail) as (session, peer):
        secret = DeliverSm(source_addr=SECRETS[0], short_message=SECRETS[2].encode(), sequence=3)
        await peer.ask(secret)
        sent = session.send(SubmitSm(destination_addr=SECRETS[0], short_message=b"1a2b3c4d"))
        peer.send((await peer.read(SubmitSm)).answer(), SubmitSmResp(sequence=999))
        await sent
        peer.send(b"\0\0\0\x14\0\0\0\x05\0\0\0\0\0\0\0\x01swor")
        await peer.read(DeliverSmResp)
    assert "the handler of <DeliverSm" in caplog.text
    assert not any(secret in caplog.text for secret in SECRETS)
