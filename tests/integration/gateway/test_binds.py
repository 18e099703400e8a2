"""The binds of a gateway as the settings ask for them: both directions, TLS, a shared rate."""

import asyncio
import re
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from inbound.cli.binds import binds as binds_command
from inbound.errors import RetryableError, SetupError
from inbound.gateway import bind_settings
from inbound.local.simulator.phone import Phone
from inbound.local.simulator.server import Simulator, SimulatorSettings
from inbound.local.simulator.tls import server_context
from inbound.smpp.pdu import BindReceiver, BindTransceiver, DeliverSmResp
from inbound.smpp.status import Status
from inbound.store.bind_reports import BindReports
from tests.e2e.script import ACCOUNT
from tests.integration.gateway.running import bind, described, gateway, until
from tests.patience import PATIENCE_S
from tests.unit.smpp.certificate import self_signed
from tests.unit.smpp.corpus.malformed import frame, message
from tests.unit.smpp.peer import peers


async def test_a_transmitter_and_a_receiver_make_a_pair_over_tls(
    database_url: str, tmp_path: Path
) -> None:
    certificate = self_signed(tmp_path / "centre.pem")
    context = server_context(certificate, None, certificate)
    async with Simulator(SimulatorSettings(port=0, accounts=(ACCOUNT,)), ssl=context) as centre:
        tls: dict[str, Any] = {"tls": True, "tls_ca": certificate, "tls_cert": certificate}
        pair = (
            bind(centre.port, bind="out", type="transmitter", **tls),
            bind(centre.port, bind="in", type="receiver", **tls),
        )
        async with gateway("g1", database_url, *pair) as (made, health, _):
            await until(lambda: health.ready().ok, health.ready)
            assert [bind.name for bind in made.sending] == ["out"]
            await until(
                lambda: {about["state"] for about in described(health).values()} == {"bound"},
                lambda: described(health),
            )


async def test_a_text_reaches_kafka_by_the_receiver(database_url: str) -> None:
    async with Simulator(SimulatorSettings(port=0, accounts=(ACCOUNT,))) as centre:
        pair = (
            bind(centre.port, bind="out", type="transmitter"),
            bind(centre.port, bind="in", type="receiver"),
        )
        async with (
            gateway("g1", database_url, *pair) as (_, health, producer),
            Phone("127.0.0.1", centre.port, "+79161234567") as phone,
        ):
            await until(lambda: health.ready().ok, health.ready)
            await phone.text("CLIENT info")
            async with asyncio.timeout(PATIENCE_S):
                text = await producer.texts.get()
            assert (text.bind, text.source) == ("in", "+79161234567")


async def test_no_text_is_taken_before_the_shared_clock_was_read(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without its time by that clock a copy of it at another gateway would be a new request."""
    read, failures = BindReports.database_time, [RetryableError("away")] * 3

    async def read_later(self: BindReports) -> datetime:
        if failures:
            raise failures.pop()
        return await read(self)

    monkeypatch.setattr(BindReports, "database_time", read_later)
    async with (
        Simulator(SimulatorSettings(port=0, accounts=(ACCOUNT,))) as centre,
        Phone("127.0.0.1", centre.port, "+79161234567") as phone,
        gateway("g1", database_url, bind(centre.port)) as (_, health, producer),
    ):
        await phone.text("CLIENT info")
        async with asyncio.timeout(PATIENCE_S):
            text = await producer.texts.get()
        assert not failures
        assert text.heard_at is not None
        await until(lambda: health.ready().ok, health.ready)


async def test_a_certificate_that_nobody_vouches_for_keeps_the_bind_down(
    database_url: str, tmp_path: Path
) -> None:
    context = server_context(self_signed(tmp_path / "centre.pem"), None, None)
    async with (
        Simulator(SimulatorSettings(port=0, accounts=(ACCOUNT,)), ssl=context) as centre,
        gateway("g1", database_url, bind(centre.port, tls=True)) as (_, health, _p),
    ):
        await until(
            lambda: any("certificate" in reason for reason in health.ready().reasons),
            health.ready,
        )


def test_tls_files_that_are_not_there_are_named(database_url: str, tmp_path: Path) -> None:
    with pytest.raises(SetupError, match="nowhere"):
        bind_settings.tls(bind(1, tls=True, tls_ca=tmp_path / "nowhere.pem"))


async def test_binds_that_fit_and_are_up_give_status_0(database_url: str) -> None:
    async with Simulator(SimulatorSettings(port=0, accounts=(ACCOUNT,))) as centre:
        two = (
            bind(centre.port, bind="out", type="transmitter"),
            # A receiver sends nothing, so its centre is not one that every gateway needs.
            bind(centre.port, bind="in", type="receiver", centre="south"),
        )
        async with (
            gateway("g1", database_url, *two) as (_, health, _p),
            gateway("g2", database_url, bind(centre.port)) as (_, other, _q),
        ):

            def shown() -> Result:
                variables = {"SCSERV_DATABASE_URL": database_url}
                return CliRunner().invoke(binds_command, env=variables)

            await until(lambda: health.ready().ok and other.ready().ok, health.ready)
            await until(lambda: shown().exit_code == 0, lambda: shown().output)
            line = r"in at g1, receiver to \S+: bound since \d{4}-\d\d-\d\d [\d:]{8} Europe/Moscow"
            await until(lambda: re.search(line, shown().output) is not None, lambda: shown().output)


def test_what_an_operator_sets_is_what_the_centre_gets() -> None:
    made = bind_settings.bind_settings(
        bind(
            1,
            standby="other.example:3700",
            interface_version="5.0",
            system_type="ISO,MCON3",
            type="receiver",
            window=7,
            rate=30,
        )
    )
    assert made.standby == ("other.example", 3700)
    assert (made.window, made.rate) == (7, 30)
    pdu = made.bind_pdu()
    assert isinstance(pdu, BindReceiver)
    assert (pdu.interface_version, pdu.system_type) == (0x50, "ISO,MCON3")
    assert bind_settings.bind_settings(bind(1)).bind_pdu().interface_version == 0x34


async def test_a_centre_that_deviates_is_bound_and_named_once(
    database_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Over two connections, of which each has the same deviations."""
    garbage = message(tail=b"\0", text=b"CLIENT info\0", source=b"0079161234567\0")
    async with peers() as (port, connections):
        settings = bind(port, reconnect_min_s=0.01)
        async with gateway("g1", database_url, settings) as (_, health, producer):
            for _ in range(2):
                peer = await connections.get()
                request = await peer.read(BindTransceiver)
                peer.send(frame(0x80000009, b"smsc\0\0", sequence=request.sequence))
                await until(lambda: health.ready().ok, health.ready)
                peer.send(frame(0x05, garbage))
                assert (await peer.read(DeliverSmResp)).status == Status.ESME_ROK
                async with asyncio.timeout(PATIENCE_S):
                    text = await producer.texts.get()
                assert (text.source, text.payload) == ("+79161234567", b"CLIENT info")
                peer.close()
    lines = [r.getMessage() for r in caplog.records if "deviates from" in r.getMessage()]
    assert [line.split("kind=")[1] for line in lines] == [
        '"bind_response", outcome="tolerated"',
        '"optional_part", outcome="tolerated"',
        '"nul_padding", outcome="tolerated"',
        '"number_form", outcome="tolerated"',
    ]
    assert not any("7916" in line for line in lines)
