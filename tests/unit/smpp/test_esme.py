"""The reconnecting client against a scripted centre."""

import asyncio
import logging
from dataclasses import replace

import pytest

from inbound.smpp import esme as esme_module
from inbound.smpp.bind_health import BindHealth, EsmeState
from inbound.smpp.bind_settings import BindType
from inbound.smpp.errors import NotSentError, UnansweredError
from inbound.smpp.esme import Esme
from inbound.smpp.pdu import (
    BindPdu,
    BindReceiver,
    BindTransceiver,
    BindTransmitter,
    EnquireLink,
    EnquireLinkResp,
    SubmitSm,
    Unbind,
    UnbindResp,
)
from inbound.smpp.status import Status
from tests.unit.smpp.esme_world import SETTINGS, running
from tests.unit.smpp.peer import no_requests, peers, submit, until


async def test_it_binds_submits_and_unbinds() -> None:
    async with running() as (esme, connections):
        peer = await connections.get()
        bind = await peer.accept_bind()
        assert (bind.system_id, bind.password) == ("scserv", "sesame12")
        await esme.slot()
        sent = esme.submit(submit())
        closing = asyncio.ensure_future(esme.close())
        # The answer in flight is waited for before the unbind.
        in_flight = await peer.read(SubmitSm)
        assert isinstance(await peer.ask(EnquireLink(sequence=9)), EnquireLinkResp)
        peer.send(in_flight.answer())
        peer.send((await peer.read(Unbind)).answer())
        await closing
        assert (await sent).status == 0
        await until(lambda: esme.health.state is EsmeState.CLOSED)
        with pytest.raises(NotSentError):
            await esme.slot()
        with pytest.raises(NotSentError):
            await esme.submit(submit())
        peer.close()


@pytest.mark.parametrize(
    ("bind_type", "pdu_type"),
    [
        (BindType.TRANSCEIVER, BindTransceiver),
        (BindType.TRANSMITTER, BindTransmitter),
        (BindType.RECEIVER, BindReceiver),
    ],
)
def test_bind_types(bind_type: BindType, pdu_type: type[BindPdu]) -> None:
    bind = replace(SETTINGS, bind_type=bind_type, address_range="7908").bind_pdu()
    assert type(bind) is pdu_type
    assert bind.address_range == "7908"


async def test_reconnects_after_a_loss_and_waiters_get_the_new_session() -> None:
    health: list[tuple[EsmeState, str]] = []
    async with running(on_change=lambda new: health.append((new.state, new.reason))) as (
        esme,
        connections,
    ):
        first = await connections.get()
        await first.accept_bind()
        await esme.slot()
        lost = [esme.submit(submit()) for _ in range(2)]
        waiting = asyncio.ensure_future(esme.slot())
        await first.read(SubmitSm)
        first.close()
        outcomes = await asyncio.gather(*lost, return_exceptions=True)
        assert {type(outcome) for outcome in outcomes} == {UnansweredError}
        second = await connections.get()
        assert not waiting.done()
        await second.accept_bind()
        await waiting
        assert esme.is_ready()
        again = esme.submit(submit())
        second.send((await second.read(SubmitSm)).answer())
        assert (await again).status == 0
        second.close()
    states = [state for state, _ in health]
    assert states[:5] == [
        EsmeState.CONNECTING,
        EsmeState.BOUND,
        EsmeState.DOWN,
        EsmeState.CONNECTING,
        EsmeState.BOUND,
    ]
    assert states[-1] is EsmeState.CLOSED
    assert "peer" in health[2][1] or "connection" in health[2][1]


