"""A session in the centre's role against a scripted ESME."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from inbound.smpp.listener import Listener, listen
from inbound.smpp.pdu import (
    BindPdu,
    BindReceiver,
    BindTransceiver,
    BindTransmitter,
    DataSm,
    QuerySm,
    RequestPdu,
    ResponsePdu,
    SubmitSm,
    Unbind,
)
from inbound.smpp.session import Session, SessionSettings
from inbound.smpp.status import Status
from tests.patience import PATIENCE_S
from tests.unit.smpp.peer import BIND, Peer, connect, deliver, no_requests, submit

SETTINGS = SessionSettings(enquire_link_s=0, bind_timeout_s=PATIENCE_S, system_id="centre")


async def accept_bind(bind: BindPdu, _session: Session) -> int:
    return Status.ESME_ROK if bind.password == BIND.password else Status.ESME_RINVPASWD


@pytest.fixture
async def listener() -> AsyncIterator[Listener]:
    listener = await listen(
        "127.0.0.1", 0, on_bind=accept_bind, on_request=no_requests, settings=SETTINGS
    )
    yield listener
    for session in list(listener.sessions):
        session.abort("the test ends")
    await listener.close()


@pytest.fixture
async def peer(listener: Listener) -> AsyncIterator[Peer]:
    peer = await connect(listener.port)
    yield peer
    peer.close()


async def test_bind_response_has_system_id_and_version(peer: Peer) -> None:
    answer = await peer.ask(BIND)
    assert answer == BIND.answer_type(sequence=1, system_id="centre", tlvs=((0x0210, b"\x34"),))
    assert (await peer.ask(submit(2))).status == 0


@pytest.mark.parametrize(
    ("bind", "request_", "status"),
    [
        (None, submit(5), Status.ESME_RINVBNDSTS),
        (None, DataSm(sequence=5), Status.ESME_RINVBNDSTS),
        (BindReceiver, submit(5), Status.ESME_RINVBNDSTS),
        (BindTransmitter, submit(5), Status.ESME_ROK),
        (BindTransmitter, deliver(5), Status.ESME_RINVBNDSTS),
        (BindTransceiver, deliver(5), Status.ESME_RINVBNDSTS),
        (BindTransceiver, BindTransmitter(sequence=5), Status.ESME_RALYBND),
        (BindTransceiver, DataSm(sequence=5), Status.ESME_ROK),
        (None, QuerySm(sequence=5), Status.ESME_RINVBNDSTS),
        (BindReceiver, QuerySm(sequence=5), Status.ESME_RINVBNDSTS),
        (BindTransmitter, QuerySm(sequence=5), Status.ESME_ROK),
        (BindTransceiver, QuerySm(sequence=5), Status.ESME_ROK),
        (None, Unbind(sequence=5), Status.ESME_ROK),
    ],
)
async def test_bind_type_decides_allowed_directions(
    peer: Peer, bind: type[BindPdu] | None, request_: RequestPdu[Any], status: int
) -> None:
    if bind is not None:
        await peer.ask(bind(system_id="scserv", password=BIND.password, sequence=1))
    answer = await peer.ask(request_)
    assert (type(answer), answer.status) == (request_.answer_type, status)


async def test_smpp_5_bind_gets_version_3_4(peer: Peer) -> None:
    bind = BindTransceiver(
        system_id="scserv", password=BIND.password, interface_version=0x50, sequence=1
    )
    answer = await peer.ask(bind)
    assert answer == bind.answer_type(sequence=1, system_id="centre", tlvs=((0x0210, b"\x34"),))
    older = BindTransceiver(system_id="scserv", password=BIND.password, interface_version=0x33)
    other = await connect(peer.writer.get_extra_info("peername")[1])
    # TLVs are for those who know them (SMPP 3.4, 3.3).
    assert await other.ask(older) == older.answer_type(system_id="centre")
    other.close()


async def test_refused_bind_can_be_repeated(peer: Peer) -> None:
    wrong = BindTransceiver(system_id="scserv", password="wrong", sequence=1)
    assert (await peer.ask(wrong)).status == Status.ESME_RINVPASWD
    assert (await peer.ask(submit(2))).status == Status.ESME_RINVBNDSTS
    assert (await peer.ask(BIND)).status == 0


async def test_requests_sent_right_behind_a_bind_are_served(peer: Peer) -> None:
    peer.send(BIND, submit(2), submit(3))
    answers = [await peer.read(ResponsePdu) for _ in range(3)]
    assert [(answer.sequence, answer.status) for answer in answers] == [(1, 0), (2, 0), (3, 0)]


async def test_failing_handler_gives_a_system_error() -> None:
    async def fail(_request: RequestPdu[Any], _: Session) -> ResponsePdu:
        raise RuntimeError("bug")

    listener = await listen("127.0.0.1", 0, on_bind=accept_bind, on_request=fail)
    peer = await connect(listener.port)
    await peer.ask(BIND)
    assert (await peer.ask(submit(2))).status == Status.ESME_RSYSERR
    peer.close()
    await listener.close()


async def test_connection_without_bind_is_closed() -> None:
    settings = SessionSettings(bind_timeout_s=0.05)
    listener = await listen(
        "127.0.0.1", 0, on_bind=accept_bind, on_request=no_requests, settings=settings
    )
    peer = await connect(listener.port)
    assert await peer.at_end()
    peer.close()
    await listener.close()


async def test_closing_unbinds_every_session(listener: Listener, peer: Peer) -> None:
    port = listener.port
    await peer.ask(BIND)
    closing = asyncio.ensure_future(listener.close())
    unbind = await peer.read(Unbind)
    peer.send(unbind.answer())
    await closing
    assert await peer.at_end()
    assert not listener.sessions
    with pytest.raises(ConnectionRefusedError):
        await connect(port)


async def test_a_submit_keeps_its_contents() -> None:
    got: list[SubmitSm] = []

    async def take(request: Any, _: Session) -> ResponsePdu:
        got.append(request)
        answer: ResponsePdu = request.answer()
        return answer

    taking = await listen("127.0.0.1", 0, on_bind=accept_bind, on_request=take)
    peer = await connect(taking.port)
    sent = submit(2)
    sent.tlvs = ((0x1400, b"vendor's own"),)
    await peer.ask(BIND)
    await peer.ask(sent)
    assert got == [sent]
    peer.close()
    await taking.close()
