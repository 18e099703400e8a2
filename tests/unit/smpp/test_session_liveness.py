"""A session keeps alive, pauses and ends: enquiries, slow peers and handlers, silence."""

import asyncio
import socket
from dataclasses import replace
from typing import Any

import pytest

from inbound.smpp.pdu import (
    DeliverSm,
    DeliverSmResp,
    EnquireLink,
    Pdu,
    RequestPdu,
    ResponsePdu,
    SubmitSm,
    SubmitSmResp,
)
from inbound.smpp.session import Session, SessionSettings, SessionState
from tests.patience import PATIENCE_S
from tests.unit.smpp.peer import FAST, deliver, esme_session, submit, until


async def test_a_slow_handler_stops_reading_and_loses_nothing() -> None:
    gate = asyncio.Event()

    async def serve(request: RequestPdu[Any], _: Session) -> ResponsePdu:
        await gate.wait()
        answer: ResponsePdu = request.answer()
        return answer

    settings = SessionSettings(queue_limit=10, enquire_link_s=0)
    async with esme_session(serve, settings) as (session, peer):
        for number in range(1, 21):
            peer.send(deliver(number))
        await until(lambda: session.reading_paused)
        peer.send(*(deliver(number) for number in range(21, 2001)))
        read_so_far = session.stats.requests_in
        await asyncio.sleep(0)
        assert session.stats.requests_in == read_so_far < 2000
        gate.set()
        numbers = [(await peer.read(DeliverSmResp)).sequence for _ in range(2000)]
        assert numbers == list(range(1, 2001))
        assert not session.reading_paused


def end_response_timeouts(session: Session) -> None:
    """As if the time for every answer that is missing were over."""
    for pending in session._window._pending.values():
        pending.deadline = 0.0
    session._tick()


async def test_timeouts_are_suspended_while_reading_is_paused() -> None:
    gate = asyncio.Event()

    async def serve(request: RequestPdu[Any], _: Session) -> ResponsePdu:
        await gate.wait()
        answer: ResponsePdu = request.answer()
        return answer

    async with esme_session(serve, replace(FAST, queue_limit=1)) as (session, peer):
        sent = session.send(submit())
        number = (await peer.read(SubmitSm)).sequence
        peer.send(deliver(1), deliver(2), deliver(3))
        await until(lambda: session.reading_paused)
        end_response_timeouts(session)
        assert not sent.done()
        gate.set()
        await until(lambda: not session.reading_paused)
        # What the peer sent during the pause is read only now: the limit begins again.
        due = session._window.due()
        assert due is not None
        assert due > asyncio.get_running_loop().time()
        peer.send(SubmitSmResp(sequence=number, message_id="read-late"))
        assert (await sent).message_id == "read-late"


async def test_enquire_link_is_sent_while_the_peer_keeps_sending() -> None:
    """A centre that enquires every second still waits for our enquiries."""
    settings = SessionSettings(enquire_link_s=0.05, response_timeout_s=PATIENCE_S)
    async with esme_session(settings=settings) as (_, peer), asyncio.timeout(PATIENCE_S):
        for _ in range(3):
            peer.send(EnquireLink(sequence=9))
            while not isinstance(pdu := await peer.read(Pdu), EnquireLink):
                peer.send(EnquireLink(sequence=9))
            peer.send(pdu.answer())


async def test_enquire_link_waits_for_no_earlier_answer() -> None:
    settings = SessionSettings(enquire_link_s=0.02, response_timeout_s=PATIENCE_S)
    async with esme_session(settings=settings) as (_, peer):
        enquiries = [await peer.read(EnquireLink) for _ in range(3)]
        assert len({enquiry.sequence for enquiry in enquiries}) == 3


