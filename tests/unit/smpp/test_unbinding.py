"""A session ends by unbind: what was under way is still answered."""

import asyncio
from typing import Any

import pytest

from inbound.smpp.errors import NotSentError, UnansweredError
from inbound.smpp.pdu import (
    DeliverSmResp,
    EnquireLink,
    EnquireLinkResp,
    Pdu,
    RequestPdu,
    ResponsePdu,
    SubmitSm,
    Unbind,
    UnbindResp,
)
from inbound.smpp.session import Session, SessionSettings, SessionState
from tests.unit.smpp.peer import BIND, deliver, esme_session, submit, until


async def test_unbinding_waits_for_the_answer() -> None:
    async with esme_session() as (session, peer):
        unbinding = asyncio.ensure_future(session.unbind())
        unbind = await peer.read(Unbind)
        with pytest.raises(NotSentError):
            await session.send(submit())
        # What was on its way is still served.
        assert (await peer.ask(deliver(4))).status == 0
        peer.send(unbind.answer())
        await unbinding
        assert session.reason == "this side unbound"
        assert await peer.at_end()


async def test_the_answer_to_unbind_is_the_last() -> None:
    stored: asyncio.Future[ResponsePdu] = asyncio.get_running_loop().create_future()

    async def store(_request: RequestPdu[Any], _: Session) -> asyncio.Future[ResponsePdu]:
        return stored

    async with esme_session(store) as (session, peer):
        peer.send(deliver(1), Unbind(sequence=2))
        await peer.ask(EnquireLink(sequence=9))
        stored.set_result(deliver(1).answer())
        assert (await peer.read(DeliverSmResp)).sequence == 1
        assert (await peer.read(UnbindResp)).sequence == 2
        assert await peer.at_end()
        assert session.reason == "the peer unbound"


async def test_the_peers_unbind_waits_for_outstanding_answers() -> None:
    async with esme_session() as (session, peer):
        sent = [session.send(submit(number)) for number in (1, 2)]
        requests = [await peer.read(SubmitSm) for _ in sent]
        # A message after the unbind could not be answered: it is not handled, and comes again.
        peer.send(Unbind(sequence=1), deliver(2))
        assert isinstance(await peer.ask(EnquireLink(sequence=9)), EnquireLinkResp)
        assert session.window_free() == 0
        with pytest.raises(NotSentError):
            await session.send(submit())
        peer.send(*(request.answer() for request in reversed(requests)))
        assert (await peer.read(UnbindResp)).sequence == 1
        assert [answer.status for answer in await asyncio.gather(*sent)] == [0, 0]
        assert await peer.at_end()
        assert session.reason == "the peer unbound"
        assert session.stats.requests_in == 1


async def test_the_peers_unbind_waits_no_longer_than_the_response_timeout() -> None:
    settings = SessionSettings(response_timeout_s=0.05, enquire_link_s=0)
    async with esme_session(settings=settings) as (session, peer):
        sent = session.send(submit())
        await peer.read(SubmitSm)
        peer.send(Unbind(sequence=1))
        await peer.read(UnbindResp)
        with pytest.raises(UnansweredError, match="no answer for"):
            await sent
        assert await peer.at_end()


async def test_answers_between_the_peers_unbind_and_its_close_count() -> None:
    async with esme_session() as (session, peer):
        sent = [session.send(submit(number)) for number in (1, 2)]
        first, _ = [await peer.read(SubmitSm) for _ in sent]
        peer.send(Unbind(sequence=1), first.answer())
        peer.close()
        assert (await sent[0]).status == 0
        with pytest.raises(UnansweredError, match="the peer closed the connection"):
            await sent[1]
        await session.wait_closed()


async def test_an_enquiry_before_the_peers_unbind_needs_no_answer() -> None:
    settings = SessionSettings(enquire_link_s=0.01, response_timeout_s=60)
    async with esme_session(settings=settings) as (session, peer):
        await peer.read(EnquireLink)
        sent = session.send(submit())
        while not isinstance(request := await peer.read(Pdu), SubmitSm):
            pass
        peer.send(Unbind(sequence=1))
        await until(lambda: session.state is SessionState.UNBINDING)
        # As if the response timeout of the enquiries were over.
        for pending in session._window._pending.values():
            if pending.answer_type is EnquireLinkResp:
                pending.deadline = 0.0
        await until(lambda: session.stats.unanswered > 0)
        assert not session.reason
        peer.send(request.answer())
        assert (await sent).status == 0


async def test_what_arrived_before_the_answer_to_our_unbind_is_answered() -> None:
    stored: asyncio.Future[ResponsePdu] = asyncio.get_running_loop().create_future()

    async def store(_request: RequestPdu[Any], _: Session) -> asyncio.Future[ResponsePdu]:
        return stored

    async with esme_session(store) as (session, peer):
        unbinding = asyncio.ensure_future(session.unbind())
        unbind = await peer.read(Unbind)
        peer.send(deliver(4), unbind.answer())
        await peer.ask(EnquireLink(sequence=9))
        stored.set_result(deliver(4).answer())
        assert (await peer.read(DeliverSmResp)).sequence == 4
        await unbinding
        assert await peer.at_end()


async def test_an_answer_to_the_bind_after_an_unbind_opens_no_session() -> None:
    async with esme_session(bound=False) as (session, peer):
        binding = asyncio.ensure_future(session.bind(BIND))
        request = await peer.read(type(BIND))
        peer.send(Unbind(sequence=1), request.answer())
        assert (await binding).status == 0
        with pytest.raises(NotSentError):
            await session.send(submit())
        assert await session.wait_closed() == "the peer unbound"


async def test_both_sides_may_unbind_at_once() -> None:
    async with esme_session() as (session, peer):
        unbinding = asyncio.ensure_future(session.unbind())
        await peer.read(Unbind)
        peer.send(Unbind(sequence=7))
        assert (await peer.read(UnbindResp)).sequence == 7
        await unbinding
        assert await peer.at_end()
