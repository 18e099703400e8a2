"""The binds of a gateway as the settings ask for them: both directions, TLS, a shared rate."""

import asyncio
import logging
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from pydantic import SecretStr

from inbound.cli.binds import binds as binds_command
from inbound.clock import utc_now
from inbound.errors import RetryableError, SetupError
from inbound.gateway import bind_reporter, bind_settings, rate_sharing
from inbound.gateway.arrival_storage import Storage
from inbound.gateway.binds import Binds
from inbound.local.simulator.phone import Phone
from inbound.local.simulator.server import Simulator, SimulatorSettings
from inbound.local.simulator.tls import server_context
from inbound.ops.health import Health
from inbound.settings import Settings, SmppSettings
from inbound.smpp.pdu import BindReceiver, BindTransceiver, DeliverSmResp
from inbound.smpp.status import Status
from inbound.store.bind_reports import BindReports
from inbound.store.receipts.overdue import OverdueReceipts
from schemas.messages import MobileOriginated
from tests.e2e.script import ACCOUNT
from tests.patience import PATIENCE_S
from tests.set_aside import SetAside
from tests.unit.smpp.certificate import self_signed
from tests.unit.smpp.corpus.malformed import frame, message
from tests.unit.smpp.peer import peers


class Producer:
    """Takes every text at once."""

    def __init__(self) -> None:
        self.texts: asyncio.Queue[MobileOriginated] = asyncio.Queue()

    async def send(self, _topic: str, value: bytes, *_: Any, **__: Any) -> asyncio.Future[None]:
        self.texts.put_nowait(MobileOriginated.model_validate_json(value))
        stored: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        stored.set_result(None)
        return stored


@asynccontextmanager
async def gateway(
    name: str, database_url: str, *binds: SmppSettings
) -> AsyncIterator[tuple[Binds, Health, Producer]]:
    settings = Settings(subject_key=SecretStr("00" * 32), binds=binds)
    producer, health, presence = Producer(), Health(), BindReports(database_url)
    made = Binds(
        settings,
        Storage(producer, SetAside()),
        presence,
        OverdueReceipts(database_url),
        health,
        gateway=name,
        clock=utc_now,
        oldest_waiting_s=lambda _centre: {},
    )
    running = asyncio.create_task(made.run())
    try:
        yield made, health, producer
    finally:
        await made.close()
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await presence.close()


async def until(condition: Callable[[], bool], why: Callable[[], object]) -> None:
    """Wait for what the binds report: it gives no signal of its own."""
    try:
        async with asyncio.timeout(PATIENCE_S):
            while not condition():  # noqa: ASYNC110
                await asyncio.sleep(0.01)
    except TimeoutError:
        pytest.fail(f"it stayed so: {why()}")


def described(health: Health) -> dict[str, Any]:
    found = health.details().get("binds", {})
    assert isinstance(found, dict)
    return found


def bind(port: int, **fields: Any) -> SmppSettings:
    values: dict[str, Any] = {
        "port": port,
        "system_id": ACCOUNT.system_id,
        "password": SecretStr(ACCOUNT.password),
    }
    return SmppSettings(**(values | {"host": "127.0.0.1", "reconnect_max_s": 0.5} | fields))


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


async def test_gateways_share_an_accounts_rate_and_give_it_back(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rate_sharing, "REPORT_EVERY_S", 0.05)
    async with Simulator(SimulatorSettings(port=0, accounts=(ACCOUNT,))) as centre:
        one = bind(centre.port, rate=20)

        def share(health: Health) -> float:
            return float(described(health).get("main-1", {}).get("rate", 0))

        async with gateway("g1", database_url, one) as (_, first, _p):
            await until(lambda: first.ready().ok and share(first) == 20, first.ready)
            async with gateway("g2", database_url, one) as (_, second, _q):
                await until(lambda: second.ready().ok, second.ready)
                await until(lambda: share(first) == share(second) == 10, lambda: share(first))
            await until(lambda: share(first) == 20, lambda: share(first))