async def test_enquire_link_is_sent_while_reading_is_paused() -> None:
    gate = asyncio.Event()

    async def serve(request: RequestPdu[Any], _: Session) -> ResponsePdu:
        await gate.wait()
        answer: ResponsePdu = request.answer()
        return answer

    settings = SessionSettings(queue_limit=1, response_timeout_s=PATIENCE_S, enquire_link_s=0.1)
    async with esme_session(serve, settings) as (session, peer):
        peer.send(deliver(1), deliver(2), deliver(3))
        await until(lambda: session.reading_paused)
        await peer.read(EnquireLink)
        assert session.reading_paused
        gate.set()


async def test_an_idle_session_enquires_and_notices_silence() -> None:
    async with esme_session(settings=replace(FAST, enquire_link_s=0.05)) as (session, peer):
        peer.send((await peer.read(EnquireLink)).answer())
        await peer.read(EnquireLink)
        assert session.state is SessionState.BOUND
        end_response_timeouts(session)
        reason = await session.wait_closed()
        assert reason == f"no answer to enquire_link for {PATIENCE_S:g} s"


async def test_enquire_link_continues_after_an_unreadable_answer() -> None:
    settings = SessionSettings(enquire_link_s=0.02, response_timeout_s=PATIENCE_S)
    async with esme_session(settings=settings) as (_, peer):
        for _ in range(3):
            enquiry = await peer.read(EnquireLink)
            unreadable = b"\0\0\0\x12\x80\0\0\x03\0\0\0\0"
            peer.send(unreadable + enquiry.sequence.to_bytes(4, "big") + b"id")


async def test_reading_pauses_when_too_many_octets_are_queued() -> None:
    gate = asyncio.Event()

    async def serve(request: RequestPdu[Any], _: Session) -> ResponsePdu:
        await gate.wait()
        answer: ResponsePdu = request.answer()
        return answer

    settings = SessionSettings(queue_limit=1000, queue_octets=200_000, enquire_link_s=0)
    async with esme_session(serve, settings) as (session, peer):
        payload = ((0x0424, b"x" * 60_000),)
        peer.send(*(DeliverSm(tlvs=payload, sequence=number) for number in range(1, 51)))
        await until(lambda: session.reading_paused)
        assert session.stats.requests_in < 50
        gate.set()
        numbers = [(await peer.read(DeliverSmResp)).sequence for _ in range(50)]
        assert numbers == list(range(1, 51))
        assert not session.reading_paused
        assert session._answering.octets == 0


async def test_nothing_is_served_while_the_peer_does_not_read() -> None:
    served: list[int] = []

    async def serve(request: RequestPdu[Any], _: Session) -> ResponsePdu:
        served.append(request.sequence)
        answer: ResponsePdu = request.answer()
        return answer

    async with esme_session(serve) as (session, peer):
        session.pause_writing()
        peer.send(deliver(1))
        await peer.ask(EnquireLink(sequence=9))
        assert not served
        assert session.window_free() == 0
        session.resume_writing()
        assert (await peer.read(DeliverSmResp)).sequence == 1
        assert session.window_free() == FAST.window


async def test_a_closing_peer_is_named() -> None:
    async with esme_session() as (session, peer):
        peer.close()
        assert await session.wait_closed() == "the peer closed the connection"
        assert session.state is SessionState.CLOSED


async def test_peer_that_never_reads_is_disconnected(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("inbound.smpp._connection._MAX_UNREAD", 100_000)
    async with esme_session() as (session, peer):
        peer.reader._transport.pause_reading()  # type: ignore[attr-defined]  # asyncio's own
        # The system holds megabytes for a peer that does not read; here as little as it can.
        for transport, buffer in (
            (session._transport, socket.SO_SNDBUF),
            (peer.writer.transport, socket.SO_RCVBUF),
        ):
            transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, buffer, 1)
        enquiries = b"".join(b"\0\0\0\x10\0\0\0\x15\0\0\0\0\0\0\0\x01" for _ in range(4096))
        while not session.reason:
            peer.writer.write(enquiries)
            await asyncio.sleep(0)
        assert session.reason == "the peer stopped reading"