async def test_wrong_password_is_logged_once_and_retried(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, "inbound.smpp")
    async with running() as (esme, connections):
        for _ in range(5):
            peer = await connections.get()
            peer.send((await peer.read(BindPdu)).answer(Status.ESME_RINVPASWD))
            assert await peer.at_end()
            peer.close()
        assert not esme.is_ready()
        peer = await connections.get()
        await peer.accept_bind()
        await esme.slot()
        peer.close()
    refusals = [line for line in caplog.messages if "wrong password" in line]
    assert len(refusals) == 1
    assert "the SMS centre refused the bind: ESME_RINVPASWD (wrong password)" in refusals[0]
    lines = caplog.messages
    assert [line[: len("bind south-1: ")] for line in lines] == ["bind south-1: "] * len(lines)
    assert any(": bound as scserv to 127.0.0.1:" in line for line in lines)
    assert "sesame12" not in caplog.text + repr(esme) + repr(esme.settings)


async def test_a_bind_that_stays_refused_is_logged_again_with_the_time_of_its_loss(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(esme_module, "LOG_AGAIN_AFTER_S", 0.0)
    noted: list[BindHealth] = []
    async with running(on_change=noted.append) as (esme, connections):
        esme._wall_clock = iter(range(1000, 2000, 100)).__next__
        peer = await connections.get()
        await peer.accept_bind()
        await until(lambda: esme.health.state is EsmeState.BOUND)
        peer.close()
        for _ in range(3):
            peer = await connections.get()
            peer.send((await peer.read(BindPdu)).answer(Status.ESME_RINVPASWD))
            assert await peer.at_end()
            peer.close()
        await until(lambda: len([line for line in caplog.messages if "still" in line]) >= 2)
    states = [health.state for health in noted]
    up = states.index(EsmeState.BOUND)
    assert noted[up].since == 1000
    assert {health.since for health in noted[up + 1 :]} == {1100}
    assert "still not bound, since 1970-01-01 00:18:20 UTC: the SMS centre refused" in caplog.text


async def test_a_centre_that_unbinds_and_waits_for_answers_is_shown_so(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with running() as (esme, connections):
        peer = await connections.get()
        await peer.accept_bind()
        await esme.slot()
        sent = esme.submit(submit())
        request = await peer.read(SubmitSm)
        peer.send(Unbind(sequence=1))
        await until(lambda: esme.health.state is EsmeState.UNBINDING)
        assert not sent.done()
        peer.send(request.answer())
        await peer.read(UnbindResp)
        assert (await sent).status == 0
        peer.close()
    assert "the SMS centre unbinds; waits for 1 outstanding answer" in caplog.text


async def test_missing_smsc_is_reported_and_retried() -> None:
    async with peers() as (port, _):
        pass  # now nobody listens there
    down: asyncio.Queue[BindHealth] = asyncio.Queue()
    esme = Esme(replace(SETTINGS, port=port), no_requests, on_change=down.put_nowait)
    assert esme.health.state is EsmeState.DOWN
    with pytest.raises(NotSentError):
        await esme.submit(submit())
    running_ = asyncio.create_task(esme.run())
    waiting = asyncio.ensure_future(esme.slot())
    reasons = [(await down.get()).reason for _ in range(5)]
    assert any("no connection to the SMS centre" in reason for reason in reasons)
    await esme.close()
    await running_
    with pytest.raises(NotSentError):
        await waiting


async def test_the_standby_is_tried_in_turn_with_the_first_address() -> None:
    async with peers() as (first, at_first), peers() as (second, at_second):
        settings = replace(SETTINGS, port=first, standby=("127.0.0.1", second))
        esme = Esme(settings, no_requests)
        task = asyncio.create_task(esme.run())
        try:
            # Refused here, it goes there; a link that was bound and lost comes back to where
            # it was.
            refusing = await at_first.get()
            bind = await refusing.read(BindTransceiver)
            refusing.send(bind.answer(Status.ESME_RBINDFAIL))
            peer = await at_second.get()
            await peer.accept_bind()
            await until(lambda: esme.health.state is EsmeState.BOUND)
            refusing.close()
            peer.close()
            again = await at_second.get()
            await again.accept_bind()
            await until(lambda: esme.health.state is EsmeState.BOUND)
            again.close()
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
