"""What only a server does: versions, idle links, and requests that not every server carries out."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest

from inbound.smpp.bind_options import BindOptions
from inbound.smpp.listener import listen
from inbound.smpp.pdu import (
    BindPdu,
    BindReceiver,
    BindTransceiver,
    BindTransceiverResp,
    CancelSm,
    CancelSmResp,
    RequestPdu,
    ResponsePdu,
    SubmitMulti,
    SubmitMultiResp,
)
from inbound.smpp.session import Session, SessionSettings
from inbound.smpp.status import Status
from tests.unit.smpp.peer import BIND, FAST, Peer, connect

CANCEL = CancelSm(message_id="7", source_addr="SCSERV", destination_addr="79161234567", sequence=2)
MULTI = SubmitMulti(octets=b"\0" * 20, sequence=3)


@asynccontextmanager
async def server(settings: SessionSettings) -> AsyncIterator[Peer]:
    async def welcome(_bind: BindPdu, _session: Session) -> int:
        return Status.ESME_ROK

    async def refuse(request: RequestPdu[Any], _session: Session) -> ResponsePdu:
        answer: ResponsePdu = request.answer(Status.ESME_RINVCMDID)
        return answer

    listener = await listen("127.0.0.1", 0, on_bind=welcome, on_request=refuse, settings=settings)
    peer = await connect(listener.port)
    try:
        yield peer
    finally:
        for session in list(listener.sessions):
            session.abort("the test ends")
        await listener.close()
        peer.close()


@pytest.mark.parametrize(
    ("asked", "highest", "named"),
    [(0x34, 0x50, 0x34), (0x50, 0x50, 0x50), (0x50, 0x34, 0x34)],
)
async def test_the_bind_response_names_the_version_of_the_session(
    asked: int, highest: int, named: int
) -> None:
    async with server(replace(FAST, interface_version=highest)) as peer:
        peer.send(BindTransceiver(system_id="shop", interface_version=asked, sequence=1))
        answer = await peer.read(BindTransceiverResp)
    assert answer.tlvs == ((0x0210, bytes((named,))),)


async def test_a_link_on_which_nothing_arrives_is_ended() -> None:
    async with server(replace(FAST, idle_limit_s=0.05)) as peer:
        await peer.ask(BIND)
        assert await peer.at_end()


@pytest.mark.parametrize(
    ("request_", "response"), [(CANCEL, CancelSmResp), (MULTI, SubmitMultiResp)]
)
async def test_the_handler_answers_with_the_response_of_the_command(
    request_: RequestPdu[Any], response: type[ResponsePdu]
) -> None:
    async with server(FAST) as peer:
        await peer.ask(BIND)
        peer.send(request_)
        assert (await peer.read(response)).status == Status.ESME_RINVCMDID


async def test_a_receiver_may_not_cancel() -> None:
    async with server(FAST) as peer:
        await peer.ask(BindReceiver(system_id="shop", sequence=1))
        assert (await peer.ask(CANCEL)).status == Status.ESME_RINVBNDSTS


def test_the_oldest_links_end_for_one_more() -> None:
    assert BindOptions().surplus(["a", "b"]) == ["a", "b"]
    assert BindOptions(links=2).surplus(["a", "b", "c"]) == ["a", "b"]
    assert BindOptions(links=3).surplus(["a"]) == []