async def test_a_newcomer_sends_nothing_before_the_others_have_heard_of_it(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Long enough for a report, however busy the database is.
    monkeypatch.setattr(rate_sharing, "REPORT_EVERY_S", 1.0)
    async with Simulator(SimulatorSettings(port=0, accounts=(ACCOUNT,))) as centre:
        one = bind(centre.port, rate=20)

        async def rate_once_it_sends(made: Binds) -> float:
            (sending,), (only,) = made.sending, made.binds
            async with asyncio.timeout(PATIENCE_S):
                await sending.slot()
            return only.share.current

        async with gateway("g1", database_url, one) as (first, health, _p):
            assert await rate_once_it_sends(first) == 20
            await until(lambda: health.ready().ok, health.ready)
            async with gateway("g2", database_url, one) as (second, _, _q):
                assert await rate_once_it_sends(second) == 10
                assert await rate_once_it_sends(first) == 10


async def test_a_gateway_that_lacks_a_centre_of_another_one_says_so_until_it_is_gone(
    database_url: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(rate_sharing, "REPORT_EVERY_S", 0.05)
    caplog.set_level(logging.INFO, "inbound.gateway")

    def lacks(health: Health) -> object:
        return health.details().get("lacking_centres")

    south_of_two = bind(1, centre="south", bind="south-2")
    async with gateway("g1", database_url, bind(1, bind="main-1")) as (_, first, _p):
        await until(lambda: lacks(first) == (), lambda: lacks(first))
        async with gateway("g2", database_url, south_of_two) as (_, second, _q):
            await until(
                lambda: (lacks(first), lacks(second)) == (("south",), ("main",)),
                lambda: (lacks(first), lacks(second)),
            )
            shown = CliRunner().invoke(binds_command, env={"SCSERV_DATABASE_URL": database_url})
            assert shown.exit_code == 1
            assert "g1 lacks a bind to the SMS centre south: every gateway" in shown.output
            assert "g2 lacks a bind to the SMS centre main: every gateway" in shown.output
        await until(lambda: lacks(first) == (), lambda: lacks(first))
    of_south = [line for line in caplog.messages if "lacks a bind to the SMS centre south" in line]
    assert len(of_south) == 1
    assert any("has a bind to every SMS centre" in line for line in caplog.messages)


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
            assert re.search(line, shown().output)


def is_reported(health: Health) -> bool:
    """Whether the last report of the binds reached the database."""
    return not any(reason.startswith("database:") for reason in health.ready().reasons)


async def test_after_an_outage_of_the_database_nobody_takes_more_than_before(
    database_url: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "inbound.gateway")
    monkeypatch.setattr(rate_sharing, "REPORT_EVERY_S", 0.1)
    async with Simulator(SimulatorSettings(port=0, accounts=(ACCOUNT,))) as centre:
        settings = bind(centre.port, rate=20)
        async with (
            gateway("g1", database_url, settings) as (made, first, _p),
            gateway("g2", database_url, settings) as (other, _second, _q),
        ):
            (one,) = made.binds
            await until(lambda: one.share.others == 1, lambda: one.share.others)
            report = made._reports.report

            async def away(*_: Any) -> int:
                raise RetryableError("the database is away")

            async def back(*arguments: Any) -> int:
                monkeypatch.setattr(made._reports, "report", report)
                # As it would count when the others could not report either.
                assert await report(*arguments) == 1
                return 0

            monkeypatch.setattr(made._reports, "report", away)
            await until(lambda: not is_reported(first), lambda: described(first))
            monkeypatch.setattr(made._reports, "report", back)
            await until(lambda: is_reported(first), lambda: described(first))
            assert one.share.current == 10
            assert [line for line in caplog.messages if "can be reached again" in line] == [
                "the database can be reached again: binding and sending continue"
            ]
            await other.close()
            await until(lambda: one.share.current == 20, lambda: one.share.others)


async def test_two_gateways_where_the_centre_wants_to_be_told_so(
    database_url: str,
) -> None:
    """By system_type, as MCON2; the centre closes the older link of an account otherwise."""
    settings = SimulatorSettings(port=0, accounts=(ACCOUNT,), strict_binds=True)
    async with Simulator(settings) as centre:
        one = bind(centre.port, system_type="MCON2,SINGLE", interface_version="5.0")
        async with (
            gateway("g1", database_url, one) as (_, first, _p),
            gateway("g2", database_url, one) as (_, second, _q),
        ):
            await until(lambda: first.ready().ok and second.ready().ok, first.ready)
            assert [link.per for link in centre._links._links.values()] == ["part", "part"]
            assert centre.ledger.counts["end"] == 0


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


async def test_a_name_that_another_gateway_uses_is_warned_of_once_both_have_reported_for_a_while(
    database_url: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bind_reporter, "SHARED_FOR_S", 0.5)
    async with (
        Simulator(SimulatorSettings(port=0, accounts=(ACCOUNT,))) as centre,
        gateway("g1", database_url, bind(centre.port)),
        gateway("g2", database_url, bind(centre.port)),
    ):
        await until(
            lambda: "has a bind named main-1, too: give each bind another name" in caplog.text,
            lambda: caplog.text,
        )
